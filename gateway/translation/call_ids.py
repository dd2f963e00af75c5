"""Ids of calls in a form that a vendor insists on, the same for a call and its result."""

from hashlib import blake2s
from typing import Any

from gateway.domain.request import Body

NINE = 9


def in_nine(body: Body) -> Body:
    """Return a chat whose calls have ids of nine letters and digits; one that has is kept."""
    return {**body, "messages": [_renumbered(message) for message in body["messages"]]}


def _renumbered(message: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if message.get("tool_call_id") is not None:
        changed["tool_call_id"] = _short(message["tool_call_id"])
    if message.get("tool_calls"):
        changed["tool_calls"] = [
            {**call, "id": _short(call.get("id"))} for call in message["tool_calls"]
        ]
    return {**message, **changed}


def _short(given: object) -> str:
    text = str(given)
    fits = len(text) == NINE and text.isascii() and text.isalnum()
    return text if fits else blake2s(text.encode()).hexdigest()[:NINE]
