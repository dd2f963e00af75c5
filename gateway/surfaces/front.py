"""The hot routes as one plain ASGI callable, in front of the application that serves the rest."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from gateway.domain.caller import Caller
from gateway.domain.dialect import Dialect
from gateway.domain.errors import Draining, GatewayError, IdentityError, RequestError
from gateway.domain.request import Envelope
from gateway.flow.ports import Clock, Ids
from gateway.flow.reply import Reply, error_reply
from gateway.identity.access_keys import Unproven
from gateway.identity.sent import Sent
from gateway.surfaces.accept import (
    BodyLimits,
    ClientGone,
    Incoming,
    Read,
    Receive,
    Visit,
    accept,
    read_body,
)
from gateway.surfaces.headers import acting
from gateway.surfaces.knock import Scope, placed, sent_of
from gateway.surfaces.places import Place, cut
from gateway.surfaces.respond import Send, respond, see_off
from gateway.surfaces.surface import Found, find

# Before the path of any surface: where would this request go? Alone it is about a chat.
ROUTE = "/v1/route"
CHAT = "/v1/chat/completions"

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Callers(Protocol):
    """Everybody whom the gateway knows."""

    def meet(self, sent: Sent, now: datetime) -> Caller | Unproven:
        """Return the caller, or who it is once the body has come; Unauthenticated."""


class Doorbell(Protocol):
    """What is counted at the door."""

    def unauthenticated(self) -> None:
        """Count a request that ended before its caller was known."""

    def began(self) -> None:
        """Count a request in."""

    def ended(self) -> None:
        """Count a request out."""


class Door(Struct, frozen=True, kw_only=True):
    """What the front needs to let a request in."""

    callers: Callers
    dialects: Mapping[str, Dialect]
    clock: Clock
    ids: Ids
    doorbell: Doorbell
    address_of: Callable[[Scope], str]
    subjects_of: Callable[[Scope], tuple[str, ...]]
    body: BodyLimits
    in_flight_max: int
    stall_ms: int


class Answers(Protocol):
    """What answers a request that was let in: an exchange, or a dry run."""

    async def exchange(self, envelope: Envelope) -> Reply:
        """Answer it."""

    async def turn_away(self, envelope: Envelope, error: GatewayError) -> Reply:
        """Refuse it, and record that."""


class Arrival(Struct, frozen=True):
    """A request at the door of a surface: which one, what its path claims, and who answers it."""

    found: Found
    place: Place
    scope: Scope
    answers: Answers


class Front:
    """Serves the hot routes; everything else goes to the application behind."""

    def __init__(
        self, door: Door, exchange: Answers, dry_run: Answers, behind: Application
    ) -> None:
        self._door = door
        self._exchange = exchange
        self._dry_run = dry_run
        self._behind = behind
        self.in_flight = 0
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI event loop of a connection."""
        if scope["type"] != "http":
            await self._behind(scope, receive, send)
            return
        place = cut(scope.get("raw_path", b"").decode("latin-1"))
        scope = placed(scope, place)
        query = scope.get("query_string", b"").decode("latin-1")
        asked, answers = self._answering(place.path)
        found = find(asked, query) if scope["method"] == "POST" else None
        if found is None:
            await self._behind(scope, receive, send)
            return
        incoming = Incoming(receive)
        self.in_flight += 1
        self._door.doorbell.began()
        try:
            told_early = await self._serve(Arrival(found, place, scope, answers), incoming, send)
        finally:
            self.in_flight -= 1
            self._door.doorbell.ended()
        if told_early:
            await see_off(incoming, send)

    async def _serve(self, arrival: Arrival, incoming: Incoming, send: Send) -> bool:
        """Answer; was the reply written before the request had ended?"""
        try:
            visit, read = await self._identify(arrival, incoming)
        except ClientGone:
            return False
        except GatewayError as error:
            form = self._door.dialects[arrival.found.surface.dialect].refusal(error, "")
            return await self._tell(error_reply(error, form, ""), incoming, send)
        try:
            arrival.found.require()
            visit = replace(visit, caller=acting(visit.caller, visit.headers))
            envelope = await self._admit(visit, incoming, read)
        except ClientGone:
            return False
        except GatewayError as error:
            reply = await arrival.answers.turn_away(visit.envelope(), error)
            return await self._tell(reply, incoming, send)
        await self._answer(arrival.answers, envelope, incoming, send)
        return False

    def _answering(self, path: str) -> tuple[str, Answers]:
        """Return the path of the surface, and who answers: `/v1/route` before it asks, only."""
        if path != ROUTE and not path.startswith(f"{ROUTE}/"):
            return path, self._exchange
        return path.removeprefix(ROUTE) or CHAT, self._dry_run

    async def _tell(self, reply: Reply, incoming: Incoming, send: Send) -> bool:
        early = incoming.more
        await respond(reply, send, stall_s=self._door.stall_ms / 1000, early=early)
        return early

    async def _identify(self, arrival: Arrival, incoming: Incoming) -> tuple[Visit, Read | None]:
        """Return the visit of a known caller, and the body where he is known by it alone.

        INVARIANT: until his identity is proven nothing is decided or recorded as a caller's; what
        ends a request before that is answered and counted, whatever it is.
        """
        scope = arrival.scope
        received_us = self._door.clock.now_us()
        try:
            sent = sent_of(scope, self._door)
            caller, read = await self._caller(sent, incoming)
        except (IdentityError, RequestError):
            self._door.doorbell.unauthenticated()
            raise
        visit = Visit(
            id=self._door.ids.record_id(),
            received_us=received_us,
            caller=caller,
            surface=arrival.found.surface,
            asked=arrival.found.asked,
            place=arrival.place,
            address=sent.address,
            fields=sent.fields,
            headers=scope["headers"],
            scope=scope,
        )
        return visit, read

    async def _caller(self, sent: Sent, incoming: Incoming) -> tuple[Caller, Read | None]:
        met = self._door.callers.meet(sent, self._door.clock.now())
        if isinstance(met, Caller):
            return met, None
        self._require_room()
        read = await read_body(incoming, sent.fields, self._door.body)
        return met.proven(read.sha256), read

    async def _admit(self, visit: Visit, incoming: Incoming, read: Read | None) -> Envelope:
        self._require_room()
        unpack = self._door.dialects[visit.surface.dialect].unpack
        return await accept(visit, incoming, self._door.body, read, unpack)

    def _require_room(self) -> None:
        if self.draining or self.in_flight > self._door.in_flight_max:
            raise Draining("The gateway is full or shutting down.")

    async def _answer(
        self, answers: Answers, envelope: Envelope, incoming: Incoming, send: Send
    ) -> None:
        """Exchange and respond; when the client leaves, everything stops at once."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in a task
        gone = asyncio.ensure_future(incoming())

        def leave(_: object) -> None:
            task.cancel()

        gone.add_done_callback(leave)
        try:
            reply: Reply = await answers.exchange(envelope)
            await respond(reply, send, stall_s=self._door.stall_ms / 1000)
        except asyncio.CancelledError:
            if not gone.done() or gone.cancelled():
                raise
            task.uncancel()
        except TimeoutError:
            return
        finally:
            # WHY: when the response is complete the server reports a disconnect, too.
            gone.remove_done_callback(leave)
            gone.cancel()
