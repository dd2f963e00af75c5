"""A reply that is still arriving on its connection."""

from collections.abc import AsyncGenerator, Callable

from gateway.domain.errors import Unreachable
from gateway.transport.failure import too_large
from gateway.transport.http1_connection import Connection


class Http1Reply:
    """The head of a reply, and its body, read once.

    INVARIANT: the connection is handed back exactly once, whole or aborted; after that this reply
    knows it no more, for another request may be using it.
    """

    __slots__ = ("_connection", "_hand_back", "_idle_s", "_is_read", "headers", "status")

    def __init__(
        self, connection: Connection, hand_back: Callable[[Connection], None], idle_s: float
    ) -> None:
        self._connection: Connection | None = connection
        self._hand_back = hand_back
        self._idle_s = idle_s
        self._is_read = False
        self.status = connection.status
        self.headers = connection.fields

    async def read(self, bytes_max: int) -> bytes:
        """Return the whole body; ReplyTooLarge over the bound."""
        connection = self._open()
        try:
            body = await self._read(connection, bytes_max)
        except BaseException:
            self._drop()
            raise
        self._release()
        return body

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it arrives; leaving early closes the connection."""
        connection = self._open()
        try:
            while part := await connection.more(self._idle_s):
                if connection.done:
                    self._release()
                    yield part
                    return
                yield part
            self._release()
        finally:
            self._drop()

    def abandon(self) -> None:
        """Close the connection at once, unless the reply has come to its end anyway."""
        connection = self._connection
        if connection is not None and connection.is_reusable:
            self._release()
        else:
            self._drop()

    async def _read(self, connection: Connection, bytes_max: int) -> bytes:
        if int(self.headers.get("content-length", "0")) > bytes_max:
            raise too_large(bytes_max)
        parts, total = [], 0
        while part := await connection.more(self._idle_s):
            parts.append(part)
            total += len(part)
            if total > bytes_max:
                raise too_large(bytes_max)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _open(self) -> Connection:
        if self._connection is None or self._is_read:
            raise Unreachable("A reply was read twice, or after it was abandoned.")
        self._is_read = True
        return self._connection

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._hand_back(connection)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
