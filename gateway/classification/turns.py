"""The turns of a conversation, each as a hash that is the same however a client repeats it.

A body of any dialect is read by its structure, and nothing in it is an error here. Of every text
only what is no white space counts: clients join parts by lines, and trim. Thinking and the ids of
calls do not count. What the user, a tool or the model says is hashed alike, so that a reply is
known again when it comes back as a prompt.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from gateway.domain.enclosed import held_in
from gateway.domain.request import Body

TURN_BYTES_MIN = 256
SHORT_BYTES_MAX = 64
TURNS_MAX = 16_384
NOTHING_BEFORE = b""

# WHY: above this a number of JavaScript is none that can be counted in ones.
EXACT_MAX = 2**53
_ENCODER = msgspec.json.Encoder(order="sorted")
_LISTS = ("messages", "input", "contents", "prompt")
_MODEL = frozenset({"assistant", "model"})
_TOOL = frozenset({"tool", "function"})
_HOUSE = frozenset({"system", "developer"})
_UNSAID = frozenset({"thinking", "redacted_thinking", "reasoning", "item_reference"})
_ASKED = frozenset({"function_call", "custom_tool_call"})
_UNSAID_KEYS = ("reasoningContent", "thought")
_RESULTS = ("toolResult", "functionResponse", "function_response")
_CALLS = ("toolUse", "functionCall", "function_call", "function")
_INLINE = ";base64,"
_BLANK = b" \t\n\r\x0b\x0c"


class Said(Struct, frozen=True):
    """One text or call of a reply: its hash, and those of its parts where a client split it."""

    whole: bytes
    parts: tuple[bytes, ...] = ()


class Turns(Struct, frozen=True):
    """What a body repeats and brings.

    `hashes` are those of every turn that counts, each once, and of the model's own, which `replies`
    tells again. `first` is the hash of the user's first turn, `last` that of the turn before the
    reply to come, `begun` what the client has put into the model's mouth. With `more` there were
    more than TURNS_MAX.
    """

    hashes: tuple[bytes, ...] = ()
    replies: tuple[Said, ...] = ()
    first: bytes = NOTHING_BEFORE
    last: bytes = NOTHING_BEFORE
    begun: str = ""
    more: bool = False


def turns_of(body: Body) -> Turns:
    """Return the turns of a body; whatever its form, this is no error."""
    walk = _Walk()
    # INVARIANT: every request that the body holds is walked; none stands in for another.
    for said in (body, *held_in(body)):
        for name in _LISTS:
            value = said.get(name)
            for item in value if isinstance(value, list) else [value]:
                walk.take(item)
    return walk.end()


class Words:
    """A text of the model as it comes; what is kept of it does not grow with it."""

    __slots__ = ("_hash", "_head", "_size")

    def __init__(self, begun: str = "") -> None:
        self._hash = hashlib.sha256(b"text\0")
        self._head = b""
        self._size = 0
        if begun:
            self.add(begun)

    def add(self, text: str) -> None:
        """Take more words."""
        said = _solid(text)
        self._hash.update(said)
        if self._size < SHORT_BYTES_MAX:
            self._head += said[:SHORT_BYTES_MAX]
        self._size += len(said)

    def hash(self, before: bytes) -> bytes | None:
        """Return the hash of all words so far, None without any; of few, with the turn before."""
        if not self._size:
            return None
        if self._size >= SHORT_BYTES_MAX:
            return self._hash.digest()
        return _short(b"text", self._head, before)


def called(name: str, arguments: object, before: bytes) -> bytes:
    """Return the hash of a call; `arguments` are a value, or JSON as text."""
    said = f"{name}\0{_canonical(arguments)}".encode(errors="replace")
    if len(said) < SHORT_BYTES_MAX:
        return _short(b"call", said, before)
    return hashlib.sha256(b"call\0" + said).digest()


def _short(kind: bytes, said: bytes, before: bytes) -> bytes:
    """WHY: "OK" is said in every conversation; with the turn before it is said in one."""
    return hashlib.sha256(b"short " + kind + b"\0" + before + b"\0" + said).digest()


def _solid(text: str) -> bytes:
    return text.encode(errors="replace").translate(None, _BLANK)


def _text_hash(text: str) -> bytes:
    return hashlib.sha256(b"text\0" + _solid(text)).digest()


def _is_long(text: str) -> bool:
    return len(text) > TURN_BYTES_MIN or len(text.encode(errors="replace")) > TURN_BYTES_MIN


def _canonical(value: object) -> str:
    """Return one form for all ways to write the same JSON; what is none is its own text."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value) if value.strip() else {}
        except (ValueError, RecursionError):
            return "".join(str(value).split())
    try:
        return _ENCODER.encode(_exact({} if value is None else value)).decode()
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
        return ""


