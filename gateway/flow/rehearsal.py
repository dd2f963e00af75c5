"""A policy's case, played with the code that serves: everything but the sending."""

from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.audit.record import Decided
from gateway.classification.conversation import Recollection
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.caller import Caller
from gateway.domain.decision import Effect, Finding, Scan
from gateway.domain.errors import GatewayError
from gateway.domain.request import Ask, Body, Claims, Envelope
from gateway.flow.naming import keyed
from gateway.flow.opening import Stamp, decided, personal_of, turned_away
from gateway.flow.ports import Scanner, World
from gateway.flow.redacting import Redactor
from gateway.flow.ruling import gather, rule
from gateway.policy.cases import Case, Given, Got, Recorded
from gateway.routing.names import Named

CASE_ID = "00000000-0000-7000-8000-000000000000"
SALT = bytes(16)


async def play(case: Case, world: World, scanner: Scanner, stamp: Stamp) -> Got:
    """Return what became of the case's request, and the record that it left.

    The record is made by the function that serving uses, encoded and read back.
    """
    given = case.given
    world = replace(world, fleet=replace(world.fleet, resting=dict(given.resting)))
    envelope = _envelope(given)
    scan = await _scan(given, envelope, scanner)
    try:
        record, served_by = await _judged(_Case(given, scanner), envelope, scan, world, stamp)
    except GatewayError as error:
        record = turned_away(stamp, world, envelope, personal_of(envelope, SALT), error)
        served_by = None
    return _got(record, served_by)


class _Case:
    """The detectors of a case: what failed fails each time, what was found can be taken out."""

    def __init__(self, given: Given, scanner: Scanner) -> None:
        self.given = given
        self._scanner = scanner

    async def scan(self, body: Body) -> Scan:
        read = await self._scanner.scan(body)
        return Scan(read.findings, (*self.given.failed, *read.failed))

    async def spots(self, body: Body) -> tuple[Finding, ...]:
        return await self._scanner.spots(body)

    def look(self, text: str) -> Scan:
        return self._scanner.look(text)


async def _judged(
    case: _Case, envelope: Envelope, scan: Scan, world: World, stamp: Stamp
) -> tuple[Decided, str | None]:
    given = case.given
    catalogue = world.fleet.catalogue
    everything = Named("", None, catalogue.offerings)
    ask = Ask(given.name or catalogue.models[0])
    evidence = gather(envelope, ask, scan, world, _recalled(given, world))
    if given.name is None:
        evidence = replace(evidence, facts=replace(evidence.facts, model="", task=None))
    named = everything if given.name is None else None
    first = rule(evidence, world, stamp.now, named)
    redactor = Redactor(case, {OPENAI_CHAT.name: OPENAI_CHAT}, keyed(SALT))
    judged = await redactor.final(envelope, first, world, stamp.now, named)
    ruling = judged.ruling
    personal = personal_of(envelope, SALT, scan.findings)
    made = decided(stamp, world, envelope, personal, ruling)
    served_by = ruling.route.candidates[0].offering.id if ruling.route.candidates else None
    return made, served_by


def _recalled(given: Given, world: World) -> Recollection:
    labels = tuple(world.vocabulary.parse(text) for text in given.seen)
    return Recollection(labels, given.unseen_assistant)


async def _scan(given: Given, envelope: Envelope, scanner: Scanner) -> Scan:
    read = await scanner.scan(envelope.body) if given.text else Scan()
    return Scan((*given.found, *read.findings), (*given.failed, *read.failed))


def _envelope(given: Given) -> Envelope:
    label = _or_none(given.key_label)
    claims = Claims(label=_or_none(given.label), repo=_or_none(given.repo))
    repos = tuple(given.key_repos)
    return Envelope(
        id=CASE_ID,
        received_us=0,
        caller=Caller("case", "case", given.team, label, repos, given.selects_repo),
        surface=given.surface,
        dialect="openai_chat",
        claims=claims,
        body={"messages": [{"role": "user", "content": given.text}, *_calls(given)]},
        body_bytes=len(given.text),
    )


def _calls(given: Given) -> list[dict[str, Any]]:
    """Return the turn in which tools were called with these paths."""
    calls = [{"function": {"name": "read", "arguments": {"path": path}}} for path in given.paths]
    return [{"role": "assistant", "tool_calls": calls}] if calls else []


def _got(record: Decided, served_by: str | None) -> Got:
    kept = canonical.decode(canonical.encode(record))
    if not isinstance(kept, Decided):
        raise TypeError("a Decided came back as another record")
    spoke = kept.decision.effect is not Effect.REFUSED
    excluded = {item.offering: item.reason for item in kept.excluded}
    return Got(
        effect=kept.decision.effect,
        label=str(kept.label) if kept.label is not None else None,
        boundary=kept.decision.boundary,
        because=kept.decision.because,
        reason=kept.decision.reason,
        record=Recorded(
            effect=kept.decision.effect,
            reason=kept.decision.reason,
            label=str(kept.label) if spoke else UNSET,
            raised_by=list(kept.raised_by),
            boundary=sorted(kept.decision.boundary),
            because=list(kept.decision.because),
            candidates=list(kept.candidates),
            excluded=excluded,
            finding_kinds=kept.finding_kinds,
            obligations=list(kept.decision.obligations),
        ),
        served_by=served_by,
        excluded=excluded,
        facts=kept.facts,
    )


def _or_none(text: str | UnsetType) -> str | None:
    return None if isinstance(text, UnsetType) else text
