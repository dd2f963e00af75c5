"""Redaction: take out what raised the label, scan and classify again, decide once more.

INVARIANT: only what the detectors said is judged anew, and only on what the second scan says; what
the key, the repository, the claims and the conversation said stands.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import UNSET, Struct
from msgspec.structs import replace

from gateway.classification.redaction import CannotRedact, Redacted, holds_placeholder, redact
from gateway.classification.signals import is_detected, raising_kinds
from gateway.domain.decision import Redaction, Scan
from gateway.domain.dialect import Dialect
from gateway.domain.errors import GatewayError
from gateway.domain.obligation import Obligation
from gateway.domain.request import Ask, Envelope
from gateway.flow.naming import Names
from gateway.flow.ports import Scanner, World
from gateway.flow.ruling import Evidence, Ruling, asked, rule, scanned_again, spared
from gateway.flow.stripping import provider_fields, reached, stripped
from gateway.policy.evaluate import REDACT_FIRST, unredacted
from gateway.routing.names import Named

NOTHING: Mapping[str, str] = {}
HOLDS_ONE = "the request holds a placeholder already"
REMAINS = "what was found stands where nothing can be replaced"
ASKS_OTHERWISE = "what was found says what is asked for"
TOO_MUCH = "the request is too large"
ASKS_FOR_MORE = "what is left is to be redacted again and again"
# One for the rules that asked first, one for those that what was left met.
ROUNDS_MAX = 2
# WHY: what these find says what the text around it is; without the mark, the text is the same.
TELLING = frozenset({"markings", "exports", "opaque"})


class Judged(Struct, frozen=True):
    """The final ruling, the envelope that it is about, and what its placeholders stand for.

    `stripped` names the tools that were taken out.
    """

    ruling: Ruling
    envelope: Envelope
    originals: Mapping[str, str] = NOTHING
    stripped: tuple[str, ...] = ()


class Redactor:
    """Redacts a request where the first decision says so."""

    def __init__(self, scanner: Scanner, dialects: Mapping[str, Dialect], names: Names) -> None:
        self._scanner = scanner
        self._dialects = dialects
        self._names = names

    async def final(
        self,
        envelope: Envelope,
        first: Ruling,
        world: World,
        now: datetime,
        named: Named | None = None,
    ) -> Judged:
        """Return the ruling as it is, or the one that redaction led to; `named` as in `rule`."""
        if first.decision.reason != REDACT_FIRST:
            return Judged(first, envelope)
        rules, owed = frozenset(first.decision.because), frozenset(first.decision.obligations)
        try:
            for _ in range(ROUNDS_MAX):
                judged = await self._once(envelope, (first, rules), world, now, named)
                # WHY: a rule may hold for what is left alone, such as one that says `level_max`.
                more = frozenset(judged.ruling.decision.because) - rules
                if not _hidden(judged.ruling.evidence.scan, more, world, asked_for_alone=True):
                    return judged
                if frozenset(judged.ruling.decision.obligations) - owed:
                    # WHY: once it is redacted the rule holds no more, and this would be forgotten.
                    break
                rules |= more
        except CannotRedact as error:
            return Judged(_refused(first, str(error)), envelope)
        return Judged(_refused(first, ASKS_FOR_MORE), envelope)

    async def _once(
        self,
        envelope: Envelope,
        asking: tuple[Ruling, frozenset[str]],
        world: World,
        now: datetime,
        named: Named | None,
    ) -> Judged:
        """Return the ruling about what is left without what those rules ask for; CannotRedact."""
        first, rules = asking
        redacted = await self._redacted(envelope, asking, world, now)
        again = replace(envelope, body=redacted.body)
        self._require_same(envelope, again, world)
        scan = spared(await self._scanner.scan(again.body), again, world, now)
        _require_clean(scan, rules, world)
        told = replace(_told(first), replaced=dict(redacted.replaced) or UNSET)
        evidence = scanned_again(first, scan, world)
        ruling = replace(rule(evidence, world, now, named), redaction=told)
        return Judged(ruling, again, redacted.originals)

    async def _redacted(
        self, envelope: Envelope, asking: tuple[Ruling, frozenset[str]], world: World, now: datetime
    ) -> Redacted:
        """Return the body without what raised; CannotRedact."""
        if holds_placeholder(envelope.body):
            raise CannotRedact(HOLDS_ONE)
        first, rules = asking
        hidden = _hidden(first.evidence.scan, rules, world)
        try:
            found = await self._scanner.spots(envelope.body)
        except ValueError:
            raise CannotRedact(TOO_MUCH) from None
        spots = spared(replace(first.evidence.scan, findings=found), envelope, world, now).findings
        team = envelope.caller.team
        return redact(
            envelope.body,
            (one for one in spots if (one.detector, one.kind) in hidden and not one.allowed),
            lambda text: self._names(team, text),
        )

    def _require_same(self, envelope: Envelope, again: Envelope, world: World) -> None:
        """Raise CannotRedact where something else would be asked for than before."""
        if self._asked(envelope, world) != self._asked(again, world):
            raise CannotRedact(ASKS_OTHERWISE)

    def _asked(self, envelope: Envelope, world: World) -> Ask | None:
        dialect = self._dialects[envelope.dialect]
        try:
            return asked(envelope, dialect.letting(world.program.passable))
        except GatewayError:
            return None


def without_provider_tools(judged: Judged, dialect: Dialect, world: World, now: datetime) -> Judged:
    """Return the ruling about the request without the tools that policy obliges to take out."""
    ruling, envelope = judged.ruling, judged.envelope
    obliged = Obligation.STRIP_PROVIDER_TOOLS in ruling.decision.obligations
    if not obliged or not (reached(ruling.evidence.ask) or provider_fields(envelope.body)):
        return judged
    speaking = dialect.letting(world.program.passable)
    body, lost = stripped(envelope.body, lambda body: asked(replace(envelope, body=body), speaking))
    envelope = replace(envelope, body=body)
    evidence = replace(ruling.evidence, ask=asked(envelope, speaking))
    again = replace(rule(evidence, world, now), redaction=ruling.redaction)
    return replace(judged, ruling=again, envelope=envelope, stripped=lost)


def before(evidence: Evidence, redaction: Redaction) -> Evidence:
    """Return the evidence of the first decision, from that of the final one and the record."""
    kept = tuple(one for one in evidence.signals if not is_detected(one))
    facts = replace(
        evidence.facts, findings=redaction.findings, finding_counts=redaction.finding_counts
    )
    return replace(
        evidence,
        signals=(*kept, *redaction.found),
        facts=facts,
        redacted=False,
        duties=(),
        grants=(),
    )


def _hidden(
    scan: Scan, rules: frozenset[str], world: World, *, asked_for_alone: bool = False
) -> frozenset[tuple[str, str]]:
    """Return detector and kind of what is to be taken out.

    That is what raises the label, and what the rules that oblige ask for: tags included.
    INVARIANT: a mark that speaks of the text around it goes only where a rule asks for it by name;
    else a secret beside it would open what the mark alone keeps closed.
    """
    program = world.program
    asked_for = frozenset(
        (one.detector, one.kind)
        for one in scan.findings
        if not one.allowed and program.hides(rules, one.kind, by_name=one.detector in TELLING)
    )
    if asked_for_alone:
        return asked_for
    raising = raising_kinds(scan.findings, program.raises, program.counts)
    return frozenset(one for one in raising if one[0] not in TELLING) | asked_for


def _require_clean(scan: Scan, rules: frozenset[str], world: World) -> None:
    """Raise CannotRedact where something that was to be taken out is found still."""
    if _hidden(scan, rules, world):
        raise CannotRedact(REMAINS)


def _told(first: Ruling) -> Redaction:
    facts = first.facts
    return Redaction(
        label=first.classification.label,
        found=tuple(one for one in first.evidence.signals if is_detected(one)),
        findings=facts.findings,
        decision=first.decision,
        finding_counts=facts.finding_counts,
    )


def _refused(first: Ruling, why: str) -> Ruling:
    told = replace(_told(first), failed=why)
    return replace(first, decision=unredacted(first.decision, why), redaction=told)
