"""Verification while the gateway runs: what differs is withheld, and recorded when it comes."""

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.app import residency as residency_module
from gateway.app.alarms import Alarms
from gateway.app.loading import load_all
from gateway.app.moment import SystemClock
from gateway.app.reaching import targets_of
from gateway.app.residency import NOT_VERIFIED, ResidencyWatch, subjects_of
from gateway.audit.record import ADMIN_KINDS
from gateway.domain.attestation import Attestation
from gateway.flow.background import Background
from gateway.transport.backend import Answer
from gateway.transport.failure import TransportFailure
from gateway.transport.health import Health
from gateway.transport.residency import verifier as verifier_module
from gateway.transport.residency.fixtures import Fixtures
from gateway.transport.residency.seen import Seen
from gateway.transport.residency.verifier import Subject, Verifier
from tests.doubles.fake_bedrock import ACCESS_KEY, SECRET_KEY
from tests.doubles.fake_control import fake_control
from tests.doubles.gateway_folders import ran
from tests.doubles.residency_node import ENVIRONMENT, PROFILE, residency_node
from tests.doubles.transport_parts import HandClock

pytestmark = pytest.mark.anyio

GOLDENS = Path(__file__).resolve().parents[1] / "goldens" / "residency"
TODAY = date(2026, 11, 27)
OPUS = f"bedrock-eu/{PROFILE}"


