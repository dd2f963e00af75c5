"""From an ASGI request to an Envelope: who asks, what he claims, and the one parse of the body."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gateway.classification.label_files import FILE_NAME, labels_in_files
from gateway.domain.caller import Caller
from gateway.domain.dialect import unpacked
from gateway.domain.errors import Malformed, TooLarge, TooSlow
from gateway.domain.request import Body, Claims, Envelope
from gateway.surfaces.codex import with_workspaces
from gateway.surfaces.headers import (
    claims_of,
    require_json,
    told_of,
    traced,
    with_metadata,
)
from gateway.surfaces.knock import Scope
from gateway.surfaces.places import Place
from gateway.surfaces.protocol import TRAILERS
from gateway.surfaces.surface import Surface
from gateway.surfaces.tellings import with_tellings
from gateway.wire import body as wire_body

HASH_INLINE_BYTES_MAX = 256 * 1024
LENGTH_DIGITS_MAX = 18

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class BodyLimits(Struct, frozen=True):
    """How large a body may be, how long it may take to arrive, and up to which size it is kept."""

    bytes_max: int
    total_ms: int
    kept_bytes_max: int = 0


class ClientGone(Exception):
    """The client closed the connection before the request was complete."""


class Incoming:
    """The body of one request as it comes; `more` says that it has not ended yet."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.more = True

    async def __call__(self) -> MutableMapping[str, Any]:
        """Return the next event: a piece of the body, or that the client has gone."""
        message = await self._receive()
        self.more = message["type"] != "http.disconnect" and message.get("more_body", False)
        return message


class Visit(Struct, frozen=True):
    """A request of a known caller before its body is read."""

    id: str
    received_us: int
    caller: Caller
    surface: Surface
    address: str
    fields: dict[str, str]
    headers: list[tuple[bytes, bytes]]
    scope: Scope
    asked: str = ""
    place: Place = Place("")

    def envelope(self) -> Envelope:
        """Return the envelope as far as it is known: without claims and body."""
        return Envelope(
            id=self.id,
            received_us=self.received_us,
            caller=self.caller,
            surface=self.surface.name,
            dialect=self.surface.dialect,
            claims=Claims(),
            body={},
            body_bytes=0,
            address=self.address,
            client=self.fields.get("user-agent", ""),
            asked=self.asked,
            streams=self.surface.streams,
            trace=traced(self.headers),
        )


class Read(Struct, frozen=True):
    """A whole body as it was received, and its hash."""

    raw: bytes
    sha256: bytes


async def accept(
    visit: Visit,
    receive: Receive,
    limits: BodyLimits,
    read: Read | None = None,
    unpack: Callable[[Body], Body] = unpacked,
) -> Envelope:
    """Read claims and body; RequestError when they are wrong, ClientGone when they stop.

    `read` is the body of a caller who had to be known by it. `unpack` returns the body with what
    came packed in it.
    INVARIANT: claims are read where they stand in the unpacked body, too.
    """
    require_json(visit.headers, untyped=visit.surface.untyped)
    visit.place.require()
    claims = claims_of(visit.headers)
    claims = replace(claims, place_label=visit.place.label, place_repo=visit.place.repo)
    told = told_of(visit.headers)
    read = read or await read_body(receive, visit.fields, limits)
    if visit.scope.get(TRAILERS):
        raise Malformed("Send every header before the body; trailers are not read.")
    parsed = wire_body.parse(read.raw)
    body = unpack(parsed)
    claims = with_tellings(with_workspaces(with_metadata(claims, body), visit.headers, body), body)
    return replace(
        visit.envelope(),
        claims=replace(claims, file_labels=await _filed(body, read.raw, packed=body is not parsed)),
        body=body,
        told=told,
        body_bytes=len(read.raw),
        body_sha256=read.sha256,
        raw=read.raw if len(read.raw) <= limits.kept_bytes_max else b"",
    )


async def _filed(body: Body, raw: bytes, *, packed: bool) -> tuple[str, ...]:
    """Return the labels in files that tools have read; those of a large body in a thread.

    WHY: a body that does not hold the name of such a file, as nearly all, is not gone through.
    """
    if not packed and FILE_NAME.encode() not in raw:
        return ()
    if len(raw) <= HASH_INLINE_BYTES_MAX:
        return labels_in_files(body)
    return await asyncio.to_thread(labels_in_files, body)


async def read_body(receive: Receive, fields: dict[str, str], limits: BodyLimits) -> Read:
    """Return the body; RequestError when it is too large or too slow, ClientGone."""
    raw = await _raw(receive, fields, limits)
    if len(raw) > HASH_INLINE_BYTES_MAX:
        return Read(raw, await asyncio.to_thread(_sha256, raw))
    return Read(raw, _sha256(raw))


async def _raw(receive: Receive, fields: dict[str, str], limits: BodyLimits) -> bytes:
    declared = fields.get("content-length", "0")
    if not declared.isdecimal() or len(declared) > LENGTH_DIGITS_MAX:
        raise Malformed("The content length is not a number.")
    too_large = TooLarge(f"The body is larger than {limits.bytes_max} bytes.")
    if int(declared) > limits.bytes_max:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.total_ms / 1000):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                part: bytes = message.get("body", b"")
                more = message.get("more_body", False)
                size += len(part)
                if size > limits.bytes_max:
                    raise too_large
                parts.append(part)
    except TimeoutError:
        raise TooSlow(f"The body did not arrive within {limits.total_ms} ms.") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _sha256(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()
