"""The records of one request: decided once, attempted zero or more times, settled exactly once."""

import asyncio
import hashlib
from collections import Counter

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.audit.record import (
    Attempted,
    Decided,
    Personal,
    Receipt,
    Record,
    Settled,
    Tried,
)
from gateway.domain.attestation import Attested
from gateway.domain.decision import Decision, Facts
from gateway.domain.errors import ConversationsUnavailable
from gateway.domain.fleet import Offering
from gateway.domain.grant import Grant
from gateway.domain.money import Tokens
from gateway.domain.request import Envelope
from gateway.domain.route import Attempt, Candidate, Outcome, OutcomeKind, Route
from gateway.flow.estimating import believed, estimated
from gateway.flow.hearing import Hearing
from gateway.flow.house import House
from gateway.flow.named_model import named_model, sealed_model
from gateway.flow.opening import kept_findings
from gateway.flow.ports import Keeping
from gateway.flow.prepare import Prepared
from gateway.flow.remembering import Remembering
from gateway.flow.restoring import IN_ADDRESS, NO_PLACEHOLDERS, Restoring
from gateway.flow.texts import Texts
from gateway.flow.truncation import truncated
from gateway.flow.watching import Orders, Watch


class Docket:
    """Writes what happens to one request into the ledger, in the order that the promise needs.

    INVARIANT: the Decided stands before or with the first Attempted, and a Settled follows
    whenever a Decided may have reached the disk, whatever happened in between.
    """

    def __init__(
        self, house: House, envelope: Envelope, decided: Decided, personal: Personal, route: Route
    ) -> None:
        self._house = house
        self._surface = envelope.surface
        self._received_us = envelope.received_us
        self._decided = decided
        self._personal = personal
        self._texts = Texts(house.bodies, envelope, decided.decision)
        self._salt = house.ids.salt()
        self._reply_hash = hashlib.sha256(self._salt)
        self._reply_bytes = 0
        self._sent_bytes = 0
        self._last: asyncio.Task[Receipt] | None = None
        self._opened = False
        self._settled = False
        self._tried: list[Tried] = []
        self._served: Candidate | None = None
        self._attested: Attested | None = None
        self._usage: Tokens | None = None
        self._stop: str | None = None
        self._model = ""
        self._provider_ids: list[str] = []
        self._kept: Keeping | None = None
        self.route = route
        self.losses: tuple[str, ...] = ()
        self.unable: list[str] = []
        self.memory: Remembering | None = None
        self.hearing: Hearing | None = None
        self.orders: Orders | None = None
        self.watch: Watch | None = None
        self.placeholders = NO_PLACEHOLDERS
        self.stripped: tuple[str, ...] = ()
        self.restoring: Restoring | None = None

    @property
    def id(self) -> str:
        """The record id."""
        return self._decided.id

    @property
    def decision(self) -> Decision:
        """What policy answered."""
        return self._decided.decision

    @property
    def facts(self) -> Facts | None:
        """What was decided about; None where policy did not speak."""
        return self._decided.facts

    @property
    def grants(self) -> tuple[Grant, ...]:
        """What persons granted it."""
        granted = self._decided.granted
        return () if granted is UNSET else (granted,)

    @property
    def is_redacted(self) -> bool:
        """Is what was decided about a redacted body?"""
        redaction = self._decided.redaction
        return redaction is not UNSET and redaction.failed is UNSET

    @property
    def obligations(self) -> tuple[str, ...]:
        """What policy obliges to."""
        return self.decision.obligations

    @property
    def lost(self) -> tuple[str, ...]:
        """What is lost so far; of a stream, more may be when its head has been told."""
        left = self.restoring is not None and self.restoring.left
        return (*self.losses, IN_ADDRESS) if left else self.losses

    @property
    def is_open(self) -> bool:
        """Does the Decided stand in the ledger?"""
        last = self._last
        return self._opened or (last is not None and last.done() and _succeeded(last))

    async def attempted(self, candidate: Candidate, prepared: Prepared, number: int) -> None:
        """Make the attempt durable, with the decision if this is the first; then it may be sent."""
        salt = self._house.ids.salt()
        self._sent_bytes = len(prepared.call.body)
        attempted = Attempted(
            id=self.id,
            ts_us=self._house.clock.now_us(),
            boot=self._house.boot,
            number=number,
            offering=candidate.offering.id,
            backend=candidate.offering.backend,
            zone=candidate.zone,
            host=self._house.sender.host(candidate.offering.backend),
            commitment=canonical.commit(salt, prepared.call.body),
            losses=prepared.losses,
            via_proxy=self._house.sender.via_proxy(candidate.offering.backend) or UNSET,
            header_names=prepared.header_names or UNSET,
        )
        if not self.is_open and self._decided.body is UNSET:
            self._decided = await self._texts.of_request(self._decided, self._personal.subject)
        sealed = Personal(subject=self._personal.subject, salts={"call": salt.hex()})
        await self._append([(attempted, sealed)])

    def ended(self, candidate: Candidate, attempt: Attempt) -> None:
        """Note how an attempt ended; the last completed one is who served."""
        outcome = replace(_without_words(attempt.outcome), usage=believed(attempt.outcome.usage))
        self._tried.append(
            Tried(
                number=attempt.number,
                offering=attempt.offering,
                zone=attempt.zone,
                started_us=attempt.started_us,
                first_token_us=attempt.first_token_us,
                ended_us=attempt.ended_us,
                outcome=outcome,
                address=attempt.address or UNSET,
            )
        )
        self._provider_ids.append(attempt.provider_id)
        if attempt.first_token_us is not None or attempt.outcome.kind is OutcomeKind.COMPLETED:
            self._served = candidate
            self._attested = attempt.attested
            self._usage = outcome.usage
            self._stop = outcome.stop
            self._model = attempt.model
        self._house.meters.attempt(attempt.zone, attempt.outcome.kind)

    def said(self, chunk: bytes) -> None:
        """Note bytes that went to the client."""
        self._reply_hash.update(chunk)
        self._reply_bytes += len(chunk)
        self._texts.said(chunk)

    async def replied(self) -> None:
        """Wait until the reply is remembered durably, or cannot be.

        INVARIANT: this is before its end reaches the client, who may send it back at once. What
        cannot be written is known to this process, and nobody else is let in before it is written;
        after a crash the request is lost, and its caller's unknown replies have its label.
        """
        self.keep_reply()
        if self._kept is None:
            return
        try:
            await self._house.conversations.kept(self._kept)
        except ConversationsUnavailable as error:
            self._house.log.warning("reply_unwritten", record=self.id, kind=type(error).__name__)

    def keep_reply(self) -> None:
        """Remember the reply as far as it went; the label is that of its request."""
        label = self._decided.label
        if self._kept is None and self.memory is not None and self.hearing is not None and label:
            self._kept = self.memory.replied(self.hearing, label)

    async def refused(self, status: int, error: str) -> None:
        """Record a request that ends without any attempt: decision and settlement in one commit."""
        self._settled = True
        settled = self._settlement(OutcomeKind.REFUSED, status, error)
        await self._append([(settled, None)])
        self._house.meters.request(self._surface, OutcomeKind.REFUSED)

    def settle(self, outcome: OutcomeKind, status: int | None, error: str | None = None) -> None:
        """Record the end, in the background: nobody waits for it, and it is written once."""
        if self._settled or self._last is None:
            return
        self._settled = True
        self.keep_reply()
        self._house.meters.request(self._surface, outcome)
        settled = self._settlement(outcome, status, error)
        self._house.background.spawn(self._write(settled, self._last))

    async def _append(self, records: list[tuple[Record, Personal | None]]) -> None:
        """Append, and see it through even if the client leaves meanwhile.

        INVARIANT: nothing of this request is appended before this has ended, so that no record
        of it can stand before its Decided, or without it.
        """
        self._opened = self.is_open
        opening: list[tuple[Record, Personal | None]] = [(self._decided, self._personal)]
        if self._opened:
            opening = []
        work = self._house.ledger.append([*opening, *records])
        self._last = asyncio.ensure_future(work)
        self._last.add_done_callback(_seen)
        if opening and self.grants:
            self._last.add_done_callback(self._granted)
        await asyncio.shield(self._last)

    def _granted(self, last: asyncio.Task[Receipt]) -> None:
        """Tell that what the request was granted is recorded as used."""
        if _succeeded(last):
            self._house.grants.recorded(self.id)

    async def _write(self, settled: Settled, last: asyncio.Task[Receipt]) -> None:
        sealed = Personal(
            subject=self._personal.subject,
            salts={"reply": self._salt.hex()},
            turns=self._kept.turns if self._kept is not None else "",
            turns_label=self._decided.label if self._kept is not None else None,
            findings=kept_findings(tuple(self.watch.findings)) if self.watch is not None else (),
            response_model=sealed_model(self._model, self._offering) or UNSET,
            provider_ids=tuple(self._provider_ids) if any(self._provider_ids) else UNSET,
        )
        await asyncio.wait([last])
        if not self.is_open:
            return
        settled = await self._texts.of_reply(settled, self._personal.subject)
        try:
            await self._house.ledger.append([(settled, sealed)])
        except Exception as error:  # noqa: BLE001 - the next start records the outcome as lost
            self._house.log.warning("settled_unwritten", record=self.id, kind=type(error).__name__)

    def _settlement(self, outcome: OutcomeKind, status: int | None, error: str | None) -> Settled:
        served = self._offering
        usage, attested = self._used(outcome), self._attested
        now_us, began_us = self._house.clock.now_us(), self._received_us
        settled = told_of_reply(
            self.watch,
            self.restoring,
            Settled(
                id=self.id,
                ts_us=now_us,
                boot=self._house.boot,
                outcome=outcome,
                status=status,
                served_by=served.id if served else None,
                zone=served.zone if served else None,
                tried=tuple(self._tried),
                usage=usage,
                cost_microusd=served.price.cost_microusd(usage) if served and usage else None,
                stop=self._stop,
                losses=self.lost,
                error=error,
                reply_bytes=self._reply_bytes,
                reply_commitment=self._reply_commitment(),
                unable=tuple(self.unable) or UNSET,
                observed_region=UNSET if attested is None else attested.region or UNSET,
                attestation=UNSET if attested is None else attested.verdict,
                took_us=max(0, now_us - began_us) if began_us else UNSET,
                usage_estimated=True if self._is_untold(outcome) else UNSET,
                waited_us=self._waited_us(),
                response_model=named_model(self._model, served) or UNSET,
            ),
        )
        return replace(settled, truncated=truncated(settled) or UNSET)

    @property
    def _offering(self) -> Offering | None:
        """Who served; None where nobody did."""
        return self._served.offering if self._served is not None else None

    def _waited_us(self) -> int | UnsetType:
        """Return how long the request was here before anything of it left."""
        if not self._tried or not self._received_us:
            return UNSET
        return max(0, self._tried[0].started_us - self._received_us)

    def _is_untold(self, outcome: OutcomeKind) -> bool:
        """Did a reply that was heard end without its engine telling what it used?"""
        if self._served is None or self.hearing is None:
            return False
        ended = outcome is OutcomeKind.COMPLETED or self._stop is not None
        return self._usage is None or not ended

    def _used(self, outcome: OutcomeKind) -> Tokens | None:
        """Return what the engine told, or an estimate where it told less than there was."""
        if self.hearing is None or not self._is_untold(outcome):
            return self._usage
        return estimated(self._usage, self._sent_bytes, self.hearing.said_bytes)

    def _reply_commitment(self) -> str:
        """Return the same form as `canonical.commit`, made while the reply went by."""
        return (
            f"{canonical.DIGEST_PREFIX}{self._reply_hash.hexdigest()}" if self._reply_bytes else ""
        )


