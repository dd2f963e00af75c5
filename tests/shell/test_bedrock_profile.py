"""Where a profile of Bedrock may be answered, asked of its control plane before it is used."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from gateway.app.reaching import _with_control
from gateway.backends import BACKENDS
from gateway.domain.fleet import place
from gateway.domain.secret import Secret
from gateway.transport.backend import INSPECT_EVERY
from gateway.transport.bedrock_place import anywhere, is_profile
from gateway.transport.credentials import Lease, Source
from gateway.transport.guard import Place
from gateway.transport.probes import Probes
from gateway.transport.target import Target
from tests.doubles.fake_bedrock import ACCESS_KEY, REGION, SECRET_KEY
from tests.doubles.fake_control import ACCOUNT, FakeControl, fake_control
from tests.doubles.probing import middle
from tests.doubles.transport_parts import Shell

pytestmark = pytest.mark.anyio

BEDROCK = BACKENDS["bedrock"]
PROFILE = "eu.anthropic.claude-opus-5-5"
OURS = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/a1b2c3"
PLAIN = "qwen.qwen3-coder-next"
INSIDE = ["eu-central-1", "eu-north-1", "eu-west-1"]
LAWFUL = frozenset({"DE", "SE", "IE"})
PINS = {"eu": ("127.0.2.0/24",)}


@pytest.fixture
def control() -> Iterator[FakeControl]:
    with fake_control() as running:
        running.profiles = {PROFILE: [*INSIDE], OURS: [*INSIDE]}
        yield running


class Asked:
    """A Bedrock backend in a zone, its control plane, and what its probes make of it."""

    def __init__(self, control: FakeControl, *models: str, lawful=LAWFUL, pins=None) -> None:
        self.secret = Secret(f"{ACCESS_KEY}:{SECRET_KEY}")
        engine = Target(
            place=Place("aws", "http", "127.0.2.9", 9, "eu"),
            kind=BEDROCK,
            secret=self.secret,
            models=models,
            lawful=lawful,
            settings={"region": REGION, "private_endpoint": True, "control_url": control.url},
            now=lambda: datetime.now(UTC),  # noqa: TID251 - a clock of the test
        )
        self.targets = tuple(_with_control(engine))
        self.shell = Shell(*self.targets, pins=pins or PINS)
        self.probes = Probes(self.targets, self.shell.sender, self.shell.health, middle)

    async def resting(self, rounds: int = 1) -> dict[str, str]:
        for _ in range(rounds):
            await self.probes.once()
        return self.shell.health.resting()


@pytest.mark.parametrize("model", [PROFILE, OURS])
async def test_adv_34_a_profile_inside_its_zone_is_used_once_it_is_resolved(
    control: FakeControl, model: str
) -> None:
    asked = Asked(control, model, PLAIN)
    assert asked.shell.health.resting() == {"aws": "not probed yet"}
    assert await asked.resting() == {}
    assert control.seen == [model], "a model that runs where it is asked needs no answer"
    assert control.refusals == []
    await asked.shell.sender.close()


@pytest.mark.parametrize("region", ["eu-west-2", "eu-central-2", "us-east-1", "xx-new-1", ""])
async def test_a_destination_outside_the_zone_is_a_quarantine_with_an_alarm(
    control: FakeControl, region: str
) -> None:
    control.profiles[PROFILE].append(region)
    asked = Asked(control, PROFILE)
    found = (await asked.resting())["aws"]
    assert found.startswith("quarantined")
    assert (region or "any region") in found
    assert [name for name, _ in asked.shell.quarantines.rung] == ["aws"]
    await asked.shell.sender.close()


async def test_destinations_are_asked_again_and_a_new_one_outside_is_noticed(
    control: FakeControl,
) -> None:
    asked = Asked(control, PROFILE)
    assert await asked.resting() == {}
    control.profiles[PROFILE].append("us-east-1")
    assert await asked.resting(INSPECT_EVERY) == {}, "it is asked once a day"
    asked.probes._due_in["aws"] = 0
    assert "us-east-1" in (await asked.resting())["aws"]
    assert BEDROCK.inspect_every * 5 == 24 * 3_600
    await asked.shell.sender.close()


async def test_adv_48b_a_profile_that_there_is_not_rests_alone_and_is_not_replaced(
    control: FakeControl,
) -> None:
    unknown = "eu.anthropic.claude-unknown-1"
    asked = Asked(control, unknown, PROFILE)
    assert await asked.resting() == {place("aws", unknown): "GetInferenceProfile answers 404"}
    for destinations, status in (([], "ACTIVE"), (INSIDE, "LEGACY")):
        control.profiles[unknown], control.status = destinations, status
        asked.probes._due_in["aws"] = 0
        assert "not active, or has no" in (await asked.resting())[place("aws", unknown)]
    control.status = "ACTIVE"
    asked.probes._due_in["aws"] = 0
    assert await asked.resting() == {}
    assert asked.shell.quarantines.rung == []
    await asked.shell.sender.close()


async def test_while_the_control_plane_does_not_answer_nothing_is_used(
    control: FakeControl,
) -> None:
    asked = Asked(control, PROFILE)
    for status in (403, 429, 500):
        control.fails_with = status
        assert f"answers {status}" in (await asked.resting())["aws"]
    control.fails_with = 0
    assert await asked.resting() == {}, "it is asked again with the next probe"
    assert asked.shell.quarantines.rung == []
    await asked.shell.sender.close()


async def test_the_control_plane_is_asked_with_the_credential_of_the_engine(
    control: FakeControl,
) -> None:
    asked = Asked(control, PROFILE)
    told: list[str] = []
    source = Source("giver", (), lambda now: Lease(asked.secret, now + timedelta(hours=1)))
    kind = replace(BEDROCK, source=lambda *_stated: source)
    targets = [
        replace(one, kind=replace(one.kind, source=kind.source), tell=lambda *_: told.append("x"))
        for one in asked.targets
    ]
    shell = Shell(*targets, pins=PINS)
    await shell.sender.fetch_ahead()
    await Probes(targets, shell.sender, shell.health, middle).once()
    assert shell.health.resting() == {}
    assert control.seen == [PROFILE]
    assert told == ["x"], "one engine, one keeper, one line"
    await shell.sender.close()


async def test_in_a_zone_of_the_world_nothing_is_asked(control: FakeControl) -> None:
    asked = Asked(control, PROFILE, "global.anthropic.claude-opus-5-5", lawful=None)
    assert [target.name for target in asked.targets] == ["aws"]
    assert await asked.resting() == {}
    assert control.seen == []
    await asked.shell.sender.close()


async def test_a_control_plane_outside_the_pins_of_the_zone_is_never_asked(
    control: FakeControl,
) -> None:
    asked = Asked(control, PROFILE, pins={"eu": ("127.0.2.9/32",)})
    assert "stopped at the boundary" in (await asked.resting())["aws"]
    assert control.seen == []
    assert asked.shell.breaches.rung
    await asked.shell.sender.close()


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({"region": "eu-central-1"}, "bedrock.eu-central-1.amazonaws.com"),
        ({"region": "us-gov-west-1"}, "bedrock.us-gov-west-1.amazonaws.com"),
        ({"region": "cn-north-1"}, "bedrock.cn-north-1.amazonaws.com.cn"),
        ({"region": "eusc-de-east-1"}, "bedrock.eusc-de-east-1.amazonaws.eu"),
        (
            {"region": "eu-central-1", "control_url": "https://vpce-1.bedrock.example"},
            "vpce-1.bedrock.example",
        ),
    ],
)
def test_the_control_plane_is_that_of_the_region_or_stated(
    settings: dict[str, str], host: str
) -> None:
    place = BEDROCK.control(Place("aws", "https", "x.example", 443, "eu"), settings, (PROFILE,))
    assert place == Place("aws.control", "https", host, 443, "eu")


def test_where_no_model_is_a_profile_there_is_no_control_plane() -> None:
    place = Place("aws", "https", "x.example", 443, "eu")
    assert BEDROCK.control(place, {"region": REGION}, (PLAIN,)) is None


def test_a_stated_control_plane_is_an_origin() -> None:
    place = Place("aws", "https", "bedrock-runtime.eu-central-1.amazonaws.com", 443, "eu")
    for url in ("http://vpce.example", "https://vpce.example/x", 7, ""):
        found = BEDROCK.faults(place, {"region": "eu-central-1", "control_url": url})
        assert found == (("settings", "control_url is scheme, host and port alone"),)


def test_profiles_are_told_from_models() -> None:
    assert is_profile(PROFILE)
    assert is_profile(OURS)
    assert is_profile("global.anthropic.claude-opus-5-5")
    assert not is_profile(PLAIN)
    assert not is_profile(f"arn:aws:bedrock:{REGION}::foundation-model/{PLAIN}")
    assert not anywhere(OURS), "it is asked about before first use"
    assert anywhere("global.anthropic.claude-opus-5-5")
