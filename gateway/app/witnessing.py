"""A witness as a small process of its own, for the host of another team (C2SP tlog-witness)."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from gateway.app.listeners import Listener, bind, server_of
from gateway.audit.checkpoint import Checkpoint, Vkey
from gateway.audit.cosignature import cosign
from gateway.audit.tree import Head
from gateway.audit.witness import (
    PATH,
    REQUEST_BYTES_MAX,
    SIZE_TYPE,
    Refused,
    Status,
    Submission,
    judge,
    origin_of,
    read_submission,
)
from gateway.config.settings import Tls
from gateway.meters.logs import logger
from gateway.stores.witness import WitnessStore
from gateway.surfaces.protocol import ConnectionLimits, Connections

PLAIN = "text/plain; charset=utf-8"
HEADER_MS, MESSAGE_MS, STALL_MS, KEEP_ALIVE_MS, DRAIN_MS = 5_000, 20_000, 5_000, 75_000, 5_000
HEADER_BYTES_MAX = 16 * 1024
CONNECTIONS_MAX, CONNECTIONS_PER_PEER_MAX = 256, 32
STARTED_POLL_S = 0.005
_SECOND_US = 1_000_000

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Logs:
    """The logs that a witness signs for, each with the keys that may have signed it.

    A shard of a log is one more name below it, and has the log's key.
    """

    def __init__(self, keys: tuple[Vkey, ...]) -> None:
        self._keys = keys

    def keys_of(self, origin: str) -> tuple[Vkey, ...]:
        """Return the keys that count for a log; none for a log that nobody named."""
        names = {origin, origin.rpartition("/")[0]}
        return tuple(Vkey(origin, one.public) for one in self._keys if one.name in names)


class Witness:
    """Signs what only grew, and remembers it before it answers."""

    def __init__(
        self,
        name: str,
        key: Ed25519PrivateKey,
        logs: Logs,
        store: WitnessStore,
        now_us: Callable[[], int],
    ) -> None:
        self._name = name
        self._key = key
        self._logs = logs
        self._store = store
        self._now_us = now_us

    def add_checkpoint(self, text: str) -> str:
        """Return the cosignature of what is asked; Refused. Blocks."""
        submission = read_submission(text)
        origin = origin_of(submission)
        keys = self._logs.keys_of(origin)
        if not keys:
            raise Refused(Status.UNKNOWN_LOG)
        known = self._store.latest(origin)
        found = _judged(submission, keys, known)
        if not self._store.advance(known, found, submission.note):
            raise Refused(Status.OTHER_SIZE, self._store.latest(origin).size)
        return cosign(submission.note, self._name, self._key, self._now_us() // _SECOND_US)


class WitnessDoor:
    """The one path of a witness, as an ASGI application."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["path"] != PATH:
            await _answer(send, 404, b"")
        elif scope["method"] != "POST":
            await _answer(send, 405, b"", ("allow", "POST"))
        else:
            await self._add(receive, send)

    async def _add(self, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            await _answer(send, 413, b"")
            return
        try:
            text = _text(body)
            line = await asyncio.to_thread(self._witness.add_checkpoint, text)
        except Refused as refused:
            logger().warning("not_cosigned", reason=refused.status.name, size=refused.size or 0)
            if refused.size is None:
                await _answer(send, refused.status, b"")
            else:
                told = f"{refused.size}\n".encode()
                await _answer(send, refused.status, told, ("content-type", SIZE_TYPE))
            return
        logger().info("cosigned")
        await _answer(send, Status.SIGNED, line.encode(), ("content-type", PLAIN))


class Address(Struct, frozen=True):
    """Where a witness listens."""

    host: str
    port: int
    tls: Tls | None = None


async def serve_witness(witness: Witness, at: Address, announce: Callable[[str], None]) -> None:
    """Answer until SIGTERM or SIGINT; OSError when the address cannot be listened on."""
    limits = ConnectionLimits(
        header_ms=HEADER_MS,
        header_bytes_max=HEADER_BYTES_MAX,
        connections_max=CONNECTIONS_MAX,
        connections_per_peer_max=CONNECTIONS_PER_PEER_MAX,
        message_ms=MESSAGE_MS,
        stall_ms=STALL_MS,
    )
    bound = bind(at.host, at.port)
    server = server_of(
        Listener(
            application=WitnessDoor(witness),
            host=at.host,
            port=at.port,
            connections=Connections(limits, lambda: None),
            keep_alive_ms=KEEP_ALIVE_MS,
            drain_ms=DRAIN_MS,
            tls=at.tls,
        )
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, server)
    running = asyncio.create_task(server.serve([bound]))
    while not server.started:
        if running.done():
            running.result()
        await asyncio.sleep(STARTED_POLL_S)
    host, port = bound.getsockname()[:2]
    scheme = "http" if at.tls is None else "https"
    announce(f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}")
    await running


def _judged(submission: Submission, keys: tuple[Vkey, ...], known: Head) -> Checkpoint:
    """Return what may be signed, whichever key of the log signed it; Refused."""
    for key in keys[:-1]:
        try:
            return judge(submission, key, known)
        except Refused as refused:
            if refused.status is not Status.NOT_SIGNED:
                raise
    return judge(submission, keys[-1], known)


def _stop(server: Any) -> None:  # noqa: ANN401 - uvicorn's server, of which only this is used
    server.should_exit = True


async def _body(receive: Receive) -> bytes | None:
    """Return the body; None when it is larger than any request may be, or nobody sends on."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or len(body) > REQUEST_BYTES_MAX:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Refused(Status.MALFORMED) from None


async def _answer(send: Send, status: int, body: bytes, *fields: tuple[str, str]) -> None:
    told = [("content-length", str(len(body))), *fields]
    headers = [(name.encode(), value.encode()) for name, value in told]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