def told_of_reply(watch: Watch | None, restoring: Restoring | None, settled: Settled) -> Settled:
    """Return the record with what was found in the reply, and what became of it."""
    if restoring is not None:
        restored, left = restoring.restored or UNSET, restoring.left or UNSET
        settled = replace(settled, reply_restored=restored, reply_left=left)
    if watch is None:
        return settled
    return replace(
        settled,
        reply_kinds=dict(Counter(one.kind for one in watch.findings)) or UNSET,
        reply_masked=watch.masked or UNSET,
        reply_cut=watch.cut or UNSET,
        reply_not_verified=tuple(watch.failed) or UNSET,
    )


def _without_words(outcome: Outcome) -> Outcome:
    """Return the outcome without the engine's own words: they may repeat the prompt."""
    failure = outcome.failure
    if failure is None or not failure.said:
        return outcome
    kept = {name: getattr(failure, name) for name in failure.__struct_fields__}
    return Outcome(
        outcome.kind,
        type(failure)(**(kept | {"said": ""})),
        outcome.usage,
        outcome.stop,
        outcome.status,
    )


def _succeeded(task: asyncio.Task[Receipt]) -> bool:
    return not task.cancelled() and task.exception() is None


def _seen(task: asyncio.Task[Receipt]) -> None:
    """Look at the result, so that a failure nobody waits for is not reported as forgotten."""
    if not task.cancelled():
        task.exception()