class Records:
    """The part of the ledger that a verification writes to."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.fails = False

    async def record(self, what: str, facts) -> None:
        assert what in ADMIN_KINDS
        if self.fails:
            raise OSError("the disk is full")
        self.told.append((what, str(facts["offering"]), str(facts["check"])))


class Counted:
    def __init__(self) -> None:
        self.differences = 0

    def boundary_breach(self) -> None:
        raise AssertionError

    def residency_difference(self) -> None:
        self.differences += 1


class Stand:
    """A watch over the node of three clouds, whose answers can be changed."""

    def __init__(self, folder: Path, case: str = "agrees") -> None:
        loaded = load_all(residency_node(folder), ENVIRONMENT, TODAY)
        targets = targets_of(loaded, SystemClock())
        self.subjects = tuple(subjects_of(loaded, targets))
        self.seen, self.records, self.today = Seen(), Records(), TODAY
        self.health = Health(HandClock(), lambda _backend, _why: None)
        self.answers = Fixtures(GOLDENS / case)
        verifier = Verifier(self.subjects, self._ask, self.seen)
        self.meters = Counted()
        alarms = Alarms(self.records, self.meters, Background())
        self.watch = ResidencyWatch(
            verifier, self.health, alarms.residency, lambda: self.today, lambda: 0.5
        )

    def changes(self, case: str) -> None:
        self.answers = Fixtures(GOLDENS / case)

    async def _ask(self, backend: str, path: str, model: str) -> Answer:
        return await self.answers.ask(backend, path, model)


async def test_a_fleet_as_it_was_declared_leaves_no_record_and_rests_nowhere(
    tmp_path: Path,
) -> None:
    stand = Stand(tmp_path)
    assert (await stand.watch.once()).differences == ()
    assert stand.records.told == []
    assert stand.health.resting() == {}


@pytest.mark.parametrize(
    ("case", "check"), [("a_profile_that_grew", "profile"), ("a_changed_retention", "retention")]
)
async def test_a_difference_withholds_its_offering_until_it_has_gone(
    case: str, check: str, tmp_path: Path
) -> None:
    stand = Stand(tmp_path)
    await stand.watch.once()
    stand.changes(case)
    for _ in range(2):
        await stand.watch.once()
        assert list(stand.health.resting()) == [OPUS]
        assert stand.health.resting()[OPUS].startswith("quarantined: ")
        assert stand.records.told == [("residency_difference", "opus@bedrock-eu", check)]
    assert stand.health.quarantined == {}, "the rest of the fleet is ready"
    stand.changes("agrees")
    await stand.watch.once()
    assert stand.health.resting() == {}
    assert stand.records.told[1:] == [("residency_agreed", "opus@bedrock-eu", check)]
    assert stand.meters.differences == 1


async def test_a_stale_date_withholds_every_offering_of_the_zone(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.today = date(2027, 2, 21)
    await stand.watch.once()
    assert len(stand.health.resting()) == 3
    assert {check for _, _, check in stand.records.told} == {"evidence"}


async def test_a_reply_without_its_echo_is_known_until_the_next_start(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.seen.note("sonnet@claude-us", Attestation.MATCH)
    await stand.watch.once()
    assert stand.health.resting() == {}
    stand.seen.note("sonnet@claude-us", Attestation.UNOBSERVABLE)
    for _ in range(2):
        await stand.watch.once()
        stand.seen.note("sonnet@claude-us", Attestation.MATCH)
        assert list(stand.health.resting()) == ["claude-us/claude-sonnet-5"]
    assert stand.records.told == [("residency_difference", "sonnet@claude-us", "echo")]


async def test_what_cannot_be_recorded_is_withheld_all_the_same(tmp_path: Path) -> None:
    stand = Stand(tmp_path, "a_profile_that_grew")
    stand.records.fails = True
    await stand.watch.once()
    assert list(stand.health.resting()) == [OPUS]


async def test_a_control_plane_that_hangs_meets_its_limit_and_leaves_nothing_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier_module, "VERIFY_S_MAX", 0.05)
    stand = Stand(tmp_path)

    async def hang(_backend: str, _path: str, _model: str) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    report = await Verifier(stand.subjects, hang, stand.seen).verify(TODAY)
    assert not report.is_read
    assert [one.check for one in report.differences] == ["profile", "retention"]


@pytest.mark.parametrize(("case", "waited"), [("agrees", "DAY_S"), ("nobody_answers", "AGAIN_S")])
async def test_the_next_look_comes_daily_and_sooner_when_nobody_answered(
    case: str, waited: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def timeout(seconds: float) -> None:
        slept.append(seconds)
        raise asyncio.CancelledError

    stand = Stand(tmp_path, case)
    monkeypatch.setattr(residency_module.asyncio, "timeout", timeout)
    with pytest.raises(asyncio.CancelledError):
        await stand.watch.run()
    assert slept == [getattr(residency_module, waited)]
    assert stand.watch.looked.is_set()


async def test_the_looks_of_many_gateways_are_spread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    at_once = asyncio.timeout

    def timeout(seconds: float) -> asyncio.Timeout:
        slept.append(seconds)
        if len(slept) == 2:
            raise asyncio.CancelledError
        return at_once(0)

    stand = Stand(tmp_path)
    monkeypatch.setattr(residency_module.asyncio, "timeout", timeout)
    drawn = iter((0.0, 1.0))
    stand.watch._jitter = lambda: next(drawn)
    with pytest.raises(asyncio.CancelledError):
        await stand.watch.run()
    assert slept == [0.9 * residency_module.DAY_S, 1.1 * residency_module.DAY_S]


@pytest.mark.parametrize(
    ("bend", "differs"),
    [
        (lambda _fake: None, set()),
        (lambda fake: fake.profiles[PROFILE].append("eu-central-2"), {"profile"}),
        (lambda fake: setattr(fake, "mode", "default"), {"retention"}),
        (lambda fake: setattr(fake, "fails_with", 403), {"profile", "retention"}),
    ],
    ids=["agrees", "grew", "retention", "refused"],
)
def test_the_command_asks_the_control_plane_itself(
    bend: Callable[..., None], differs: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_control() as fake:
        fake.profiles[PROFILE] = ["eu-central-1", "eu-west-3"]
        bend(fake)
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PERIMETER_TEST_AWS", f"{ACCESS_KEY}:{SECRET_KEY}")
        node = residency_node(tmp_path, aws=f", control_url: '{fake.url}'")
        done = ran("residency", "verify", str(node))
        assert done.code == bool(differs), done.out + done.err
        rows = [row.split() for row in done.out.splitlines()[1:] if not row.endswith("  -")]
        assert {row[1] for row in rows} == differs
        assert fake.refusals == []
        assert "/data-retention" in fake.seen


async def test_an_answer_that_was_not_recorded_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(TransportFailure):
        await Fixtures(tmp_path).ask("nobody", "/x", "")


async def test_another_fleet_is_verified_at_once_and_the_old_one_says_nothing_of_it(
    tmp_path: Path,
) -> None:
    stand = Stand(tmp_path, "a_profile_that_grew")
    running = asyncio.create_task(stand.watch.run())
    async with asyncio.timeout(10):
        await stand.watch.looked.wait()
    assert list(stand.health.resting()) == [OPUS]
    stand.watch.take(Verifier((), stand._ask, stand.seen))
    async with asyncio.timeout(10):
        while stand.health.resting():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_look_that_was_under_way_when_the_fleet_changed_withholds_nothing(
    tmp_path: Path,
) -> None:
    stand = Stand(tmp_path, "a_profile_that_grew")
    ask = stand.answers.ask

    async def changing(backend: str, path: str, model: str) -> Answer:
        stand.watch.take(Verifier((), stand._ask, stand.seen))
        return await ask(backend, path, model)

    stand.answers.ask = changing
    await stand.watch.once()
    assert stand.health.resting() == {}
    assert stand.records.told == []


async def test_nothing_is_used_before_the_first_look(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    assert len(stand.health.resting()) == 3
    assert set(stand.health.resting().values()) == {f"quarantined: {NOT_VERIFIED}"}
    await stand.watch.once()
    assert stand.health.resting() == {}


def renamed(subject: Subject) -> Subject:
    offering = replace(subject.offering, id="opus@other", backend="other")
    return replace(subject, offering=offering)


def dearer(subject: Subject) -> Subject:
    return replace(subject, offering=replace(subject.offering, context_tokens=7))


def narrower(subject: Subject) -> Subject:
    return replace(subject, zone=replace(subject.zone, processing_regions=frozenset({"DE"})))


@pytest.mark.parametrize(
    ("change", "moved", "awaited"),
    [
        (renamed, (), "other/"),
        (narrower, (), "bedrock-eu/"),
        (lambda one: one, ("bedrock-eu",), "bedrock-eu/"),
        (lambda one: one, (), None),
        (dearer, (), None),
    ],
    ids=["renamed", "narrower", "moved", "the same", "dearer"],
)
async def test_adv_67_what_no_look_has_seen_as_it_is_now_waits_for_one(
    change, moved, awaited, tmp_path: Path
) -> None:
    """An offering that is withheld does not come back under another name, or elsewhere."""
    stand = Stand(tmp_path)
    await stand.watch.once()
    of = [change(one) if one.offering.backend == "bedrock-eu" else one for one in stand.subjects]
    stand.watch.take(Verifier(of, stand._ask, stand.seen), moved)
    waiting = [] if awaited is None else [f"{awaited}{PROFILE}"]
    assert list(stand.health.resting()) == waiting


async def test_what_differs_stays_withheld_while_another_fleet_is_looked_at(tmp_path: Path) -> None:
    stand = Stand(tmp_path, "a_profile_that_grew")
    await stand.watch.once()
    stand.watch.take(Verifier(stand.subjects, stand._ask, stand.seen))
    assert list(stand.health.resting()) == [OPUS]
