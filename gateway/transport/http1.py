"""Our own lean HTTP/1.1 client: one backend, its connections, nothing from the environment.

No redirects, no proxies, no cookies, no retries: a second send could run a prompt twice, so a
connection that dies before the reply is a failure, and the next attempt has its own record.
A body that ends with its connection is taken as whole when the connection is closed in order; the
dialect's own end mark tells whether the engine had finished.
"""

import asyncio
import ssl

from gateway.domain.route import FailureKind
from gateway.transport import http1_head
from gateway.transport.call import Address, HttpCall, Timeouts
from gateway.transport.failure import failed, from_os
from gateway.transport.http1_connection import Connection
from gateway.transport.http1_reply import Http1Reply

CONNECTIONS_MAX = 512
# WHY: vLLM's server closes a connection that was idle for 5 s; we must be the first to let go.
POOL_IDLE_MS_MAX = 4_000
POOL_MAX = 64
MS = 1_000


class Http1Connector:
    """The connections to one backend; `host` is what the Host field says, `server_name` TLS.

    At most `connections_max` requests are under way; a further one waits as long as it may take to
    connect, and is then refused as overloaded.
    """

    def __init__(
        self,
        host: str,
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        connections_max: int = CONNECTIONS_MAX,
        pool_idle_ms: int = POOL_IDLE_MS_MAX,
    ) -> None:
        self._host = host
        self._tls = tls
        self._server_name = server_name
        self._permits = asyncio.Semaphore(connections_max)
        self._pool_idle_s = pool_idle_ms / MS
        self._pool: list[Connection] = []
        self._open: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def send(self, call: HttpCall, timeouts: Timeouts, address: Address) -> Http1Reply:
        """Send to that address and wait for the head; raises TransportFailure."""
        head = http1_head.encode(call, self._host)
        connection = await self._lease(address, timeouts)
        # INVARIANT: what was stopped while it waited for a connection sends nothing on it.
        if why := call.stopped():
            connection.abort()
            raise failed(FailureKind.UNREACHABLE, why, sent=False)
        idle_s = timeouts.idle_ms / MS
        try:
            connection.begin(timeouts.total_ms / MS)
            await connection.write(head, call.body, idle_s)
            await connection.head(timeouts.first_byte_ms / MS, idle_s)
        except BaseException:
            connection.abort()
            raise
        return Http1Reply(connection, self._hand_back, idle_s)

    def retire(self) -> None:
        """Take no further call: what is idle is closed, what is under way comes to its end."""
        self._is_closed = True
        for connection in tuple(self._pool):
            connection.abort()

    async def close(self) -> None:
        """Close every connection, those in use as well."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in tuple(self._open):
            connection.abort()

    async def _lease(self, address: Address, timeouts: Timeouts) -> Connection:
        if self._is_closed:
            raise failed(FailureKind.UNREACHABLE, "the gateway is stopping", sent=False)
        wait_s = timeouts.connect_ms / MS
        await self._permit(wait_s)
        connection = self._from_pool(address)
        if connection is not None:
            return connection
        try:
            return await self._connect(address, min(wait_s, timeouts.total_ms / MS))
        except BaseException:
            self._permits.release()
            raise

    async def _permit(self, wait_s: float) -> None:
        if not self._permits.locked():
            await self._permits.acquire()
            return
        try:
            async with asyncio.timeout(wait_s):
                await self._permits.acquire()
        except TimeoutError:
            detail = "every connection is in use"
            raise failed(FailureKind.OVERLOADED, detail, sent=False) from None

    def _from_pool(self, address: Address) -> Connection | None:
        """Take the connection that went idle last; only one to the address that was checked now."""
        oldest = asyncio.get_running_loop().time() - self._pool_idle_s
        for index in range(len(self._pool) - 1, -1, -1):
            connection = self._pool[index]
            if connection.idle_since < oldest or not connection.is_usable:
                connection.abort()
            elif connection.address == address:
                del self._pool[index]
                connection.is_leased = True
                return connection
        return None

    async def _connect(self, address: Address, wait_s: float) -> Connection:
        loop = asyncio.get_running_loop()
        made = Connection(loop, address, self._lost)
        try:
            async with asyncio.timeout(wait_s):
                await self._dial(loop, made, address)
        except TimeoutError:
            raise failed(FailureKind.TIMED_OUT, "connect", sent=False) from None
        except OSError as error:
            raise from_os(error, sent=False) from None
        if not made.is_usable:
            made.abort()
            raise failed(FailureKind.UNREACHABLE, "closed before the request", sent=False)
        self._open.add(made)
        return made

    async def _dial(
        self, loop: asyncio.AbstractEventLoop, made: Connection, address: Address
    ) -> None:
        """Connect `made` to that address; OSError or TransportFailure."""
        await loop.create_connection(
            lambda: made,
            address.ip,
            address.port,
            ssl=self._tls,
            server_hostname=self._server_name if self._tls is not None else None,
        )

    def _hand_back(self, connection: Connection) -> None:
        if not connection.is_reusable or self._is_closed or len(self._pool) >= POOL_MAX:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.park(loop.time())
        self._permits.release()
        self._pool.append(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(self._pool_idle_s, self._sweep)

    def _lost(self, connection: Connection) -> None:
        """A connection is gone: whoever had it on lease gives the permit back."""
        if connection not in self._open:
            return
        self._open.discard(connection)
        if connection.is_leased:
            connection.is_leased = False
            self._permits.release()
        elif connection in self._pool:
            self._pool.remove(connection)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        fresh = [one for one in self._pool if now - one.idle_since < self._pool_idle_s]
        for connection in self._pool:
            if connection not in fresh:
                connection.abort()
        self._pool = fresh
        self._sweeper = None
        if fresh:
            self._sweeper = loop.call_at(fresh[0].idle_since + self._pool_idle_s, self._sweep)
