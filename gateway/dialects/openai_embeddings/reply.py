"""Vectors, as an engine of this dialect says them and as a client of it hears them."""

import struct
from base64 import b64decode, b64encode
from collections.abc import Callable
from math import isfinite
from typing import Any

import msgspec
from msgspec import Struct

from gateway.domain.dialect import Heard
from gateway.domain.event import Began, Broke, Event, Used, Vector
from gateway.domain.money import Tokens
from gateway.translation.openai_fault import failure_in

FLOAT_BYTES = 4


class Datum(Struct, frozen=True):
    """One vector; numbers, or base64 of little-endian float32."""

    embedding: list[float] | str
    index: int = 0


class Unread(Struct, frozen=True):
    """One vector that nobody reads."""

    embedding: msgspec.Raw


class Usage(Struct, frozen=True):
    """What was used; an embedding makes no tokens."""

    prompt_tokens: int | None = None

    @property
    def tokens(self) -> Tokens | None:
        """The usage, None where it is not said."""
        count = self.prompt_tokens
        return None if count is None or count < 0 else Tokens(input_tokens=count)


class Listed(Struct, frozen=True):
    """A whole reply, or an error in its place."""

    data: list[Datum] | None = None
    model: str = ""
    usage: Usage | None = None
    error: Any = None
    object: str = ""

    @property
    def broke(self) -> bool:
        """Is it an error?"""
        return bool(self.error) or self.object == "error"


class Skimmed(Listed, frozen=True):
    """The same, with vectors that nobody reads."""

    data: list[Unread] | None = None  # type: ignore[assignment]


def hear(body: bytes) -> Heard:
    """Return usage, model and error of a whole reply; ValueError when it is none."""
    listed = _decoded(body, Skimmed)
    if listed.broke:
        return Heard(broke=failure_in(body))
    usage = listed.usage.tokens if listed.usage is not None else None
    return Heard(usage=usage, model=listed.model)


def read_reply(body: bytes) -> tuple[Event, ...]:
    """Return the vectors in the order of their inputs; ValueError."""
    listed = _decoded(body, Listed)
    if listed.broke:
        kind, said = failure_in(body)
        return (Broke(kind, said),)
    vectors = sorted(
        (Vector(one.index, _values(one.embedding)) for one in listed.data or ()),
        key=lambda vector: vector.index,
    )
    used = listed.usage.tokens if listed.usage is not None else None
    return (Began(model=listed.model), *vectors, *((Used(used),) if used is not None else ()))


def write_reply(events: tuple[Event, ...], asked_model: str, _record_id: str) -> bytes:
    """Return a whole reply with vectors as numbers."""
    return _written(events, asked_model, list)


def write_packed(events: tuple[Event, ...], asked_model: str, _record_id: str) -> bytes:
    """Return a whole reply with vectors as base64; ValueError for what float32 cannot hold."""
    return _written(events, asked_model, _packed)


def _written(
    events: tuple[Event, ...], asked_model: str, form: Callable[[tuple[float, ...]], object]
) -> bytes:
    data = [
        {"object": "embedding", "index": event.index, "embedding": form(event.values)}
        for event in events
        if isinstance(event, Vector)
    ]
    reply: dict[str, Any] = {"object": "list", "data": data, "model": asked_model}
    used = [event.tokens for event in events if isinstance(event, Used)]
    count = used[-1].input_tokens if used else 0
    reply["usage"] = {"prompt_tokens": count, "total_tokens": count}
    return msgspec.json.encode(reply)


def _packed(values: tuple[float, ...]) -> str:
    try:
        return b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
    except OverflowError:
        raise ValueError("a number that float32 cannot hold") from None


def _values(embedding: list[float] | str) -> tuple[float, ...]:
    if isinstance(embedding, list):
        return tuple(embedding)
    raw = b64decode(embedding, validate=True)
    count, rest = divmod(len(raw), FLOAT_BYTES)
    values = struct.unpack(f"<{count}f", raw[: count * FLOAT_BYTES])
    if rest or not all(map(isfinite, values)):
        raise ValueError("a vector is cut, or one of its numbers is not finite")
    return values


def _decoded(body: bytes, shape: type[Any]) -> Any:  # noqa: ANN401 - what the shape says
    try:
        listed = msgspec.json.decode(body, type=shape)
    except (ValueError, RecursionError):
        listed = None
    if listed is None or not (listed.broke or listed.data):
        raise ValueError("no vectors of this dialect")
    return listed
