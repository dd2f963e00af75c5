"""One try at one candidate: recorded, sent, heard."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.domain.dialect import Dialect
from gateway.domain.errors import ReplyCut
from gateway.domain.event import Event
from gateway.domain.request import Ask
from gateway.domain.route import Attempt, Candidate, Failure, FailureKind, Outcome, OutcomeKind
from gateway.flow.channel import Channel, Wanted, channel
from gateway.flow.docket import Docket
from gateway.flow.hearing import REPLIES, Hearing, hear_others
from gateway.flow.house import House
from gateway.flow.prepare import Prepared
from gateway.flow.provider_id import provider_id
from gateway.flow.restoring import Restoring
from gateway.flow.retry_after import retry_after_s
from gateway.flow.stopping import is_stopped
from gateway.flow.watching import Watch
from gateway.flow.whereabouts import Whereabouts
from gateway.transport.call import HttpReply
from gateway.transport.failure import TransportFailure

REPLY_BYTES_MAX = 32 * 1024 * 1024
ERROR_BYTES_MAX = 64 * 1024
HELD_BYTES_MAX = 1024 * 1024
END_WAIT_S = 0.1
LAST_WAIT_S = 1.0
OK = 200
OTHER_REPLIES = "other_replies"
VERBATIM_REPLY = "verbatim_reply"
ENGINE_IS_WRONG = frozenset({401, 403, 404, 405})


class Opened(Struct, frozen=True):
    """A stream whose first content has come: what was held back, and the rest."""

    held: bytes
    rest: AsyncIterator[bytes]
    channel: Channel
    reply: HttpReply
    hearing: Hearing | None
    watch: Watch | None


class Whole(Struct, frozen=True):
    """A whole reply, in the client's dialect."""

    body: bytes
    hearing: Hearing | None
    watch: Watch | None


