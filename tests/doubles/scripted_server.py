"""A TCP server that does, byte by byte, what a test scripts."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from gateway.transport.call import Address

READ_BYTES = 64 * 1024


class Peer:
    """One connection as the server sees it; `received` counts the bytes that came."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.received = 0
        self.requests: list[bytes] = []

    async def request(self) -> bytes:
        """Read one request, head and body; ConnectionError when the client leaves before."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            body = await self._reader.readexactly(_length(head))
        except asyncio.IncompleteReadError as error:
            raise ConnectionError("the client left") from error
        self.received += len(head) + len(body)
        self.requests.append(head + body)
        return head + body

    @property
    def protocol(self) -> str | None:
        """What both sides agreed to speak over TLS; None where nobody offered anything."""
        found = self._writer.get_extra_info("ssl_object")
        agreed: str | None = found.selected_alpn_protocol() if found is not None else None
        return agreed

    async def take(self, count: int) -> bytes:
        """Read exactly that many bytes."""
        data = await self._reader.readexactly(count)
        self.received += len(data)
        return data

    async def say(self, data: bytes) -> None:
        """Send bytes, waiting while the client does not take them."""
        self.push(data)
        await self._writer.drain()

    def push(self, data: bytes) -> None:
        """Send bytes without waiting for anything."""
        # WHY: uvloop says RuntimeError where asyncio says nothing of a connection that is gone.
        if self._writer.transport.is_closing():
            raise ConnectionError("the client left")
        self._writer.write(data)

    async def gone(self) -> None:
        """Wait until the client has closed or reset the connection."""
        try:
            while data := await self._reader.read(READ_BYTES):
                self.received += len(data)
        except ConnectionError:
            return

    def close(self) -> None:
        """End the connection in order."""
        self._writer.close()

    def reset(self) -> None:
        """End the connection with RST."""
        plain = self._writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class ScriptedServer:
    """Runs one script for each connection; what a script raises, leaving the block raises.

    A ConnectionError in a script is no fault: clients may leave. `send_buffer` makes the kernel
    keep little, so that back-pressure shows early.
    """

    def __init__(
        self,
        script: Script,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        send_buffer: int | None = None,
    ) -> None:
        self._script = script
        self._host = host
        self._port = port
        self._tls = tls
        self._send_buffer = send_buffer
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.faults: list[BaseException] = []
        self.peers: list[Peer] = []
        self.address = Address(host, 0)

    async def __aenter__(self) -> Self:
        plain = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._send_buffer is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer)
        plain.bind((self._host, self._port))
        self._server = await asyncio.start_server(self._serve, sock=plain, ssl=self._tls)
        self.address = Address(self._host, plain.getsockname()[1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if error is None and self.faults:
            raise self.faults[0]

    async def finished(self) -> None:
        """Wait until every script that has begun has ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = Peer(reader, writer)
        self.peers.append(peer)
        try:
            await self._script(peer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        except Exception as fault:  # noqa: BLE001 — kept, and raised when the block is left
            self.faults.append(fault)
        finally:
            self._tasks.discard(task)
            writer.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return 0


def answering(*replies: bytes) -> Script:
    """Return a script that gives these replies in turn on a connection, then waits for its end."""

    async def script(peer: Peer) -> None:
        for reply in replies:
            await peer.request()
            await peer.say(reply)
        await peer.gone()

    return script


def whole(body: bytes = b"{}", *, status: str = "200 OK", fields: bytes = b"") -> bytes:
    """Return a whole reply with its length."""
    length = str(len(body)).encode()
    head = b"HTTP/1.1 " + status.encode() + b"\r\ncontent-type: application/json\r\n"
    return head + fields + b"content-length: " + length + b"\r\n\r\n" + body


def chunked(*parts: bytes, end: bool = True) -> bytes:
    """Return a reply in chunks."""
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    body = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts)
    return head + body + (b"0\r\n\r\n" if end else b"")
