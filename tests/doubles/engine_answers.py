"""The same question, answered by the real vLLM (as recorded) and by the scripted engine."""

import httpx
import msgspec
from msgspec import Struct

from tests.doubles.scripted_engine import RunningEngine
from tests.doubles.vllm_recordings import FOLDER

SECONDS_MAX = 30.0


class Answer(Struct, frozen=True):
    """Status, headers of interest by lower-case name, and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_stream(self) -> bool:
        return self.headers["content-type"].startswith("text/event-stream")


class Question(Struct, frozen=True):
    """Where and what was asked."""

    path: str
    body: dict


def question(name: str) -> Question:
    """Return what was asked of the real engine."""
    return msgspec.json.decode((FOLDER / f"{name}.request.json").read_bytes(), type=Question)


def real(name: str) -> Answer:
    """Return what the real engine answered."""
    head, _, body = (FOLDER / f"{name}.txt").read_bytes().partition(b"\n\n")
    status, *fields = head.decode().split("\n")
    return Answer(int(status.split()[1]), dict(field.split(": ", 1) for field in fields), body)


def scripted(engine: RunningEngine, name: str, *behaviours: str) -> Answer:
    """Ask the scripted engine the same, and what it shall do besides."""
    asked = question(name)
    messages = asked.body["messages"]
    words = " ".join(f"mock:{behaviour}" for behaviour in behaviours)
    messages = [*messages[:-1], {"role": "user", "content": f"Is it safe? {words}"}]
    reply = httpx.post(
        f"{engine.url}{asked.path}",
        json=asked.body | {"messages": messages},
        trust_env=False,
        timeout=SECONDS_MAX,
    )
    return Answer(reply.status_code, dict(reply.headers), reply.content)
