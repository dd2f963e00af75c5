"""The life of one request, step by step."""

from collections.abc import Mapping

from msgspec import UNSET
from msgspec.structs import replace

from gateway.domain.decision import Effect
from gateway.domain.dialect import ErrorReply
from gateway.domain.errors import GatewayError, Refusal, Unreachable
from gateway.domain.obligation import Obligation
from gateway.domain.request import Envelope
from gateway.flow.docket import Docket
from gateway.flow.house import House
from gateway.flow.opening import Stamp, decided, personal_of, turned_away
from gateway.flow.ports import World
from gateway.flow.pursuit import Pursuit
from gateway.flow.redacting import Judged, before
from gateway.flow.remembering import Remembering
from gateway.flow.reply import SHOWN_ONCE, Reply, error_reply
from gateway.flow.restoring import Placeholders
from gateway.flow.ruling import Ruling, rule
from gateway.flow.sensing import judged
from gateway.policy.evaluate import notifying
from gateway.policy.program import Program
from gateway.routing.plan import nowhere, refusal


class Exchange:
    """Answers requests of known callers, and leaves a record of how."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def exchange(self, envelope: Envelope) -> Reply:
        """Answer one request: peek, sense, recall, classify, decide, plan, record, send, settle."""
        world = self._house.worlds.now()
        try:
            found, memory = await self._judge(envelope, world)
        except GatewayError as error:
            return await self.turn_away(envelope, error)
        except Exception as error:  # noqa: BLE001 - an error denies: it is recorded and refused
            self._house.log.warning("judging_failed", record=envelope.id, kind=type(error).__name__)
            return await self.turn_away(envelope, Unreachable("The request could not be judged."))
        ruling = found.ruling
        personal = personal_of(envelope, self._house.ids.salt(), ruling.evidence.scan.findings)
        label = ruling.classification.label
        personal = replace(personal, turns=memory.sent(label), turns_label=label)
        opening = decided(self._stamp(), world, envelope, personal, ruling)
        opening = replace(opening, run=memory.run(envelope.claims.session) or UNSET)
        docket = Docket(self._house, envelope, opening, personal, ruling.route)
        docket.memory = memory
        docket.stripped = found.stripped
        docket.placeholders = _placeholders(found.originals, world.program)
        if Obligation.NOTIFY in ruling.decision.obligations:
            told = _notifying(ruling, world.program)
            self._house.log.warning("policy_notifies", record=envelope.id, rules=told)
            self._house.meters.notice()
        for name in ruling.shadow.rules if ruling.shadow is not None else ():
            self._house.meters.shadow(name)
        if not ruling.route.candidates:
            return await self._refuse(docket, envelope, ruling)
        pursuit = Pursuit(self._house, world, docket, found.envelope, ruling.evidence)
        return await pursuit.run()

    async def turn_away(self, envelope: Envelope, error: GatewayError) -> Reply:
        """Refuse a request that cannot be judged, and record that it was."""
        world = self._house.worlds.now()
        personal = personal_of(envelope, self._house.ids.salt())
        opening = turned_away(self._stamp(), world, envelope, personal, error)
        docket = Docket(self._house, envelope, opening, personal, nowhere())
        return await self._tell(docket, envelope, error)

    def _stamp(self) -> Stamp:
        return Stamp(self._house.clock.now(), self._house.boot)

    async def _judge(self, envelope: Envelope, world: World) -> tuple[Judged, Remembering]:
        found, memory = await judged(self._house, envelope, world)
        return replace(found, ruling=self._granted(envelope, found.ruling, world)), memory

    def _granted(self, envelope: Envelope, ruling: Ruling, world: World) -> Ruling:
        """Return the ruling; what it was granted is counted before anything else happens.

        INVARIANT: a grant that was spent or revoked while the request was read grants it nothing.
        """
        while ruling.grant is not None and not self._house.grants.use(ruling.grant, envelope.id):
            left = tuple(one for one in ruling.evidence.grants if one is not ruling.grant)
            evidence = replace(ruling.evidence, grants=left)
            again = rule(evidence, world, self._house.clock.now())
            ruling = replace(again, redaction=ruling.redaction)
        return ruling

    async def _refuse(self, docket: Docket, envelope: Envelope, ruling: Ruling) -> Reply:
        if ruling.decision.effect is not Effect.PERMIT:
            for rule_id in ruling.decision.because or (ruling.decision.reason,):
                self._house.meters.denial(rule_id)
        return await self._tell(docket, envelope, refusal(ruling.decision, ruling.route))

    async def _tell(self, docket: Docket, envelope: Envelope, error: GatewayError) -> Reply:
        dialect = self._house.dialects[envelope.dialect]
        try:
            form = self._form(dialect.refusal(error, docket.id), error)
            await docket.refused(form.status, error.code)
        except GatewayError as unwritten:
            return error_reply(unwritten, dialect.refusal(unwritten, ""), "")
        return error_reply(error, form, docket.id)

    def _form(self, form: ErrorReply, error: GatewayError) -> ErrorReply:
        if isinstance(error, Refusal) and form.status == SHOWN_ONCE:
            return replace(form, status=self._house.refusal_status)
        return form


def _notifying(ruling: Ruling, program: Program) -> tuple[str, ...]:
    """Return the ids of the rules that want to be told of, by the facts before a redaction too."""
    facts, first = [ruling.facts], ruling.redaction
    if first is not None:
        facts.append(replace(before(ruling.evidence, first).facts, label=first.label))
    return notifying(program, ruling.decision.because, facts)


def _placeholders(originals: Mapping[str, str], program: Program) -> Placeholders:
    return Placeholders(
        originals, tools=program.restores_tools, addresses=program.restores_addresses
    )
