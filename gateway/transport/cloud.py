"""The client for engines of others: httpx over aiohttp, behind the same three methods.

Beside the messenger of credentials the only module that knows httpx, and the only one that knows
aiohttp; it is loaded only where a cloud backend is configured. Here `first_byte_ms` covers the
sending as well.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport

from gateway.domain.errors import Unreachable
from gateway.domain.route import FailureKind
from gateway.transport.call import Address, HttpCall, Timeouts
from gateway.transport.failure import TransportFailure, failed, from_os, too_large
from gateway.transport.guard import Place
from gateway.transport.http1 import CONNECTIONS_MAX, MS, POOL_IDLE_MS_MAX
from gateway.transport.http1_head import assert_plain, has_length, refusal

SLICE_BYTES_MAX = 64 * 1024
CLIENTS_MAX = 16
TIMEOUT_S_MAX = 3_600
_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, OSError)
_CAUSES: tuple[tuple[type[Exception], FailureKind, str, bool], ...] = (
    (aiohttp.ConnectionTimeoutError, FailureKind.TIMED_OUT, "connect", False),
    (aiohttp.ServerDisconnectedError, FailureKind.UNREACHABLE, "closed before reply", True),
    (aiohttp.ClientOSError, FailureKind.UNREACHABLE, "broken before reply", True),
    (OSError, FailureKind.UNREACHABLE, "broken before reply", True),
)


class CloudConnector:
    """The connections to one backend; dials only the address that it is given.

    INVARIANT: each address has a client and a pool of its own, for aiohttp tells its connections
    apart by name alone: one to an address that is no longer the backend's is never used again.
    """

    def __init__(
        self,
        place: Place,
        *,
        tls: ssl.SSLContext | None = None,
        fields: tuple[tuple[str, str], ...] = (),
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        self._origin = f"{place.scheme}://{place.authority}"
        # WHY: a plain backend gets a context that believes nobody, for there is no other kind here.
        self._tls = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._server_name = place.sni if tls is not None else None
        self._connections_max = connections_max
        self._host = place.dialled[0]
        proxy = place.proxy
        self._proxy = None
        if proxy is not None:
            told = [*fields, ("user-agent", "perimeter")]
            self._proxy = httpx.Proxy(f"http://{proxy.authority}", headers=told)
        self._clients: dict[Address, httpx.AsyncClient] = {}
        self._retiring: dict[asyncio.Task[None], httpx.AsyncClient] = {}
        self._is_closed = False

    async def send(self, call: HttpCall, timeouts: Timeouts, address: Address) -> "CloudReply":
        """Send to that address and wait for the head; raises TransportFailure."""
        assert_plain(call)
        if self._is_closed:
            raise failed(FailureKind.UNREACHABLE, "the gateway is stopping", sent=False)
        client = self._client(address, timeouts.total_ms / MS)
        now = asyncio.get_running_loop().time()
        total_at = now + timeouts.total_ms / MS
        head_at = now + (timeouts.connect_ms + timeouts.first_byte_ms) / MS
        request = self._request(call, timeouts.connect_ms / MS)
        try:
            async with asyncio.timeout_at(min(head_at, total_at)):
                response = await client.send(request, stream=True, follow_redirects=False)
        except TimeoutError:
            raise failed(FailureKind.TIMED_OUT, "no first byte", sent=True) from None
        except _ERRORS as error:
            raise _before_reply(error) from None
        reply = CloudReply(response, timeouts.idle_ms / MS, total_at)
        why = refusal(
            "1.1", [(name.lower(), value) for name, value in response.headers.multi_items()]
        )
        if why is not None:
            reply.abandon()
            raise failed(FailureKind.UNREADABLE, why, sent=True)
        return reply

    def retire(self) -> None:
        """Take no further call: what is under way comes to its end, what is idle runs out."""
        self._is_closed = True

    async def close(self) -> None:
        """Close every connection."""
        self._is_closed = True
        retiring = dict(self._retiring)
        for task in retiring:
            task.cancel()
        await asyncio.gather(*retiring, return_exceptions=True)
        for client in (*retiring.values(), *self._clients.values()):
            await client.aclose()

    def _client(self, address: Address, total_s: float) -> httpx.AsyncClient:
        """Return the client of that address; one too many retires the one of the longest ago."""
        made = self._clients.pop(address, None) or self._open(address)
        self._clients[address] = made
        if len(self._clients) > CLIENTS_MAX:
            old = self._clients.pop(next(iter(self._clients)))
            task = asyncio.get_running_loop().create_task(_retire(old, total_s))
            self._retiring[task] = old
            task.add_done_callback(lambda done: self._retiring.pop(done, None))
        return made

    def _open(self, address: Address) -> httpx.AsyncClient:
        # INVARIANT: nothing comes from the environment: no proxy, no .netrc, no CA, no cookie. The
        # proxy is that of the fleet file, and is dialled at the address that was checked.
        transport = AiohttpTransport(
            verify=self._tls,
            trust_env=False,
            client=partial(self._session, address),
            proxy=self._proxy,
        )
        return httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(TIMEOUT_S_MAX),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    def _session(self, address: Address) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=_Pinned(self._host, address),
            use_dns_cache=False,
            ssl=self._tls,
            limit=self._connections_max,
            keepalive_timeout=POOL_IDLE_MS_MAX / MS,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            auto_decompress=False,
            trust_env=False,
        )

    def _request(self, call: HttpCall, connect_s: float) -> httpx.Request:
        length = (("content-length", str(len(call.body))),) if has_length(call) else ()
        wait = {"connect": connect_s, "pool": connect_s, "read": None, "write": None}
        extensions: dict[str, object] = {"timeout": wait}
        if self._server_name is not None:
            extensions["sni_hostname"] = self._server_name
        return httpx.Request(
            call.method,
            self._origin + call.path,
            headers=[*call.headers, *length],
            content=_slices(call.body) if len(call.body) > SLICE_BYTES_MAX else call.body,
            extensions=extensions,
        )


class CloudReply:
    """The head of a reply, and its body, read once."""

    def __init__(self, response: httpx.Response, idle_s: float, total_at: float) -> None:
        self._response = response
        self._idle_s = idle_s
        self._total_at = total_at
        self._is_read = False
        self._closing: asyncio.Task[None] | None = None
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.multi_items()}

    async def read(self, bytes_max: int) -> bytes:
        """Return the whole body; ReplyTooLarge over the bound."""
        parts, total = [], 0
        async for part in self.chunks():
            parts.append(part)
            total += len(part)
            if total > bytes_max:
                self.abandon()
                raise too_large(bytes_max)
        return b"".join(parts)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it arrives; leaving early closes the connection."""
        if self._is_read or self._closing is not None:
            raise Unreachable("A reply was read twice, or after it was abandoned.")
        self._is_read = True
        raw = self._response.aiter_raw()
        try:
            while (part := await self._next(raw)) is not None:
                yield part
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the connection at once, unless the reply has come to its end anyway."""
        if self._closing is None and not self._response.is_closed:
            self._closing = asyncio.get_running_loop().create_task(self._close())

    async def _next(self, raw: AsyncIterator[bytes]) -> bytes | None:
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(now + self._idle_s, self._total_at)):
                return await anext(raw)
        except StopAsyncIteration:
            return None
        except TimeoutError:
            detail = "total" if now + self._idle_s >= self._total_at else "body stopped"
            raise failed(FailureKind.TIMED_OUT, detail, sent=True) from None
        except _ERRORS:
            raise failed(FailureKind.CUT_SHORT, "broken in the body", sent=True) from None

    async def _close(self) -> None:
        try:
            await self._response.aclose()
        except _ERRORS:
            return


class _Pinned(AbstractResolver):
    """Answers with the address that the guard checked, for the one host of this client."""

    def __init__(self, host: str, address: Address) -> None:
        self._host = host
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the pinned address; OSError for any other host, or a family that it is not of."""
        if host != self._host:
            raise OSError("only the pinned host is resolved")
        version = socket.AF_INET6 if ":" in self._address.ip else socket.AF_INET
        if family not in {socket.AF_UNSPEC, version}:
            raise OSError("the pinned address is of another family")
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(
                hostname=host,
                host=self._address.ip,
                port=port,
                family=version,
                proto=0,
                flags=flags,
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def _retire(client: httpx.AsyncClient, total_s: float) -> None:
    """Close a client when whatever is under way on it has ended, for it may last that long."""
    await asyncio.sleep(total_s)
    await client.aclose()


async def _slices(body: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), SLICE_BYTES_MAX):
        yield body[start : start + SLICE_BYTES_MAX]


def _before_reply(error: Exception) -> TransportFailure:
    """Return the failure of a request without a reply, from any error of httpx or below.

    WHY: httpx-aiohttp calls a server that hung up a connect timeout; only the cause tells.
    """
    cause = error.__cause__ or error
    if isinstance(cause, aiohttp.ClientConnectorError):
        # INVARIANT: this is raised while connecting and never later.
        if isinstance(cause, aiohttp.ClientConnectorCertificateError):
            refused = cause.certificate_error
            if isinstance(refused, OSError):
                return from_os(refused, sent=False)
            return failed(FailureKind.UNREACHABLE, "certificate refused", sent=False)
        return from_os(cause.os_error, sent=False)
    if isinstance(cause, aiohttp.ClientHttpProxyError):
        return failed(FailureKind.UNREACHABLE, f"proxy: status {cause.status}", sent=False)
    for known, kind, detail, sent in _CAUSES:
        if isinstance(cause, known):
            return failed(kind, detail, sent=sent)
    return failed(FailureKind.UNREADABLE, "not an HTTP/1.1 reply", sent=True)
