"""Engines that answer by script: the last thing before a wire, in the place of a connector."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping

from msgspec import Struct

from gateway.cli.mock_backend import anthropic, ollama, openai
from gateway.domain.route import FailureKind
from gateway.transport.call import Address, HttpCall, HttpReply, Timeouts
from gateway.transport.failure import failed
from tests.doubles.engine_bytes import a_script
from tests.doubles.vllm_recordings import recording
from tests.simulation.scenario import Fault

_SCRIPT = a_script()
NO_HEADERS: Mapping[str, str] = {}
ELSEWHERE = {"location": "http://127.0.200.1/"}


class Tongue(Struct, frozen=True):
    """What an engine says in one dialect, made once for all worlds.

    `opening` is how many events stand before the first content, `split` cuts the body's text.
    """

    whole: bytes
    events: list[bytes]
    opening: int
    stream_type: str
    broken: bytes
    too_long: bytes
    error: Callable[[int, str], bytes]


TONGUES = {
    "/v1/chat/completions": Tongue(
        openai.whole(_SCRIPT),
        openai.stream(_SCRIPT),
        1,
        openai.STREAM_TYPE,
        openai.broken("boom"),
        openai.too_long(_SCRIPT),
        openai.error,
    ),
    "/v1/messages": Tongue(
        anthropic.whole(_SCRIPT),
        anthropic.stream(_SCRIPT),
        2,
        anthropic.STREAM_TYPE,
        anthropic.broken("boom"),
        anthropic.too_long(_SCRIPT),
        anthropic.error,
    ),
    "/v1/responses": Tongue(
        recording("responses_whole").body,
        [event + b"\n\n" for event in recording("responses_stream").body.split(b"\n\n")[:-1]],
        4,
        openai.STREAM_TYPE,
        b'event: error\ndata: {"type":"error","code":"server_error","message":"boom"}\n\n',
        openai.too_long(_SCRIPT),
        openai.error,
    ),
    "/api/chat": Tongue(
        ollama.whole(_SCRIPT),
        ollama.stream(_SCRIPT),
        0,
        ollama.STREAM_TYPE,
        ollama.broken("boom"),
        ollama.too_long(_SCRIPT),
        ollama.error,
    ),
}
REMOTE = b'{"model":"m","remote_host":"https://elsewhere.test","message":{"content":"x"}}\n'


class Reply:
    """A reply of which every chunk may take its time."""

    def __init__(
        self,
        chunks: list[bytes],
        content_type: str = "application/json",
        *,
        status: int = 200,
        wait_ms: int = 0,
        breaks: Exception | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        self.status = status
        self.headers = {"content-type": content_type, **headers}
        self._chunks = chunks
        self._wait_ms = wait_ms
        self._breaks = breaks

    async def read(self, bytes_max: int) -> bytes:
        body = b"".join([chunk async for chunk in self.chunks()])
        return body[: bytes_max + 1]

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        for chunk in self._chunks:
            if self._wait_ms:
                await asyncio.sleep(self._wait_ms / 1_000)
            yield chunk
        if self._breaks is not None:
            raise self._breaks

    def abandon(self) -> None:
        self._chunks = []


class Engines:
    """Who listens to every call that leaves: `reached` is asked what follows, and may look."""

    def __init__(self, reached: Callable[[str, HttpCall, Address], Fault]) -> None:
        self._reached = reached

    def connector(self, backend: str) -> "EngineConnector":
        """Return the connector of one backend."""
        return EngineConnector(backend, self._reached)


class EngineConnector:
    """The engine of one backend; what reaches it has left the house."""

    def __init__(self, backend: str, reached: Callable[[str, HttpCall, Address], Fault]) -> None:
        self._backend = backend
        self._reached = reached

    async def send(self, call: HttpCall, timeouts: Timeouts, address: Address) -> HttpReply:
        fault = self._reached(self._backend, call, address)
        if fault.wait_ms:
            await asyncio.sleep(fault.wait_ms / 1_000)
        return answer(fault, call)

    async def close(self) -> None:
        return


def answer(fault: Fault, call: HttpCall) -> HttpReply:
    """Return the reply that the fault describes, or raise as a client of the wire would."""
    tongue = TONGUES[call.path]
    if fault.how in _UNANSWERED:
        kind, sent = _UNANSWERED[fault.how]
        raise failed(kind, "scripted", sent=sent)
    if fault.how == "crash":
        raise RuntimeError("a planted fault")
    if fault.how in _PLAIN:
        return _PLAIN[fault.how](tongue, call)
    return _spoken(fault, tongue, streams=b'"stream":true' in call.body)


def _spoken(fault: Fault, tongue: Tongue, *, streams: bool) -> HttpReply:
    """Return a reply of status 200, sound or broken, as a stream or whole."""
    if not streams:
        whole = {"error_early": tongue.error(500, "boom"), "error_late": b"{", "remote": REMOTE}
        said = whole.get(fault.how, tongue.whole)
        return Reply([said], wait_ms=fault.wait_ms, breaks=_break(fault))
    first = tongue.events[: tongue.opening]
    later = tongue.events[: tongue.opening + 2]
    chunks = {
        "cut_early": first,
        "cut_late": later,
        "crash_late": later,
        "error_early": [*first, tongue.broken],
        "error_late": [*later, tongue.broken],
        "remote": [*first, REMOTE],
    }
    return Reply(
        chunks.get(fault.how, tongue.events),
        tongue.stream_type,
        wait_ms=fault.wait_ms,
        breaks=_break(fault),
    )


def _break(fault: Fault) -> Exception | None:
    """Return what the reply ends with: a broken connection, or a fault of our own client."""
    if fault.how.startswith("cut"):
        return failed(FailureKind.CUT_SHORT, "scripted", sent=True)
    return RuntimeError("a planted fault") if fault.how == "crash_late" else None


def _echo(status: int, retry_after: str = "") -> Callable[[Tongue, HttpCall], HttpReply]:
    """An engine that repeats in its error what it was sent."""
    headers = {"retry-after": retry_after} if retry_after else {}

    def reply(tongue: Tongue, call: HttpCall) -> HttpReply:
        said = call.body.decode(errors="replace")[:400]
        return Reply([tongue.error(status, said)], status=status, headers=headers)

    return reply


_UNANSWERED = {
    "refused": (FailureKind.UNREACHABLE, False),
    "connect_timeout": (FailureKind.TIMED_OUT, False),
    "timeout": (FailureKind.TIMED_OUT, True),
}
_PLAIN: dict[str, Callable[[Tongue, HttpCall], HttpReply]] = {
    "429": _echo(429, "1"),
    "429-late": _echo(429, "60"),
    "500": _echo(500),
    "503": _echo(503),
    "400": lambda tongue, _: Reply([tongue.error(400, "max_tokens is too large")], status=400),
    "context": lambda tongue, _: Reply([tongue.too_long], status=400),
    "401": _echo(401),
    "302": lambda _tongue, _call: Reply([b""], status=302, headers=ELSEWHERE),
    "gzip": lambda tongue, _: Reply([tongue.whole], headers={"content-encoding": "gzip"}),
    "garbage": lambda _tongue, call: Reply([b"\xff\xfe", call.body]),
    "html": lambda _tongue, call: Reply([b"<html>", call.body], "text/html"),
}
