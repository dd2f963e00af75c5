"""A relay on loopback that adds one header to each request, for clients that can set none."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

HEAD_BYTES_MAX = 256 * 1024
CHUNK_BYTES = 64 * 1024


@contextmanager
def relay(target: str, header: str) -> Iterator[str]:
    """Return the URL of a relay to that URL; each connection carries one request."""
    place = urlsplit(target)

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(CHUNK_BYTES):
                writer.write(chunk)
                await writer.drain()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            upper, lower = await asyncio.open_connection(place.hostname, place.port)
            line, _, fields = head.partition(b"\r\n")
            added = f"\r\n{header}\r\nconnection: close\r\n".encode()
            lower.write(line + added + fields)
            sending = asyncio.create_task(pipe(reader, lower))
            await pipe(upper, writer)
            sending.cancel()
            lower.close()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    started = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(connected, "127.0.0.1", 0, limit=HEAD_BYTES_MAX), loop
    )
    port = started.result(10).sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(started.result().close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
