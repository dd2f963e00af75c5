"""Every string of a body as one buffer, and the way back from a byte to its place."""

import re
from typing import Any

from msgspec import Struct

from gateway.domain.request import Body

TEXTS_MAX = 200_000
JOINED_BYTES_MAX = 128 * 1024 * 1024

# WHY: 0xff stands in no UTF-8 text, so no body can fake the edge of a string, and a pattern that
# excludes it cannot match from one string into the next. The line breaks let a pattern that ends
# in white space end at the end of a string.
EDGE = b"\xff"
SEPARATOR = b"\n" + EDGE + b"\n"

# WHY: a key and its own string are one assignment, as the raw JSON would show them; without it
# every rule of the form `vendor_token = value` would be blind for structured arguments.
ASSIGNS = '": "'

_PLAIN_NAME = re.compile(r"\$?[a-z][a-z_-]{0,31}(?:[A-Z][a-z]{1,15}){0,4}")
_CONTINUATION = bytes(range(0x80, 0xC0))

# A container of the body: the container that holds it, its key or index there, and its value.
_Node = tuple[Any, str | int, Any]


class TextsExceededError(ValueError):
    """A body holds more strings, or more bytes of strings, than are ever scanned."""


class Hit(Struct, frozen=True):
    """A match of one detector: its kind and the bytes of the joined buffer, never the text.

    With `tag_only` the hit is recorded and raises nothing.
    """

    kind: str
    start: int
    end: int
    tag_only: bool = False


class Scanned(Struct, frozen=True):
    """The hits of one detector in one buffer; `truncated` says that there may be more."""

    hits: tuple[Hit, ...] = ()
    truncated: bool = False


class Place(Struct, frozen=True):
    """Where a hit stands: a JSON pointer, and characters of the string there.

    A step `#n` names the n-th member of an object, counted from 0, where its key is not a plain
    word. A pointer that ends in `#` means the key of that member itself, not its value.
    """

    path: str
    start: int
    end: int


class JoinedTexts:
    """All strings of one body, keys included, between separators.

    `buffer` begins and ends with a separator. It lives as long as the scan does.
    """

    __slots__ = ("_homes", "buffer")

    def __init__(self, buffer: bytes, homes: list[tuple[_Node, str | int]]) -> None:
        self.buffer = buffer
        self._homes = homes

    def __repr__(self) -> str:
        """Return the size alone: the texts are the prompt."""
        return f"JoinedTexts({len(self._homes)} texts, {len(self.buffer)} bytes)"

    def place(self, start: int, end: int) -> Place:
        """Return the place of a span of the buffer, clipped to the string in which it ends."""
        last = max(end - 1, 0)
        # WHY: a match may have swallowed the separator behind its text.
        while last > 0 and self.buffer[last] in SEPARATOR:
            last -= 1
        begin = self.buffer.rfind(EDGE, 0, last) + 2
        home = self._homes[max(self.buffer.count(EDGE, 0, begin) - 1, 0)]
        text = self.buffer[begin : self.buffer.find(EDGE, begin) - 1]
        return _placed(home, text, max(start - begin, 0), min(end - begin, len(text)))


def join_texts(body: Body) -> JoinedTexts:
    """Join every string of the body, keys and unknown fields included.

    TextsExceededError over a bound: what cannot be scanned must not pass for clean.
    """
    texts: list[str] = []
    homes: list[tuple[_Node, str | int]] = []
    open_nodes: list[_Node] = [(None, "", body)]
    while open_nodes:
        node = open_nodes.pop()
        if type(node[2]) is dict:
            _join_members(node, texts, homes, open_nodes)
        else:
            _join_items(node, texts, homes, open_nodes)
        if len(texts) > TEXTS_MAX:
            raise TextsExceededError(f"more than {TEXTS_MAX} strings")
    buffer = SEPARATOR.join((b"", *map(_encoded, texts), b""))
    if len(buffer) > JOINED_BYTES_MAX:
        raise TextsExceededError(f"more than {JOINED_BYTES_MAX} bytes of strings")
    return JoinedTexts(buffer, homes)


def _join_members(
    node: _Node,
    texts: list[str],
    homes: list[tuple[_Node, str | int]],
    open_nodes: list[_Node],
) -> None:
    for key, value in node[2].items():
        kind = type(value)
        if kind is str:
            texts.append(key + ASSIGNS + value)
        else:
            texts.append(key)
            if kind is dict or kind is list:
                open_nodes.append((node, key, value))
        homes.append((node, key))


def _join_items(
    node: _Node,
    texts: list[str],
    homes: list[tuple[_Node, str | int]],
    open_nodes: list[_Node],
) -> None:
    for index, value in enumerate(node[2]):
        kind = type(value)
        if kind is str:
            texts.append(value)
            homes.append((node, index))
        elif kind is dict or kind is list:
            open_nodes.append((node, index, value))


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _placed(home: tuple[_Node, str | int], text: bytes, start: int, end: int) -> Place:
    """Return the place inside one joined text; a span over key and value means the value."""
    node, step = home
    key_bytes = len(_encoded(step)) if isinstance(step, str) else 0
    if isinstance(step, int):
        return _spanned(f"{_pointer(node)}/{step}", text, start, end)
    value_at = key_bytes + len(ASSIGNS)
    if end > value_at:
        path = f"{_pointer(node)}/{_shown(node, step)}"
        return _spanned(path, text[value_at:], max(start - value_at, 0), end - value_at)
    path = f"{_pointer(node)}/#{_ordinal(node, step)}#"
    return _spanned(path, text[:key_bytes], min(start, key_bytes), min(end, key_bytes))


def _spanned(path: str, text: bytes, start: int, end: int) -> Place:
    """Return the place in characters, widened to whole characters on both sides."""
    while 0 < start < len(text) and text[start] in _CONTINUATION:
        start -= 1
    return Place(path, _characters(text[:start]), _characters(text[: max(start, end)]))


def _characters(text: bytes) -> int:
    return len(text.translate(None, _CONTINUATION))


def _pointer(node: _Node) -> str:
    steps: list[str] = []
    while node[0] is not None:
        parent, step, _ = node
        steps.append(str(step) if isinstance(step, int) else _shown(parent, step))
        node = parent
    return "".join(f"/{step}" for step in reversed(steps))


def _shown(node: _Node, key: str) -> str:
    """Return the key as a step of a pointer.

    INVARIANT: a key that is not a plain word is never shown: it may be a secret or a name.
    """
    return key if _PLAIN_NAME.fullmatch(key) else f"#{_ordinal(node, key)}"


def _ordinal(node: _Node, key: str) -> int:
    return list(node[2]).index(key)
