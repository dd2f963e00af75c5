"""What must hold after every world; each broken promise is a Violation with a name."""

import hashlib
from collections.abc import Iterator
from datetime import date

from msgspec import Struct

from gateway.audit import canonical
from gateway.audit.record import Attempted, Decided, Settled
from gateway.domain.caller import NO_LIMITS
from gateway.domain.decision import Effect
from gateway.domain.label import Label
from gateway.domain.route import OutcomeKind
from gateway.flow.ruling import Evidence, rule
from tests.simulation.bodies import unknown_field
from tests.simulation.oracle import Expected, Plain, clears, expect, named
from tests.simulation.scenario import Asked, Engine, Scenario
from tests.simulation.stage import RECORD_ID, Call, Heard, Stage

PASSWORD = b"PASSWORD"
OK = 200
CANDIDATES_MAX = 8


class Violation(Struct, frozen=True):
    """A broken promise: its name, and what was seen."""

    promise: str
    seen: str


class Story(Struct, frozen=True):
    """Everything about one request."""

    number: int
    asked: Asked
    heard: Heard
    expected: Expected
    earlier: list[Plain]
    today: date
    calls: list[Call]
    decided: list[Decided]
    attempted: list[Attempted]
    settled: list[Settled]

    @property
    def zones(self) -> frozenset[str]:
        """The recorded boundary."""
        return self.decided[0].decision.boundary if self.decided else frozenset()


def stories(stage: Stage) -> list[Story]:
    """Return what happened to each request of a world that was played."""
    told: list[Story] = []
    for number in range(len(stage.scenario.requests)):
        told.append(_story(stage, number, told))
    return told


def violations(stage: Stage, told: list[Story]) -> list[Violation]:
    """Return every broken promise of a world that was played."""
    found = [Violation("a_call_is_somebodys", c.backend) for c in stage.calls if c.request < 0]
    for story in told:
        for check in CHECKS:
            name = check.__name__.removeprefix("_")
            found += [Violation(name, seen) for seen in check(story, stage)]
    found += [Violation("no_prompt_is_kept_in_clear", seen) for seen in _kept(stage)]
    return found


def _story(stage: Stage, number: int, before: list[Story]) -> Story:
    scenario = stage.scenario
    asked, heard = scenario.requests[number], stage.heard[number]
    record_id = RECORD_ID.format(900 + number)
    records = [one for one in stage.ledger.records if one.id == record_id]
    decided = [one for one in records if isinstance(one, Decided)]
    today = decided[0].decision.decided_at.date() if decided else stage.clock.now().date()
    turn = asked.turn
    labels = [one.expected.label for one in before if turn and one.asked.turn == turn]
    earlier = [label for label in labels if label is not None]
    return Story(
        number=number,
        earlier=earlier,
        asked=asked,
        heard=heard,
        expected=expect(asked, scenario.snapshots[heard.snapshot], today, earlier=earlier),
        today=today,
        calls=[call for call in stage.calls if call.request == number],
        decided=decided,
        attempted=[one for one in records if isinstance(one, Attempted)],
        settled=[one for one in records if isinstance(one, Settled)],
    )


def _a_call_stays_in_its_boundary(story: Story, stage: Stage) -> Iterator[str]:
    """Where it went is judged by the fleet file and the address, never by the catalogue."""
    scenario = stage.scenario
    documents = scenario.snapshots[story.heard.snapshot].documents
    for call in story.calls:
        engine = _engine(scenario, call.backend)
        if story.expected.label is None:
            yield f"{call.backend} was reached by a request that nobody could judge"
            continue
        zone = documents["zones"]["zones"][engine.zone]
        if not clears(zone, story.expected.label, documents["policy"], story.today):
            yield f"{call.backend}: zone {engine.zone} is not cleared for {story.expected.label}"
        elif engine.zone not in story.expected.zones:
            yield f"{call.backend}: no rule permits zone {engine.zone}, or one denies it"
        if engine.zone not in story.zones:
            yield f"{call.backend}: zone {engine.zone} is outside the recorded boundary"


def _a_call_goes_where_the_zone_is_pinned(story: Story, stage: Stage) -> Iterator[str]:
    for call in story.calls:
        engine = _engine(stage.scenario, call.backend)
        inside = any(_lies_in(call.ip, block) for block in stage.scenario.pins[engine.zone])
        if not inside or call.port != engine.port:
            yield f"{call.backend}: {call.ip}:{call.port} lies outside zone {engine.zone}"


