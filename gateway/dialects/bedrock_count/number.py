"""The reply of a count."""

from typing import NoReturn

import msgspec
from msgspec import Struct

from gateway.domain.dialect import Heard
from gateway.domain.errors import Unreachable
from gateway.domain.event import Event, Used
from gateway.domain.money import Tokens


class Count(Struct, frozen=True, rename="camel"):
    """How many tokens a request would take in."""

    input_tokens: int


def hear(body: bytes) -> Heard:
    """Return nothing that was heard; ValueError for what is no count.

    WHY: the number is the answer; counting itself uses no token, and nobody pays for it.
    """
    _count(body)
    return Heard()


def read_reply(body: bytes) -> tuple[Event, ...]:
    """Return the count as the one event; ValueError."""
    return (Used(Tokens(input_tokens=_count(body))),)


def write_reply(events: tuple[Event, ...], _asked_model: str, _record_id: str) -> bytes:
    """Return the count; ValueError where none was told."""
    used = [event.tokens for event in events if isinstance(event, Used)]
    if not used:
        raise ValueError("a count without a number")
    total = used[-1].input_tokens + used[-1].cache_read_tokens + used[-1].cache_write_tokens
    return msgspec.json.encode({"inputTokens": total})


def never(*_arguments: object) -> NoReturn:
    """Say that a count has no stream."""
    raise Unreachable("A count has no stream.")


def _count(body: bytes) -> int:
    try:
        count = msgspec.json.decode(body, type=Count).input_tokens
    except (ValueError, RecursionError):
        raise ValueError("not what a count says") from None
    if count < 0:
        raise ValueError("a count below zero")
    return count
