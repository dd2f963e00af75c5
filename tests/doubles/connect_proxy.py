"""A forward proxy that knows CONNECT and nothing else, and does what a test tells it."""

import asyncio
import base64
import contextlib
from types import TracebackType
from typing import Self

from gateway.transport.call import Address

PIPE_BYTES = 64 * 1024
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
UNAUTHENTICATED = (
    b'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="x"\r\n'
    b"content-length: 0\r\n\r\n"
)


class ConnectProxy:
    """Takes CONNECT, and joins the client to `leads_to`, wherever it was asked for.

    `heads` are the questions as they came, `passed` all that clients sent through a tunnel. With
    `wants` it asks for that user and password. `says` replaces its answer to a question; empty, it
    hangs up.
    """

    def __init__(
        self, leads_to: Address, *, wants: str = "", says: bytes = ESTABLISHED, host: str = ""
    ) -> None:
        self._leads_to = leads_to
        self._wants = wants
        self._says = says
        self._host = host or "127.0.0.77"
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.heads: list[bytes] = []
        self.passed = bytearray()

    @property
    def asked_for(self) -> list[str]:
        """The host and port of each question."""
        return [head.split(b" ")[1].decode() for head in self.heads]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._talk(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        assert head.startswith(b"CONNECT "), "something else than CONNECT was said to the proxy"
        if self._wants and not _authorised(head, self._wants):
            writer.write(UNAUTHENTICATED)
            await writer.drain()
            return
        writer.write(self._says)
        await writer.drain()
        if self._says != ESTABLISHED:
            return
        there, onward = await asyncio.open_connection(self._leads_to.ip, self._leads_to.port)
        try:
            await asyncio.gather(
                self._pipe(reader, onward, keep=True), self._pipe(there, writer, keep=False)
            )
        finally:
            onward.close()

    async def _pipe(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, keep: bool
    ) -> None:
        while data := await source.read(PIPE_BYTES):
            if keep:
                self.passed += data
            sink.write(data)
            await sink.drain()
        sink.close()


def _authorised(head: bytes, wants: str) -> bool:
    coded = base64.b64encode(wants.encode())
    return b"proxy-authorization: basic " + coded.lower() in head.lower()
