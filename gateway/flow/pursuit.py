"""From a route to an answer: candidate after candidate, inside the boundary, then settlement."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from functools import partial

from msgspec.structs import replace

from gateway.domain.dialect import Dialect
from gateway.domain.errors import (
    CannotExpress,
    Denied,
    GatewayError,
    LedgerError,
    NoHealthyBackend,
    Unreachable,
)
from gateway.domain.obligation import Obligation, passing
from gateway.domain.request import Envelope
from gateway.domain.route import Candidate, Failure, FailureKind, OutcomeKind
from gateway.flow.attempt import OK, OTHER_REPLIES, Opened, Try, Whole, let_end, relay
from gateway.flow.docket import Docket
from gateway.flow.hearing import REPLIES
from gateway.flow.house import House
from gateway.flow.leaving import closed
from gateway.flow.ports import World
from gateway.flow.prepare import Border, Prepared, Wish, prepare, refuse_losses
from gateway.flow.reply import Reply, error_reply, told
from gateway.flow.ruling import Evidence
from gateway.flow.stopping import Ground, is_stopped
from gateway.flow.watching import Orders
from gateway.policy.program import Program
from gateway.routing.fallback import error_after, may_continue
from gateway.routing.plan import RESTING, ZONE_CLOSED
from gateway.transport.failure import TransportFailure

OBLIGATIONS_HEADER = "x-perimeter-obligations"
# What a caller is told that his request was obliged to; of a redaction, where something was.
SHOWN = (Obligation.REQUIRE_REVIEW,)
ROUNDS_MAX = 2
RETRY_WAIT_S = 0.25
RETRY_WAIT_S_MAX = 2.0
VERBATIM_STREAM = "verbatim_stream"
CHANGED_WORDS = "What this request was decided on has changed meanwhile; ask again"
CUT_WORDS = "The zone that answered was closed; the reply ends here."
AGAIN = frozenset({FailureKind.RATE_LIMITED, FailureKind.OVERLOADED})


class Pursuit:
    """One request on its way along its route."""

    def __init__(
        self, house: House, world: World, docket: Docket, envelope: Envelope, evidence: Evidence
    ) -> None:
        self._house = house
        self._world = world
        self._docket = docket
        self._envelope = envelope
        self._ask = evidence.ask
        dialect = house.dialects[envelope.dialect]
        answering = dialect.answering
        self._dialect: Dialect = dialect if answering is None else answering(envelope.body)
        self._failures: list[Failure] = []
        self._lost: list[str] = []
        self._ground = Ground(house, world, docket, envelope, evidence)
        self._unable: CannotExpress | None = None
        self._passes = passing(world.program.passes, docket.obligations)
        docket.orders = orders_of(world.program)

    async def run(self) -> Reply:
        """Return the answer, or the error that the caller hears; the record is settled."""
        try:
            return await self._answer()
        except asyncio.CancelledError:
            self._docket.settle(OutcomeKind.CANCELLED, None, "client_gone")
            raise
        except GatewayError as error:
            return await self._give_up(error)
        except Exception as error:  # noqa: BLE001 - an error denies: it is recorded and told
            self._house.log.warning(
                "pursuit_failed", record=self._docket.id, kind=type(error).__name__
            )
            return await self._give_up(Unreachable("The request could not be answered."))

    async def _answer(self) -> Reply:
        for candidate, wait_s in self._candidates():
            if wait_s:
                await asyncio.sleep(wait_s)
            # INVARIANT: before each attempt the current snapshot may remove a candidate; it never
            # adds one.
            why = self._why_out(candidate)
            if why:
                self._lost += [] if why == RESTING else [why]
                continue
            try:
                prepared = self._prepared(candidate)
            except CannotExpress as error:
                # WHY: another engine may speak the client's own dialect, or have a word for it.
                self._docket.unable.append(candidate.offering.id)
                self._unable = self._unable or error
                continue
            got = await self._try(candidate, prepared, len(self._failures) + 1)
            if not isinstance(got, Failure):
                return got
            self._failures.append(got)
            if not may_continue(got):
                break
        raise self._nothing_left()

    def _candidates(self) -> Iterator[tuple[Candidate, float]]:
        """Yield the route, then what asked to be tried again; each with the seconds to wait."""
        again: list[tuple[Candidate, float]] = []
        for candidate in self._docket.route.candidates:
            tried = len(self._failures)
            yield candidate, 0.0
            for failure in self._failures[tried:]:
                if _asks_for_another_try(failure):
                    asked = failure.retry_after_s
                    again.append((candidate, RETRY_WAIT_S if asked is None else asked))
        yield from again[: ROUNDS_MAX - 1]

    def _why_out(self, candidate: Candidate) -> str:
        """Return what takes this candidate away by now; empty where nothing does."""
        if why := self._ground.lost(candidate):
            return why
        return RESTING if self._house.worlds.now().fleet.rests(candidate.offering) else ""

    def _nothing_left(self) -> GatewayError:
        """Return what the caller hears when nobody has answered: of engines, or of what changed."""
        failures = tuple(one for one in self._failures if not is_stopped(one))
        if failures:
            return error_after(failures)
        if self._unable is not None:
            return self._unable
        lost = dict.fromkeys((*self._lost, *(one.detail for one in self._failures)))
        if lost:
            return NoHealthyBackend(f"{CHANGED_WORDS} ({', '.join(lost)}).")
        return NoHealthyBackend("What may answer this request is not available now.")

    def _prepared(self, candidate: Candidate) -> Prepared:
        """Return the call for a candidate; CannotExpress where its engine cannot be told."""
        backend = self._house.backends[candidate.offering.backend]
        zone = self._world.program.zones.get(candidate.zone)
        prepared = prepare(
            self._envelope,
            Wish(self._dialect, self._ask, self._house.tenant_of(self._envelope.caller.team)),
            candidate,
            backend,
            Border(
                outside=zone is None or not zone.premises,
                passed=self._passes.get(candidate.zone, frozenset()),
                no_store=Obligation.NO_STORE in self._docket.obligations,
            ),
        )
        losses = closed((*self._docket.stripped, *prepared.losses))
        call = replace(prepared.call, stopped=partial(self._ground.lost, candidate, backend))
        prepared = replace(prepared, call=call, losses=losses)
        if self._world.program.on_loss == "refuse":
            refuse_losses(prepared)
        return prepared

    async def _try(self, candidate: Candidate, prepared: Prepared, number: int) -> Reply | Failure:
        self._docket.losses = (*prepared.losses, *self._rewritten(prepared.target))
        attempt = Try(self._house, self._docket, candidate, prepared, number)
        got = await attempt.run(self._dialect, self._ask)
        if isinstance(got, Failure):
            return got
        self._docket.hearing, self._docket.watch = got.hearing, got.watch
        if isinstance(got, Whole):
            await self._docket.replied()
            self._docket.said(got.body)
            self._docket.settle(OutcomeKind.COMPLETED, OK)
            return Reply(OK, self._headers("application/json"), got.body)
        return Reply(OK, self._headers(self._dialect.stream_type), self._stream(got, attempt))

    def _rewritten(self, target: Dialect) -> tuple[str, ...]:
        """Return the losses of a stream that passes, but is read and written anew."""
        orders = self._docket.orders
        strict = (orders is not None and orders.strict) or self._docket.placeholders.originals
        passes = target.family == self._dialect.family
        anew = strict and self._ask.wants in REPLIES
        if not (anew and passes and self._ask.stream):
            return ()
        return (VERBATIM_STREAM, *((OTHER_REPLIES,) if (self._ask.replies or 1) > 1 else ()))

    async def _stream(self, opened: Opened, attempt: Try) -> AsyncGenerator[bytes, None]:
        """Yield the reply; whatever happens, the engine is let go and the record settled."""
        outcome, error = OutcomeKind.CANCELLED, "client_gone"
        opening = attempt.opening
        try:
            with opening:
                opening.begin()
                async for chunk in relay(opened, attempt):
                    self._docket.said(chunk)
                    yield chunk
                attempt.completed(opened.channel)
                outcome, error = OutcomeKind.COMPLETED, ""
                await let_end(opened)
        except (Exception, asyncio.CancelledError) as fault:
            if isinstance(fault, asyncio.CancelledError) and not opening.taken():
                raise
            if outcome is not OutcomeKind.COMPLETED:
                outcome, (error, said) = OutcomeKind.FAILED, self._broke_off(fault, opened, attempt)
                yield self._last_word(opened, said)
        finally:
            opened.reply.abandon()
            if opening.is_cut and outcome is OutcomeKind.CANCELLED:
                error = ZONE_CLOSED
            if outcome is not OutcomeKind.COMPLETED:
                attempt.cancelled(error, opened.channel)
            self._docket.settle(outcome, OK, error or None)

    def _broke_off(
        self, fault: BaseException, opened: Opened, attempt: Try
    ) -> tuple[str, GatewayError]:
        """Return, for what ended a stream early, its word in the record and what is told."""
        match fault:
            case TransportFailure():
                failure = attempt.broken(opened.channel, fault.failure)
                return failure.kind, error_after((failure,))
            case GatewayError():
                return fault.code, fault
            case asyncio.CancelledError():
                return ZONE_CLOSED, Denied(CUT_WORDS)
            case _:
                kind = type(fault).__name__
                self._house.log.warning("stream_failed", record=self._docket.id, kind=kind)
                return Unreachable.code, Unreachable("The reply could not be passed on.")

    def _last_word(self, opened: Opened, error: GatewayError) -> bytes:
        words = opened.channel.fail(self._dialect.stream_error(error, self._docket.id))
        self._docket.keep_reply()
        self._docket.said(words)
        return words

    async def _give_up(self, error: GatewayError) -> Reply:
        """Record how it ended and tell the caller; a record that cannot be written is not named."""
        status = self._dialect.refusal(error, "").status
        try:
            if self._docket.is_open:
                self._docket.settle(OutcomeKind.FAILED, status, error.code)
            elif not isinstance(error, LedgerError):
                await self._docket.refused(status, error.code)
        except GatewayError as unwritten:
            error = unwritten
        record_id = self._docket.id if self._docket.is_open else ""
        return error_reply(error, self._dialect.refusal(error, record_id), record_id)

    def _headers(self, content_type: str) -> tuple[tuple[str, str], ...]:
        lost = self._docket.lost
        duties = [word for word in SHOWN if word in self._docket.obligations]
        if self._docket.placeholders.originals:
            duties.append(Obligation.REDACT)
        return (
            ("content-type", content_type),
            *told(self._docket.id, self._dialect.record_headers),
            *((("x-perimeter-lost", ", ".join(lost)),) if lost else ()),
            *(((OBLIGATIONS_HEADER, ", ".join(duties)),) if duties else ()),
        )


def orders_of(program: Program) -> Orders | None:
    """Return what policy says of replies, None where it names no detector."""
    if not program.replies:
        return None
    return Orders(program.replies, frozenset(name for name in program.raises if "/" in name))


def _asks_for_another_try(failure: Failure) -> bool:
    return failure.kind in AGAIN and (failure.retry_after_s or 0) <= RETRY_WAIT_S_MAX
