"""A way out that answers by script, and notes what was sent, after what was durable."""

from collections.abc import AsyncGenerator, Callable

from gateway.domain.route import Candidate, Failure, FailureKind, Route
from gateway.transport.call import HttpCall
from gateway.transport.failure import TransportFailure


class ScriptedReply:
    """A reply whose chunks are given; after the last one it ends, breaks or hangs."""

    def __init__(
        self,
        *chunks: bytes,
        status: int = 200,
        content_type: str = "application/json",
        breaks: FailureKind | None = None,
        before_chunk: Callable[[int], None] = lambda _: None,
        **headers: str,
    ) -> None:
        self.status = status
        self.headers = {"content-type": content_type, **headers}
        self.abandoned = False
        self._chunks = chunks
        self._breaks = breaks
        self._before_chunk = before_chunk

    async def read(self, bytes_max: int) -> bytes:
        body = b"".join(self._chunks)
        if self._breaks is not None:
            raise TransportFailure(Failure(self._breaks, sent=True))
        assert len(body) <= bytes_max
        return body

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        for number, chunk in enumerate(self._chunks):
            self._before_chunk(number)
            yield chunk
        if self._breaks is not None:
            raise TransportFailure(Failure(self._breaks, sent=True))

    def abandon(self) -> None:
        self.abandoned = True


Answer = ScriptedReply | Failure | BaseException


class ScriptedSender:
    def __init__(self, trace: list[str] | None = None, **answers: list[Answer]) -> None:
        self.answers = {name.replace("_", "-"): list(given) for name, given in answers.items()}
        self.sent: list[tuple[str, HttpCall]] = []
        self.proxies: dict[str, str] = {}
        self.addresses: dict[str, str] = {}
        self.trace = trace if trace is not None else []
        # What happens while a name is looked up.
        self.resolving: Callable[[str], None] = lambda _backend: None

    async def send(self, candidate: Candidate, route: Route, call: HttpCall) -> ScriptedReply:
        assert candidate in route.candidates
        self.resolving(call.backend)
        if why := call.stopped():
            raise TransportFailure(Failure(FailureKind.UNREACHABLE, sent=False, detail=why))
        self.sent.append((candidate.zone, call))
        self.trace.append(f"sent:{call.backend}")
        answer = self.answers[call.backend].pop(0)
        if isinstance(answer, Failure):
            raise TransportFailure(answer)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def host(self, backend: str) -> str:
        return f"{backend}.example:8000"

    def via_proxy(self, backend: str) -> str:
        return self.proxies.get(backend, "")

    def dialled(self, backend: str) -> str:
        return self.addresses.get(backend, "")
