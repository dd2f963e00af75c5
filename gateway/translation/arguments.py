"""The arguments of a tool call: JSON text at some vendors, an object at others, ours an object."""

from typing import Any

import jiter
import msgspec

from gateway.domain.errors import Malformed, TooLarge
from gateway.translation.losses import Losses
from gateway.wire import body as wire_body

Arguments = dict[str, Any]


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
