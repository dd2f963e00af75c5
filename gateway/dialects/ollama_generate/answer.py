"""A reply in this dialect, whole or as a stream."""

from typing import Any

import msgspec

from gateway.domain.event import Event, TextDelta, ThinkingDelta
from gateway.translation.endings import Ending
from gateway.translation.ollama_lines import end_of, head_of


class Writer:
    """Writes one reply; its end waits for `close`, so that a broken one has none."""

    def __init__(self, asked_model: str, record_id: str) -> None:
        self._head = head_of(asked_model, record_id)
        self._ending = Ending()

    def write(self, event: Event) -> bytes:
        """Return the bytes for that event; empty when it says nothing yet."""
        self._ending.note(event)
        match event:
            case TextDelta() if event.text:
                return _line({**self._head, "response": event.text, "done": False})
            case ThinkingDelta() if event.text:
                thought = {"response": "", "thinking": event.text, "done": False}
                return _line({**self._head, **thought})
        return b""

    def close(self) -> bytes:
        """Return the end of a reply that ended well."""
        return _line({**self._head, "response": "", **end_of(self._ending)})


def write_reply(events: tuple[Event, ...], asked_model: str, record_id: str) -> bytes:
    """Return a whole reply; ValueError when the events tell of one that broke."""
    ending = Ending()
    for event in events:
        ending.note(event)
    if ending.broke:
        raise ValueError("a reply that broke cannot be written whole")
    words = "".join(event.text for event in events if isinstance(event, TextDelta))
    thoughts = "".join(event.text for event in events if isinstance(event, ThinkingDelta))
    reply = {
        **head_of(asked_model, record_id),
        "response": words,
        **({"thinking": thoughts} if thoughts else {}),
        **end_of(ending),
    }
    return msgspec.json.encode(reply)


def _line(said: dict[str, Any]) -> bytes:
    return msgspec.json.encode(said) + b"\n"
