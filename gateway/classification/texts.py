"""Every string of a body as one buffer, and the way back from a byte to its place."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from gateway.classification.escapes import codes_in, container, hides, opens_json, plain, spelled
from gateway.classification.parts import SEPARATOR, Part, Parts, last_byte
from gateway.domain.request import Body

TEXTS_MAX = 200_000
JOINED_BYTES_MAX = 128 * 1024 * 1024
LAYERS_MAX = 4
CODES_MAX = 200_000
# WHY: a number of a card or a person may stand in JSON without quotes; shorter ones say nothing.
NUMBER_MIN = 10_000_000
# WHY: no more digits of a fraction can be told apart, and a few signs may stand for hundreds.
FRACTION_MAX = 1e20
_NUMBERS = frozenset({int, float})
PLAIN_CHARACTERS_MAX = 8 * 1024 * 1024
WHOLE_CHARACTERS_MAX = 16 * 1024

# WHY: a key and its own string are one assignment, as the raw JSON would show them; without it
# every rule of the form `vendor_token = value` would be blind for structured arguments.
ASSIGNS = '": "'

SEALED_KEYS = frozenset({"thoughtSignature", "thought_signature", "redactedContent"})
SEALED_TYPES = frozenset({"reasoning", "compaction", "compaction_summary"})

_PLAIN_NAME = re.compile(r"\$?[a-z][a-z_-]{0,31}(?:[A-Z][a-z]{1,15}){0,4}")

# A container of the body: the container that holds it, its key or index there, and its value.
_Node = tuple[Any, str | int, Any]
# Where a joined text stands: its container, and its key or index there.
_Home = tuple[_Node, str | int]


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
    """All strings of one body, keys included, between separators; behind them those read plain.

    `buffer` begins and ends with a separator. It lives as long as the scan does.
    """

    __slots__ = ("_homes", "_parts", "_pointers", "_raw", "buffer")

    def __init__(self, buffer: bytes, homes: list[_Home], raw: int) -> None:
        self.buffer = buffer
        self._homes = homes
        self._raw = raw
        self._parts = Parts(buffer)
        self._pointers: dict[int, str] = {}

    def __repr__(self) -> str:
        """Return the size alone: the texts are the prompt."""
        return f"JoinedTexts({len(self._homes)} texts, {len(self.buffer)} bytes)"

    def place(self, start: int, end: int) -> Place:
        """Return the place of a span of the buffer, clipped to the string in which it ends.

        What was found in a text read plain has no characters of its own: its place is the whole
        string of the body.
        """
        part = self._parts.at(last_byte(self.buffer, end))
        home = self._homes[part.number]
        if part.number >= self._raw:
            return _whole(home)
        span = max(start - part.begin, 0), min(end - part.begin, part.size)
        pointer = self._pointers.get(part.number)
        if pointer is None:
            # WHY: one string may hold a thousand findings.
            pointer = self._pointers[part.number] = _pointer(home[0])
        return _placed(home, pointer, part, span)

    def is_derived(self, start: int) -> bool:
        """Does the span stand in a text that was read plain?"""
        return self._parts.edges(start) > self._raw

    def depth(self, _number: int) -> int:
        """What stands in the body was not decoded."""
        return 0

    def is_folded(self, _number: int) -> bool:
        """What stands in the body was not folded."""
        return False

    def is_reasoning(self, start: int) -> bool:
        """Does the span stand where a model's maker keeps reasoning that only it reads?

        WHY: a client must send it back as it came; who put something else there, to be carried
        out, is refused by the maker, who checks it.
        """
        number = max(self._parts.edges(start) - 1, 0)
        if number >= len(self._homes):
            return False
        node, step = self._homes[number]
        return isinstance(node[2], dict) and is_sealed_reasoning(node[2], str(step))


def is_sealed_reasoning(part: Mapping[str, Any], key: str) -> bool:
    """Is that the field of a part in which a vendor seals what its model thought?"""
    if key == "data":
        return part.get("type") == "redacted_thinking"
    if key == "signature":
        return "thinking" in part or "text" in part
    if key == "encrypted_content":
        return part.get("type") in SEALED_TYPES
    return key in SEALED_KEYS


def joined_alone(buffer: bytes) -> JoinedTexts:
    """Return a joined buffer that has no body."""
    return JoinedTexts(buffer, [], 0)


def join_texts(body: Body) -> JoinedTexts:
    """Join every string of the body, keys and long numbers included, and JSON inside strings.

    TextsExceededError over a bound: what cannot be scanned must not pass for clean.
    """
    texts: list[str] = []
    homes: list[_Home] = []
    _walk(body, texts, homes)
    raw = len(texts)
    _join_plain(texts, homes)
    buffer = SEPARATOR.join((b"", *map(_encoded, texts), b""))
    if len(buffer) > JOINED_BYTES_MAX:
        raise TextsExceededError(f"more than {JOINED_BYTES_MAX} bytes of strings")
    return JoinedTexts(buffer, homes, raw)


def _walk(value: Any, texts: list[str], homes: list[_Home]) -> None:  # noqa: ANN401
    open_nodes: list[_Node] = [(None, "", value)]
    while open_nodes:
        node = open_nodes.pop()
        if type(node[2]) is dict:
            _join_members(node, texts, homes, open_nodes)
        else:
            _join_items(node, texts, homes, open_nodes)
        _bound(texts)


def _bound(texts: list[str]) -> None:
    if len(texts) > TEXTS_MAX:
        raise TextsExceededError(f"more than {TEXTS_MAX} strings")


def _join_members(
    node: _Node,
    texts: list[str],
    homes: list[_Home],
    open_nodes: list[_Node],
) -> None:
    for key, value in node[2].items():
        kind = type(value)
        if kind is str:
            texts.append(key + ASSIGNS + value)
        elif kind in _NUMBERS and _is_long(value):
            texts.append(key + ASSIGNS + _digits(value))
        else:
            texts.append(key)
            if kind is dict or kind is list:
                open_nodes.append((node, key, value))
        homes.append((node, key))


def _join_items(
    node: _Node,
    texts: list[str],
    homes: list[_Home],
    open_nodes: list[_Node],
) -> None:
    for index, value in enumerate(node[2]):
        kind = type(value)
        if kind is str:
            texts.append(value)
            homes.append((node, index))
        elif kind is dict or kind is list:
            open_nodes.append((node, index, value))
        elif kind in _NUMBERS and _is_long(value):
            texts.append(_digits(value))
            homes.append((node, index))


def _is_long(value: float) -> bool:
    """Is it a whole number, as that of a card? A time with a fraction is none."""
    return abs(value) >= NUMBER_MIN and value % 1 == 0


def _digits(value: float) -> str:
    """Return a number as a person reads it: `4e15` and `4000000000000000.0` are that many."""
    return str(int(value) if abs(value) < FRACTION_MAX else value)


def _join_plain(texts: list[str], homes: list[_Home]) -> None:
    """Join what strings say once their escapes are read, layer by layer, in bounded work."""
    codes = characters = 0
    hidden = [
        (text, value_at, home)
        for text, home in zip(texts, homes, strict=True)
        if "\\" in text and hides(text, value_at := _value_at(home[1]))
    ]
    for _ in range(LAYERS_MAX):
        read: list[tuple[str, int, _Home]] = []
        for text, begins, home in hidden:
            inner = container(text, begins)
            codes += codes_in(text) if inner is None else 0
            characters += len(text)
            if codes > CODES_MAX or characters > PLAIN_CHARACTERS_MAX:
                raise TextsExceededError("more escapes inside strings than are ever read")
            said = _as_text(text, begins) if inner is None else _members(inner)
            read += [(text, value_at, home) for text, value_at in said]
        texts += [text for text, _, _ in read]
        homes += [home for _, _, home in read]
        _bound(texts)
        hidden = [found for found in read if hides(found[0], found[1])]
    if any(_as_text(text, value_at) for text, value_at, _ in hidden):
        raise TextsExceededError(f"more than {LAYERS_MAX} layers of escapes inside a string")


def _as_text(text: str, value_at: int) -> list[tuple[str, int]]:
    """Return the text with its escapes read; nothing when that is the same text.

    Of a long text that is no JSON only what stands around the codes is read.
    """
    if len(text) > WHOLE_CHARACTERS_MAX and not opens_json(text, value_at):
        return [(plain(text[start:end]), 0) for start, end in spelled(text)]
    read = plain(text)
    return [(read, value_at)] if read != text else []


def _members(inner: Any) -> list[tuple[str, int]]:  # noqa: ANN401
    """Return every string of that value, each with the place where it begins behind its key."""
    texts: list[str] = []
    homes: list[_Home] = []
    _walk(inner, texts, homes)
    return [(said, _value_at(home[1])) for said, home in zip(texts, homes, strict=True)]


def _value_at(step: str | int) -> int:
    """Return where in a joined text the string begins that is not its key."""
    return len(step) + len(ASSIGNS) if isinstance(step, str) else 0


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _whole(home: _Home) -> Place:
    """Return the place of the whole string: the value, or the key of what is no string."""
    node, step = home
    value = node[2][step]
    if isinstance(value, str):
        shown = step if isinstance(step, int) else _shown(node, step)
        return Place(f"{_pointer(node)}/{shown}", 0, len(value))
    return Place(f"{_pointer(node)}/#{_ordinal(node, str(step))}#", 0, len(str(step)))


def _placed(home: _Home, pointer: str, part: Part, span: tuple[int, int]) -> Place:
    """Return the place inside one joined text; a span over key and value means the value."""
    node, step = home
    if isinstance(step, int):
        return _spanned(f"{pointer}/{step}", part, span, (0, part.size))
    start, end = span
    key_bytes = len(_encoded(step))
    value_at = key_bytes + len(ASSIGNS)
    if end > value_at:
        path = f"{pointer}/{_shown(node, step)}"
        return _spanned(path, part, (max(start, value_at), end), (value_at, part.size))
    path = f"{pointer}/#{_ordinal(node, step)}#"
    return _spanned(path, part, (min(start, key_bytes), min(end, key_bytes)), (0, key_bytes))


def _spanned(path: str, part: Part, span: tuple[int, int], within: tuple[int, int]) -> Place:
    """Return the place in characters, counted from where the string begins in the text."""
    low, high = within
    start = part.widened(span[0], low, high)
    before = part.characters(low)
    return Place(
        path,
        part.characters(start) - before,
        part.characters(max(start, span[1])) - before,
    )


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