class Try:
    """One attempt in progress."""

    def __init__(
        self, house: House, docket: Docket, candidate: Candidate, prepared: Prepared, number: int
    ) -> None:
        self._house = house
        self._docket = docket
        self._candidate = candidate
        self._prepared = prepared
        self._number = number
        self._started_us = 0
        self._first_token_us: int | None = None
        self._ended = False
        self._provider_id = self._address = ""
        # WHY: made before anything is sent, so that it knows of a cut before the first content.
        self.opening = house.openings.of(candidate.zone)
        self._watch = Whereabouts(house, candidate, prepared.target.operation)

    @property
    def zone(self) -> str:
        """The zone of the candidate."""
        return self._candidate.zone

    async def run(self, dialect: Dialect, ask: Ask) -> Opened | Whole | Failure:
        """Record, then send, then listen until the reply is sure to be one."""
        await self._docket.attempted(self._candidate, self._prepared, self._number)
        self._started_us = self._house.clock.now_us()
        why = self._prepared.call.stopped()
        if why:
            return self._not_sent(why)
        reply: HttpReply | None = None
        try:
            reply = await self._house.sender.send(
                self._candidate, self._docket.route, self._prepared.call
            )
            self._address = self._house.sender.dialled(self._candidate.offering.backend)
            self._provider_id = provider_id(reply.headers)
            if reply.status != OK:
                return self.failed(await self._refusal(reply))
            if ask.stream:
                return await self._open(reply, dialect, ask)
            return await self._take(reply, dialect, ask)
        except TransportFailure as error:
            if reply is not None:
                reply.abandon()
            return self.failed(error.failure)
        except BaseException as error:
            if reply is not None:
                reply.abandon()
            self.cancelled(type(error).__name__)
            raise

    def failed(self, failure: Failure) -> Failure:
        """Note that the attempt failed, and return the failure as it is told."""
        if is_stopped(failure):
            return self._not_sent(failure.detail)
        failure = replace(failure, first_token_seen=self._first_token_us is not None)
        self._end(Outcome(OutcomeKind.FAILED, failure, status=failure.status))
        if failure.kind in {FailureKind.UNREACHABLE, FailureKind.TIMED_OUT}:
            self._house.health.rest(self._candidate.offering.backend, failure.kind)
        return failure

    def _not_sent(self, why: str) -> Failure:
        """Note that it was stopped before anything left; the engine is not to blame."""
        failure = Failure(FailureKind.UNREACHABLE, sent=False, detail=why)
        self._end(Outcome(OutcomeKind.FAILED, failure))
        return failure

    def cancelled(self, detail: str, heard: Channel | None = None) -> None:
        """Note that the client left, or that we stopped, with what was used until then."""
        failure = Failure(FailureKind.CUT_SHORT, sent=True, detail=detail)
        usage, model = (heard.usage, heard.model) if heard is not None else (None, "")
        self._end(Outcome(OutcomeKind.CANCELLED, failure, usage), model)

    def completed(self, heard: Channel) -> None:
        """Note that the reply ended well."""
        outcome = Outcome(OutcomeKind.COMPLETED, usage=heard.usage, stop=heard.stop, status=OK)
        self._end(outcome, heard.model)

    def broken(self, heard: Channel, failure: Failure) -> Failure:
        """Note that the reply ended badly after its first content, with what was used."""
        failure = replace(failure, first_token_seen=True)
        self._end(Outcome(OutcomeKind.FAILED, failure, heard.usage, heard.stop), heard.model)
        return failure

    async def replied(self) -> None:
        """Wait until the reply is remembered, or cannot be."""
        await self._docket.replied()

    def watch(self, chunk: bytes) -> None:
        """Look for proof that somebody else answered; BoundaryBreach if so."""
        self._watch.feed(chunk)

    def _end(self, outcome: Outcome, model: str = "") -> None:
        if self._ended:
            return
        self._ended = True
        offering = self._candidate.offering
        now = self._house.clock.now_us()
        self._docket.ended(
            self._candidate,
            Attempt(
                number=self._number,
                offering=offering.id,
                backend=offering.backend,
                zone=offering.zone,
                started_us=self._started_us or now,
                first_token_us=self._first_token_us,
                ended_us=now,
                outcome=outcome,
                attested=self._watch.attested(outcome.kind),
                provider_id=self._provider_id,
                model=model,
                address=self._address,
            ),
        )

    async def _refusal(self, reply: HttpReply) -> Failure:
        body = await reply.read(ERROR_BYTES_MAX)
        self._watch.whole(body)
        kind, said = self._prepared.target.failure(reply.status, body)
        detail = f"status {reply.status}"
        if reply.status in ENGINE_IS_WRONG:
            kind, said = FailureKind.UNREADABLE, ""
        return Failure(
            kind,
            sent=True,
            detail=detail,
            said=said,
            status=reply.status,
            retry_after_s=retry_after_s(reply.headers.get("retry-after")),
        )

    async def _open(self, reply: HttpReply, dialect: Dialect, ask: Ask) -> Opened | Failure:
        if not reply.headers.get("content-type", "").startswith(self._prepared.target.stream_type):
            reply.abandon()
            return self.failed(_unreadable("not a stream of its dialect"))
        hearing = self._hearing(ask)
        watch = self._watching(ask)
        restoring = self._restoring(ask)
        wanted = Wanted(ask.model, self._docket.id, ask.usage_wanted, hearing, watch, restoring)
        heard = channel(dialect, self._prepared.target, wanted)
        rest = reply.chunks()
        held, failure = await self._hold(rest, heard)
        if failure is not None:
            reply.abandon()
            return self.failed(failure)
        self._first_token_us = self._house.clock.now_us()
        return Opened(held, rest, heard, reply, hearing, watch)

    async def _hold(
        self, rest: AsyncIterator[bytes], heard: Channel
    ) -> tuple[bytes, Failure | None]:
        held = bytearray()
        async for chunk in rest:
            self.watch(chunk)
            try:
                held += heard.feed(chunk)
            except ValueError:
                return b"", _unreadable("the stream cannot be read")
            if heard.broke is not None:
                return b"", _broke(heard)
            if heard.content_seen or heard.complete or heard.cut or len(held) > HELD_BYTES_MAX:
                return bytes(held), None
        return b"", Failure(FailureKind.CUT_SHORT, sent=True, detail="ended before any content")

    async def _take(self, reply: HttpReply, dialect: Dialect, ask: Ask) -> Whole | Failure:
        body = await reply.read(REPLY_BYTES_MAX)
        self._watch.whole(body)
        target = self._prepared.target
        try:
            heard = target.hear(body)
            if heard.broke is not None:
                kind, said = heard.broke
                return self.failed(Failure(kind, sent=True, detail="error in the reply", said=said))
            whole = await self._judged(body, dialect, ask)
        except ValueError:
            return self.failed(_unreadable("the reply cannot be read"))
        self._first_token_us = self._house.clock.now_us()
        outcome = Outcome(OutcomeKind.COMPLETED, usage=heard.usage, stop=heard.stop, status=OK)
        self._end(outcome, heard.model)
        if whole.watch is not None:
            stop_if_cut(whole.watch.cut)
        return whole

    async def _judged(self, body: bytes, dialect: Dialect, ask: Ask) -> Whole:
        """Return the reply as the client gets it: restored, masked, translated, or as it came."""
        translated = self._prepared.target.family != dialect.family
        hearing, watch, restoring = self._hearing(ask), self._watching(ask), self._restoring(ask)
        self._docket.watch = watch
        events: list[Event] = []
        if translated or any(one is not None for one in (hearing, watch, restoring)):
            events = self._events(body, watch, translated=translated)
        if watch is not None:
            events = await watch.whole(events)
            if not translated and not watch.masked:
                await self._look_beside(body, watch)
        if restoring is not None:
            events = restoring.whole(events)
        if hearing is not None:
            hearing.hear_all(events)
            hear_others(self._prepared.target, body, hearing)
        changed = bool(watch and watch.masked) or bool(restoring and restoring.restored)
        if changed and not translated:
            # WHY: what is written anew holds what events hold, and of one reply.
            others = (OTHER_REPLIES,) if (ask.replies or 1) > 1 else ()
            self._docket.losses = (*self._docket.losses, VERBATIM_REPLY, *others)
        if translated or changed:
            body = dialect.write_reply(tuple(events), ask.model, self._docket.id)
        return Whole(body, hearing, watch)

    def _events(self, body: bytes, watch: Watch | None, *, translated: bool) -> list[Event]:
        """Return the events of a whole reply; ValueError if it must be read and cannot be.

        WHY: a reply that passes as it is must not end for what only its reader cannot say, unless
        policy keeps something back.
        """
        try:
            return list(self._prepared.target.read_reply(body))
        except Exception as error:
            if translated or (watch is not None and watch.strict):
                raise ValueError("the reply cannot be read") from error
            if watch is not None:
                watch.missed()
            return []

    async def _look_beside(self, body: bytes, watch: Watch) -> None:
        """Look at everything else in a reply that passes as it is."""
        # WHY: whatever goes wrong, a reply ends for it only where policy keeps something back.
        try:
            watch.beside(await self._house.scanner.scan(msgspec.json.decode(body)))
        except Exception:  # noqa: BLE001
            watch.blinded()

    def _watching(self, ask: Ask) -> Watch | None:
        orders = self._docket.orders
        return Watch(self._house.scanner, orders) if orders and ask.wants in REPLIES else None

    def _restoring(self, ask: Ask) -> Restoring | None:
        """Return what restores one reply, None where there is nothing to restore."""
        known = self._docket.placeholders
        restoring = Restoring(known) if known.originals and ask.wants in REPLIES else None
        self._docket.restoring = restoring
        return restoring

    def _hearing(self, ask: Ask) -> Hearing | None:
        memory = self._docket.memory
        if memory is None or ask.wants not in REPLIES:
            return None
        return memory.hearing(ask.replies or 1)


