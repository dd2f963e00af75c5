"""A Reply on its way to the client, at the pace at which the client reads."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import Any

from gateway.flow.reply import Reply
from gateway.surfaces.accept import Incoming

LINGER_S_MAX = 5.0
LINGER_BYTES_MAX = 64 * 1024 * 1024

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def respond(reply: Reply, send: Send, *, stall_s: float, early: bool = False) -> None:
    """Write the reply; TimeoutError when the client reads nothing for `stall_s` seconds.

    With `early` the request has not ended yet: `see_off` must follow, and the connection closes.
    """
    headers = [(name.encode(), value.encode()) for name, value in reply.headers]
    if early:
        headers.append((b"connection", b"close"))
    if isinstance(reply.body, bytes):
        headers.append((b"content-length", str(len(reply.body)).encode()))
        await _start(send, reply.status, headers)
        async with asyncio.timeout(stall_s):
            await send({"type": "http.response.body", "body": reply.body, "more_body": early})
        return
    headers.append((b"cache-control", b"no-cache"))
    headers.append((b"x-accel-buffering", b"no"))
    await _stream(reply.status, headers, reply.body, send, stall_s)


async def see_off(incoming: Incoming, send: Send) -> None:
    """Read what a client still sends after its reply was written, within bounds, then close.

    WHY: closed at once, a connection with unread bytes is reset, and the client, still sending,
    never sees the reply (RFC 9112 section 9.6).
    """
    left = LINGER_BYTES_MAX
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S_MAX):
            while incoming.more and left > 0:
                message = await incoming()
                left -= len(message.get("body", b""))
    await send({"type": "http.response.body", "body": b""})


async def _stream(
    status: int,
    headers: list[tuple[bytes, bytes]],
    body: AsyncGenerator[bytes, None],
    send: Send,
    stall_s: float,
) -> None:
    # INVARIANT: the generator is started before anything can interrupt, so that its `finally`
    # settles the record and lets the engine go.
    try:
        first = await anext(body, b"")
        await _start(send, status, headers)
        async with asyncio.timeout(stall_s):
            await send({"type": "http.response.body", "body": first, "more_body": True})
        async for chunk in body:
            async with asyncio.timeout(stall_s):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await body.aclose()


async def _start(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