def _the_record_stood_before_the_call(story: Story, stage: Stage) -> Iterator[str]:
    """Decided, and an Attempted of its own for each try, with the commitment of what was sent."""
    used: dict[int, int] = {}
    for call in story.calls:
        stood = [one for one in stage.ledger.records[: call.records] if one.id == _id(story)]
        tries = [one for one in stood if isinstance(one, Attempted)]
        if not any(isinstance(one, Decided) for one in stood) or not tries:
            yield f"{call.backend} was reached before a record stood"
            continue
        last = tries[-1]
        if used.setdefault(last.number, id(call.call)) != id(call.call):
            yield f"{call.backend} was reached again under attempt {last.number}"
        if last.backend != call.backend or last.commitment != _commitment(stage, last, call):
            yield f"attempt {last.number} speaks of another call than that to {call.backend}"


def _every_decision_is_settled_once(story: Story, stage: Stage) -> Iterator[str]:
    """A record may lack only where the ledger failed to take it, or the client left unheard."""
    lost = [type(one) for one in stage.ledger.lost if one.id == _id(story)]
    decided, settled = len(story.decided), len(story.settled)
    allowed = {(1, 1)}
    if Decided in lost:
        allowed.add((0, 0))
    if Settled in lost:
        allowed.add((1, 0))
    if story.asked.cancel_ms is not None and story.heard.left and not story.calls:
        allowed.add((0, 0))
    if (decided, settled) not in allowed:
        yield f"{decided} Decided and {settled} Settled"
    if (story.attempted or story.settled) and not story.decided:
        yield "records without a Decided"


def _attempts_are_dense_and_inside(story: Story, stage: Stage) -> Iterator[str]:
    numbers = [one.number for one in story.attempted]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"attempts are numbered {numbers}"
    for settled in story.settled:
        tried = [one.number for one in settled.tried]
        # WHY: a client that leaves while an attempt is written stops it before it is one.
        unsent = story.heard.left and len({id(call.call) for call in story.calls}) < len(numbers)
        if tried != numbers and not (unsent and tried == numbers[:-1]):
            yield f"attempts {numbers} were made, {tried} are told"
    for one in story.attempted:
        if one.zone not in story.zones or one.offering not in story.decided[0].candidates:
            yield f"attempt {one.number} at {one.offering} was not part of the decision"


def _the_decision_is_the_one_that_the_pages_describe(story: Story, _: Stage) -> Iterator[str]:
    for decided in story.decided:
        spoken = decided.decision.effect is not Effect.REFUSED
        expected = story.expected
        if spoken != expected.spoken:
            yield f"policy spoke: {spoken}, expected {expected.spoken}"
            continue
        if not spoken:
            continue
        if decided.label is None or _plain(decided.label) != expected.label:
            yield f"label {decided.label}, expected {expected.label}"
        if decided.decision.boundary != expected.zones:
            yield f"boundary {sorted(decided.decision.boundary)}, not {sorted(expected.zones)}"


def _the_route_is_the_one_that_the_pages_describe(story: Story, stage: Stage) -> Iterator[str]:
    for decided in story.decided:
        if decided.ask is None:
            continue
        snapshot = stage.scenario.snapshots[story.heard.snapshot]
        backends = {offer.id: offer.backend for offer in snapshot.offers}
        well = tuple(
            one for one in story.expected.candidates if backends[one] not in decided.health
        )[:CANDIDATES_MAX]
        if decided.candidates != well:
            yield f"candidates {decided.candidates}, expected {well}"
        all_named = {offer.id for offer in named(story.asked.name, snapshot)}
        fallen = {one.offering for one in decided.excluded}
        if fallen | set(decided.candidates) != all_named or fallen & set(decided.candidates):
            yield f"not every offering is a candidate or excluded: {sorted(fallen)}"


def _what_rests_is_left_alone(story: Story, stage: Stage) -> Iterator[str]:
    """Judged at the first dial of an attempt; not where requests tire each other's backends."""
    firsts = {id(call.call): call for call in reversed(story.calls)}
    for call in firsts.values():
        if call.backend in call.resting and not stage.scenario.together:
            yield f"{call.backend} was asked while it rested"


def _nothing_escapes_but_a_reply(story: Story, _: Stage) -> Iterator[str]:
    heard = story.heard
    if heard.raised is not None:
        yield f"{type(heard.raised).__name__} was raised"
    if heard.status is None and not heard.left and heard.raised is None:
        yield "no reply at all"