def _exact(value: object) -> object:
    """Return the value with 2.0 as 2: a client that reads JavaScript's numbers writes it so."""
    if isinstance(value, dict):
        return {str(key): _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    whole = isinstance(value, float) and value.is_integer() and abs(value) <= EXACT_MAX
    return int(value) if whole and isinstance(value, float) else value


class _Walk:
    """Goes through the turns in order; what the model says in a row is one reply."""

    def __init__(self) -> None:
        self._hashes: dict[bytes, None] = {}
        self._replies: list[Said] = []
        self._first = NOTHING_BEFORE
        self._last = NOTHING_BEFORE
        self._texts: list[str] = []

    def take(self, item: object) -> None:
        """Take one element of a list of turns, or a prompt that is a text."""
        if isinstance(item, str):
            self._answered(item, user=True)
        elif isinstance(item, dict):
            kind, role = _word(item.get("type")), _word(item.get("role"))
            # WHY: only an item of its own kind is unsaid; what has a role is said by somebody.
            if (role or kind not in _UNSAID) and role not in _HOUSE:
                self._take(item, kind, role)

    def _take(self, item: dict[str, Any], kind: str, role: str) -> None:
        if kind.endswith("_call_output"):
            self._result(item.get("output"))
        elif kind in _ASKED:
            self._call(item)
        elif role in _MODEL:
            self._reply(item)
        elif role in _TOOL:
            self._result(_content(item))
        elif role or "parts" in item:
            self._prompt(item)
        else:
            self._leaves(item)

    def end(self) -> Turns:
        """Return what was found."""
        begun = "".join(self._texts)
        last = self._last
        self._close()
        return Turns(
            tuple(self._hashes),
            tuple(self._replies),
            self._first,
            last,
            begun,
            more=len(self._hashes) > TURNS_MAX,
        )

    def _prompt(self, item: dict[str, Any]) -> None:
        """Take what a user says; results of tools among it are turns of their own, before it."""
        texts: list[str] = []
        for part in _parts(_content(item)):
            result = _result_in(part)
            if isinstance(part, str):
                texts.append(part)
            elif result is not None:
                self._result(result)
            elif (text := _text_in(part)) is not None:
                texts.append(text)
            else:
                self._leaves(part)
        self._leaves(item.get("images"))
        if texts:
            self._answered("".join(texts), user=True)

    def _result(self, value: object) -> None:
        """Take what a tool says."""
        texts: list[str] = []
        for part in _parts(value):
            text = part if isinstance(part, str) else _text_in(part)
            if text is None:
                text = _only_text(part)
            if text is not None:
                texts.append(text)
            else:
                self._leaves(part)
        self._answered("".join(texts))

    def _reply(self, item: dict[str, Any]) -> None:
        """Take what the model said: words, calls, and parts that have no form but their own."""
        for part in _parts(_content(item)):
            if isinstance(part, str):
                self._texts.append(part)
            elif not _is_thought(part):
                self._said(part)
        if isinstance(refusal := item.get("refusal"), str):
            self._texts.append(refusal)
        calls = item.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            if isinstance(call, dict):
                self._call(call)
        if isinstance(item.get("function_call"), dict):
            self._call(item)

    def _said(self, part: dict[str, Any]) -> None:
        text = _text_in(part)
        if text is not None:
            self._texts.append(text)
        elif part.get("type") == "tool_use" or any(name in part for name in _CALLS):
            self._call(part)
        else:
            self._leaves(part)

    def _call(self, item: dict[str, Any]) -> None:
        held = next((item[key] for key in _CALLS if isinstance(item.get(key), dict)), item)
        given = (held.get(key) for key in ("arguments", "input", "args"))
        arguments = next((one for one in given if one is not None), None)
        self._tell(Said(called(str(held.get("name", "")), arguments, self._last)))

    def _answered(self, text: str, *, user: bool = False) -> None:
        """Take a turn that is not the model's; it ends the reply before it."""
        self._close()
        self._last = _text_hash(text)
        if user and not self._first:
            self._first = self._last
        if _is_long(text):
            self._hashes[self._last] = None

    def _close(self) -> None:
        """End a reply: its words are one text, and those of each part are known as well."""
        texts, self._texts = [text for text in self._texts if text.strip()], []
        hashes = [Words(text).hash(self._last) for text in ["".join(texts), *texts]]
        whole, *parts = [one for one in hashes if one is not None] or [b""]
        if whole:
            self._tell(Said(whole, tuple(parts) if len(parts) > 1 else ()))

    def _tell(self, said: Said) -> None:
        self._replies.append(said)
        self._hashes.update(dict.fromkeys((said.whole, *said.parts)))

    def _leaves(self, value: object) -> None:
        """Take every long text in a part that is no plain text: images, documents, the unknown."""
        for text in _strings(value):
            if _is_long(text):
                self._hashes[_text_hash(text.partition(_INLINE)[2] or text)] = None


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _content(item: dict[str, Any]) -> object:
    return item.get("content", item.get("parts"))


def _parts(value: object) -> list[Any]:
    """Return the parts of a content: texts and maps; a text alone is one part."""
    listed = value if isinstance(value, list) else [value]
    return [part for part in listed if isinstance(part, str | dict)]


def _text_in(part: dict[str, Any]) -> str | None:
    for name in ("text", "refusal"):
        if isinstance(part.get(name), str):
            return str(part[name])
    return None


def _result_in(part: object) -> object:
    """Return what a tool said in a part of the user's turn; None for any other part."""
    if not isinstance(part, dict):
        return None
    if part.get("type") == "tool_result":
        return part.get("content") or ""
    held = next((part[key] for key in _RESULTS if isinstance(part.get(key), dict)), None)
    return None if held is None else held.get("content", held.get("response")) or ""


def _only_text(part: dict[str, Any]) -> str | None:
    """Return the text of a tool that answers with a map; None where the part is no answer.

    WHY: Gemini wraps the text of a tool in a map of one key, Converse a value in `json`.
    """
    if "type" in part or "image" in part or "document" in part:
        return None
    values = list(part.values())
    if len(values) == 1 and isinstance(values[0], str):
        return str(values[0])
    return _canonical(part.get("json", part))


def _is_thought(part: dict[str, Any]) -> bool:
    return part.get("type") in _UNSAID or any(part.get(key) for key in _UNSAID_KEYS)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
