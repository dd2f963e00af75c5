"""Vectors, as an Ollama server says them and as its client hears them."""

from typing import Any

import msgspec
from msgspec import Struct

from gateway.domain.dialect import Heard
from gateway.domain.event import Began, Broke, Event, Used, Vector
from gateway.domain.money import Tokens
from gateway.translation.ollama_errors import broken


class Embedded(Struct, frozen=True):
    """A whole reply, or an error in its place."""

    model: str = ""
    embeddings: list[list[float]] | None = None
    prompt_eval_count: int | None = None
    error: Any = None

    @property
    def tokens(self) -> Tokens | None:
        """The usage; a server leaves out a count of zero."""
        count = self.prompt_eval_count
        return None if count is None or count < 0 else Tokens(input_tokens=count)


class Skimmed(Embedded, frozen=True):
    """The same, with vectors that nobody reads."""

    embeddings: list[msgspec.Raw] | None = None  # type: ignore[assignment]


def hear(body: bytes) -> Heard:
    """Return usage, model and error of a whole reply; ValueError when it is none."""
    found = _decoded(body, Skimmed)
    if found.error is not None:
        return Heard(broke=broken(found.error))
    return Heard(usage=found.tokens, model=found.model)


def read_reply(body: bytes) -> tuple[Event, ...]:
    """Return the vectors in the order of their inputs; ValueError."""
    found = _decoded(body, Embedded)
    if found.error is not None:
        kind, said = broken(found.error)
        return (Broke(kind, said),)
    vectors = [Vector(at, tuple(values)) for at, values in enumerate(found.embeddings or ())]
    used = found.tokens
    return (Began(model=found.model), *vectors, *((Used(used),) if used is not None else ()))


def write_reply(events: tuple[Event, ...], asked_model: str, _record_id: str) -> bytes:
    """Return a whole reply; ValueError when a vector is missing, for here its place is its name."""
    vectors = sorted(
        (event for event in events if isinstance(event, Vector)), key=lambda one: one.index
    )
    if [vector.index for vector in vectors] != list(range(len(vectors))):
        raise ValueError("a vector is missing, or stands twice")
    reply: dict[str, Any] = {
        "model": asked_model,
        "embeddings": [list(vector.values) for vector in vectors],
    }
    used = [event.tokens for event in events if isinstance(event, Used)]
    if used:
        reply["prompt_eval_count"] = used[-1].input_tokens
    return msgspec.json.encode(reply)


def _decoded(body: bytes, shape: type[Any]) -> Any:  # noqa: ANN401 - what the shape says
    try:
        found = msgspec.json.decode(body, type=shape)
    except (ValueError, RecursionError):
        found = None
    if found is None or (found.error is None and found.embeddings is None):
        raise ValueError("no vectors of this dialect")
    return found