def _an_error_never_repeats_the_prompt(story: Story, _: Stage) -> Iterator[str]:
    said = story.heard.body + b" ".join(
        f"{name}: {value}".encode() for name, value in story.heard.headers
    )
    if story.asked.canary.encode() in said or PASSWORD in said:
        yield f"status {story.heard.status} repeats the prompt"


def _what_nobody_knows_stays_on_the_premises(story: Story, stage: Stage) -> Iterator[str]:
    """A field that no dialect knows, and what says who asks, go to our own machines alone."""
    zones = stage.scenario.snapshots[story.heard.snapshot].documents["zones"]["zones"]
    secret = (unknown_field(story.asked).encode(), b'"user_id"', b'"client_metadata"', b'"user":')
    for call in story.calls:
        zone = zones[_engine(stage.scenario, call.backend).zone]
        if not zone["premises"] and any(name in call.call.body for name in secret):
            yield f"{call.backend} was told more than it needs"


def _an_answer_was_served_from_inside(story: Story, _: Stage) -> Iterator[str]:
    for settled in story.settled:
        if settled.zone is not None and settled.zone not in story.zones:
            yield f"served from {settled.zone}"
        if settled.outcome is OutcomeKind.CANCELLED and not story.heard.left:
            yield "settled as cancelled, and the client stayed"
    if story.heard.status == OK and not story.calls:
        yield "an answer that nobody gave"


def _the_same_record_makes_the_same_decision(story: Story, stage: Stage) -> Iterator[str]:
    for decided in story.decided:
        kept = canonical.decode(stage.entry(decided))
        if kept != decided or not isinstance(kept, Decided):
            yield "the record is not what was written"
        elif kept.ask is not None and kept.facts is not None:
            world = stage.snapshots.world_with(story.heard.snapshot, kept.health)
            allowance = kept.allowance or NO_LIMITS
            evidence = Evidence(kept.ask, kept.signals, kept.facts, allowance=allowance)
            again = rule(evidence, world, kept.decision.decided_at)
            route = tuple(one.offering.id for one in again.route.candidates)
            if again.decision != kept.decision or route != kept.candidates:
                yield f"decided again: {again.decision}"


def _a_breach_is_never_forgotten(story: Story, stage: Stage) -> Iterator[str]:
    breached = [one for one in story.settled if one.error == "boundary_breach"]
    if breached and not (stage.alarms and stage.health.quarantined):
        yield "a breach without an alarm and a quarantine"


CHECKS = (
    _a_call_stays_in_its_boundary,
    _a_call_goes_where_the_zone_is_pinned,
    _the_record_stood_before_the_call,
    _every_decision_is_settled_once,
    _attempts_are_dense_and_inside,
    _the_decision_is_the_one_that_the_pages_describe,
    _the_route_is_the_one_that_the_pages_describe,
    _what_rests_is_left_alone,
    _nothing_escapes_but_a_reply,
    _an_error_never_repeats_the_prompt,
    _what_nobody_knows_stays_on_the_premises,
    _an_answer_was_served_from_inside,
    _the_same_record_makes_the_same_decision,
    _a_breach_is_never_forgotten,
)


def _kept(stage: Stage) -> Iterator[str]:
    """Look for prompts in the clear part of the ledger, the log, the meters and the alarms."""
    clear = b"".join(stage.entry(record) for record in stage.ledger.records)
    told = f"{stage.log.lines}{stage.meters.counted}{stage.alarms}".encode()
    for asked in stage.scenario.requests:
        if asked.canary.encode() in clear or asked.canary.encode() in told:
            yield f"the prompt of {asked.canary}"
    if PASSWORD in clear or PASSWORD in told:
        yield "the password of a clone URL"


def _lies_in(ip: str, block: str) -> bool:
    """Every block of these worlds is a /24."""
    return block.endswith("/24") and ip.rpartition(".")[0] == block.rpartition(".")[0]


def _plain(label: Label) -> Plain:
    return Plain(label.level.rank, label.caveats, label.residency)


def _engine(scenario: Scenario, backend: str) -> Engine:
    return next(engine for engine in scenario.engines if engine.name == backend)


def _id(story: Story) -> str:
    return RECORD_ID.format(900 + story.number)


def _commitment(stage: Stage, attempted: Attempted, call: Call) -> str:
    personal = stage.ledger.personal[stage.ledger.records.index(attempted)]
    salt = bytes.fromhex(personal.salts["call"]) if personal is not None else b""
    return f"sha256:{hashlib.sha256(salt + call.call.body).hexdigest()}"
