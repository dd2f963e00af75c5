"""A Reply on its way to the client, at the pace at which the client reads."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import Any

from gateway.flow.reply import Reply

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def respond(reply: Reply, send: Send, *, stall_s: float, close: bool = False) -> None:
    """Write the reply; TimeoutError when the client reads nothing for `stall_s` seconds."""
    headers = [(name.encode(), value.encode()) for name, value in reply.headers]
    if close:
        headers.append((b"connection", b"close"))
    if isinstance(reply.body, bytes):
        headers.append((b"content-length", str(len(reply.body)).encode()))
        await _start(send, reply.status, headers)
        async with asyncio.timeout(stall_s):
            await send({"type": "http.response.body", "body": reply.body})
        return
    headers.append((b"cache-control", b"no-cache"))
    headers.append((b"x-accel-buffering", b"no"))
    await _stream(reply.status, headers, reply.body, send, stall_s)


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