async def relay(opened: Opened, attempt: Try) -> AsyncGenerator[bytes, None]:
    """Yield what the client gets, until the end; TransportFailure if the engine breaks off."""
    heard = opened.channel
    if heard.finished:
        await attempt.replied()
    yield opened.held
    stop_if_cut(heard.cut)
    async for out in _passing(opened, attempt):
        yield out
    if not heard.complete:
        raise TransportFailure(Failure(FailureKind.CUT_SHORT, sent=True, detail="no end mark"))
    if not heard.finished:
        await attempt.replied()
    last = heard.close()
    if last:
        yield last
    stop_if_cut(heard.cut)


async def _passing(opened: Opened, attempt: Try) -> AsyncGenerator[bytes, None]:
    heard = opened.channel
    async for chunk in _rest(opened):
        attempt.watch(chunk)
        out = _fed(heard, chunk)
        if heard.finished:
            await attempt.replied()
        if out:
            yield out
        stop_if_cut(heard.cut)
        if heard.broke is not None:
            raise TransportFailure(_broke(heard))


async def _rest(opened: Opened) -> AsyncGenerator[bytes, None]:
    """Yield what still comes: until the end mark or, where none is, until the connection ends.

    WHY: a reply that may end here is whole, however its connection goes down, and must not hang on
    one that stays open.
    """
    heard = opened.channel
    while not heard.finished:
        try:
            async with asyncio.timeout(LAST_WAIT_S if heard.complete else None):
                chunk = await anext(opened.rest, None)
        except (TimeoutError, TransportFailure):
            if heard.complete:
                return
            raise
        if chunk is None:
            return
        yield chunk


async def let_end(opened: Opened) -> None:
    """Give the reply a moment to end, so that its connection can be used again.

    INVARIANT: what comes after the end mark goes nowhere and changes nothing.
    """
    with suppress(Exception):
        async with asyncio.timeout(END_WAIT_S):
            async for _ in opened.rest:
                pass


def stop_if_cut(kind: str | None) -> None:
    """End the reply with ReplyCut when policy cut it."""
    if kind is not None:
        raise ReplyCut(f"Policy ends the reply before a finding of kind {kind}.")


def _fed(heard: Channel, chunk: bytes) -> bytes:
    try:
        return heard.feed(chunk)
    except ValueError:
        raise TransportFailure(_unreadable("the stream cannot be read")) from None


def _broke(heard: Channel) -> Failure:
    kind, said = heard.broke or (FailureKind.UNREADABLE, "")
    return Failure(kind, sent=True, detail="error in the stream", said=said)


def _unreadable(detail: str) -> Failure:
    return Failure(FailureKind.UNREADABLE, sent=True, detail=detail, status=OK)
