"""Places that look like other places: the names of clouds, held against facts."""

from datetime import UTC, datetime

import pytest

from gateway.app.loading import ConfigError, load_all
from gateway.backends import BACKENDS
from gateway.domain.secret import Secret
from gateway.transport.guard import Place
from gateway.transport.residency import compare
from tests.doubles.cloud_talk import NAME
from tests.doubles.fake_bedrock import ACCESS_KEY, REGION, SECRET_KEY
from tests.doubles.fake_control import ACCOUNT, fake_control
from tests.doubles.fleets import an_offering
from tests.doubles.residency_node import ENVIRONMENT, residency_node
from tests.doubles.scripted_server import ScriptedServer, answering, whole
from tests.doubles.transport_parts import CLOUD, Shell, a_call, a_candidate, a_route, a_target
from tests.shell.test_bedrock_profile import Asked

JAPAN = frozenset({"JP"})
APAC = ("ap-northeast-1", "ap-northeast-3", "ap-southeast-2", "me-central-1")
TODAY = datetime(2026, 11, 27, tzinfo=UTC).date()


@pytest.mark.parametrize(
    ("name", "regions", "outside"),
    [
        ("apac.anthropic.claude-sonnet-5", APAC, "ap-southeast-2 lies outside its zone"),
        ("jp.anthropic.claude-sonnet-5", APAC[:2], ""),
        ("jp.anthropic.claude-sonnet-5", ("ap-northeast-1", "xx-new-1"), "xx-new-1 lies outside"),
    ],
)
def test_adv_33_what_is_for_japan_alone_stays_there_whatever_the_prefix(
    name: str, regions: tuple[str, ...], outside: str
) -> None:
    offering = an_offering("claude", "aws", "jp", wire_model=name)
    assert compare.profile(offering, JAPAN, regions).difference.startswith(outside or "")
    assert bool(compare.profile(offering, JAPAN, regions).difference) is bool(outside)


@pytest.mark.anyio
async def test_adv_34_an_arn_of_our_own_that_hides_the_world_is_a_quarantine() -> None:
    ours = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/x9"
    with fake_control() as control:
        control.profiles[ours] = ["eu-central-1", "us-east-1", "ap-northeast-1"]
        asked = Asked(control, ours)
        assert (await asked.resting())["aws"].startswith("quarantined")
        await asked.shell.sender.close()


def test_adv_35_host_and_path_say_the_same_location() -> None:
    kind = BACKENDS["vertex"]
    settings = {"project": "example-1", "location": "europe-west1"}
    right = Place("v", "https", "europe-west1-aiplatform.googleapis.com", 443, "eu")
    assert kind.faults(right, settings) == ()
    for host in ("aiplatform.googleapis.com", "us-east5-aiplatform.googleapis.com"):
        wrong = Place("v", "https", host, 443, "eu")
        assert [name for name, _ in kind.faults(wrong, settings)] == ["url"]
    path = kind.at(settings).ways[0].path
    assert "/locations/europe-west1/" in path


@pytest.mark.parametrize("region", ["us-west-2", "eu-central-1"])
def test_adv_36_a_host_of_anthropic_that_looks_regional_is_no_bedrock_and_promises_nothing(
    region: str,
) -> None:
    host = f"aws-external-anthropic.{region}.api.aws"
    place = Place("claude", "https", host, 443, "aws")
    faults = BACKENDS["bedrock"].faults(place, {"region": region})
    assert ("url", "no endpoint of bedrock-runtime") in faults
    offering = an_offering("claude", "claude", "aws")
    anthropic = BACKENDS["anthropic"]
    assert anthropic.anywhere(offering, {}), "without inference_geo, any region may answer"
    assert anthropic.stands(offering, {"inference_geo": "us"}) == frozenset({"US"})


@pytest.mark.anyio
async def test_adv_48b_a_model_that_the_provider_does_not_know_is_not_replaced() -> None:
    reply = whole(b'{"message":"The provided model identifier is invalid."}', status="400 Bad")
    async with ScriptedServer(answering(reply, reply)) as server:
        shell = Shell(a_target(server, kind=CLOUD))
        said = b'{"model":"eu.anthropic.claude-opus-5-5"}'
        answered = await shell.sender.send(a_candidate(), a_route(), a_call(body=said))
        assert answered.status == 400
        await answered.read(1_000)
        assert len(server.peers[0].requests) == 1, "nothing is asked a second time"
        assert b"global." not in server.peers[0].requests[0]
        await shell.sender.close()


def test_adv_48d_what_the_source_region_keeps_is_kept_inside_the_zone(tmp_path) -> None:
    """A profile that stays in Europe, called from a region whose country the zone does not list."""
    node = residency_node(tmp_path)
    assert load_all(node, ENVIRONMENT, TODAY)
    backends = tmp_path / "models" / "backends.yaml"
    text = backends.read_text()
    backends.write_text(text.replace("eu-central-1", "us-east-1"))
    with pytest.raises(ConfigError, match="outside the regions of its zone"):
        load_all(node, ENVIRONMENT, TODAY)
    backends.write_text(text)
    zones = tmp_path / "policy" / "zones.yaml"
    kept = zones.read_text().replace(
        "storage_regions: [DE, SE, IT, ES, IE, FR]", "storage_regions: [SE, IT, ES, IE, FR]"
    )
    zones.write_text(kept)
    with pytest.raises(ConfigError, match="kept in DE, outside the storage regions of its zone"):
        load_all(node, ENVIRONMENT, TODAY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANTHROPIC_BASE_URL", "http://127.0.0.1:9"),
        ("ANTHROPIC_BEDROCK_BASE_URL", "http://127.0.0.1:9"),
        ("ANTHROPIC_VERTEX_BASE_URL", "http://127.0.0.1:9"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:9"),
        ("AWS_REGION", "us-east-1"),
        ("CLOUD_ML_REGION", "global"),
        ("GOOGLE_CLOUD_LOCATION", "global"),
        ("GOOGLE_CLOUD_PROJECT", "canary"),
        ("OLLAMA_HOST", "127.0.0.1:9"),
    ],
)
@pytest.mark.anyio
async def test_adv_54_no_variable_of_a_vendor_moves_a_request(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    async def here(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    async with ScriptedServer(answering(whole(b"here"))) as server:
        shell = Shell(a_target(server, kind=CLOUD, host=NAME), lookup=here)
        reply = await shell.sender.send(a_candidate(), a_route(), a_call())
        assert await reply.read(10) == b"here"
        assert value.encode() not in server.peers[0].requests[0]
        await shell.sender.close()
    settings = {"region": REGION}
    signer = BACKENDS["bedrock"].signer
    assert signer is not None
    assert signer(Secret(f"{ACCESS_KEY}:{SECRET_KEY}"), settings) is not None
    location = {"project": "example-1", "location": "eu"}
    assert "/locations/eu/" in BACKENDS["vertex"].at(location).ways[0].path
