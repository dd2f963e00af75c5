"""The arguments of a tool call: JSON text at some vendors, an object at others, ours an object."""

import re
from typing import Any

import jiter
import msgspec

from gateway.domain.errors import Malformed, TooLarge
from gateway.translation.losses import Losses
from gateway.wire import body as wire_body

Arguments = dict[str, Any]

_MARKS = re.compile(rb'\\.|["{}\[\]]', re.DOTALL)


def read(written: object, lost: Losses) -> Arguments:
    """Return replayed arguments as an object; what is none is lost as `tool_arguments`.

    WHY: a model's bad arguments stay in the history; refusing them would end the conversation.
    """
    if isinstance(written, dict):
        return written
    if written is None or (isinstance(written, str) and not written.strip()):
        return {}
    try:
        return wire_body.parse(written.encode() if isinstance(written, str) else b"")
    except (Malformed, TooLarge):
        lost.note("tool_arguments")
        return {}


def write(arguments: Arguments) -> str:
    """Return arguments as JSON text."""
    return msgspec.json.encode(arguments).decode()


def answered(text: str | bytes, *, cut: bool) -> Arguments:
    """Return the arguments of a reply; of one that reached its length as much as can be read.

    WHY: a client that assembles the stream itself reads a cut call in the same way, and learns
    from the stop reason that it is not whole. ValueError where they are no object all the same.
    """
    if not text.strip():
        return {}
    data = text if isinstance(text, bytes) else text.encode()
    try:
        found = jiter.from_json(data, partial_mode=cut, allow_inf_nan=False, cache_mode="none")
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    if cut:
        return {}
    raise ValueError("the arguments of a tool call are not an object")


class Closing:
    """Follows the text of an object as it grows, and knows when its last bracket has closed.

    Each byte is looked at once, however often is asked: fragments of a call may come by the
    thousand. What closes and is no object never counts as closed.
    """

    __slots__ = ("_at", "_depth", "_has_closed", "_in_string")

    def __init__(self) -> None:
        self._at = 0
        self._depth = 0
        self._in_string = False
        self._has_closed: bool | None = None

    def has_closed(self, text: bytearray) -> bool:
        """Is the object whole? `text` is what was there when last asked, and more."""
        if self._has_closed is None:
            end = self._at
            for found in _MARKS.finditer(text, self._at):
                end = found.end()
                if self._closes(found[0]):
                    self._has_closed = _is_object(text)
                    break
            # A backslash at the end belongs to what has not come yet.
            self._at = len(text) - (end < len(text) and text.endswith(b"\\"))
        return bool(self._has_closed)

    def _closes(self, mark: bytes) -> bool:
        if mark == b'"':
            self._in_string = not self._in_string
        elif not self._in_string and mark in b"{[":
            self._depth += 1
        elif not self._in_string and mark in b"}]":
            self._depth -= 1
            return self._depth <= 0
        return False


def _is_object(text: bytearray) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (ValueError, RecursionError):
        return False
