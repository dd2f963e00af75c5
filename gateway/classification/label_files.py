"""A file of a repository that tells its label: `.perimeter-label`, seen where a tool reads it.

Nobody vouches for such a file, so it may only raise. It counts where a request holds the reading:
a tool called with the name of the file, and what that tool answered.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, TypeGuard

import msgspec

from gateway.domain.enclosed import held_in
from gateway.domain.request import Body

FILE_NAME = ".perimeter-label"
LABELS_MAX = 16
WORD_CHARS_MAX = 256
READ_CHARS_MAX = 4_096
PARTS_MAX = 16
_TURNS = ("messages", "input", "contents")
_PARTS = ("content", "parts")
_NAMED = re.compile(r"(?:^|[\s/\\\"'=(])\.perimeter-label(?=$|[\s\"'\\;|&)])")
# What tools put before a line: its number, and a mark.
_NUMBER = re.compile(r"\s*[0-9]{1,6}(?:\u2192|\t|: ?|\| ?)")
Key = tuple[str, int]
Call = tuple[Key, Any]


def labels_in_files(body: Body) -> tuple[str, ...]:
    """Return the word of each such file that the request holds, whether it is a label or not.

    Whatever the form of the body, this is no error.
    """
    found: dict[str, None] = {}
    for said in (body, *held_in(body)):
        asked: set[Key] = set()
        called, answered = Counter[str](), Counter[str]()
        for part in _parts(said):
            for key, arguments in _calls(part, called):
                if _names_file(arguments):
                    asked.add(key)
            for key, content in _results(part, answered):
                word = _word(content) if key in asked else ""
                if word:
                    found[word] = None
    return tuple(found)[:LABELS_MAX]


def _parts(said: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every turn, and every part of each, in order."""
    for name in _TURNS:
        turns = said.get(name)
        for turn in turns if isinstance(turns, list) else ():
            if not isinstance(turn, dict):
                continue
            yield turn
            for place in _PARTS:
                parts = turn.get(place)
                yield from (p for p in (parts if isinstance(parts, list) else ()) if _is_map(p))


def _calls(part: Mapping[str, Any], called: Counter[str]) -> Iterator[Call]:
    """Yield the calls of a turn or part, in whichever dialect it is written."""
    if part.get("type") in {"function_call", "custom_tool_call"}:
        yield _key(part.get("call_id"), "", called), part.get("arguments", part.get("input"))
    if part.get("type") == "tool_use":
        yield _key(part.get("id"), "", called), part.get("input")
    listed = part.get("tool_calls")
    for one in listed if isinstance(listed, list) else ():
        function = one.get("function") if _is_map(one) else None
        if _is_map(function):
            key = _key(one.get("id"), function.get("name"), called)
            yield key, function.get("arguments")
    used = part.get("toolUse")
    if _is_map(used):
        yield _key(used.get("toolUseId"), "", called), used.get("input")
    wanted = part.get("functionCall", part.get("function_call"))
    if _is_map(wanted):
        yield _key(wanted.get("id"), wanted.get("name"), called), wanted.get("args")


def _results(part: Mapping[str, Any], answered: Counter[str]) -> Iterator[Call]:
    """Yield what tools answered, each under the key of its call."""
    if part.get("role") in {"tool", "function"}:
        name = part.get("tool_name", part.get("name"))
        yield _key(part.get("tool_call_id"), name, answered), part.get("content")
    if part.get("type") in {"function_call_output", "custom_tool_call_output"}:
        yield _key(part.get("call_id"), "", answered), part.get("output")
    if part.get("type") == "tool_result":
        yield _key(part.get("tool_use_id"), "", answered), part.get("content")
    used = part.get("toolResult")
    if _is_map(used):
        yield _key(used.get("toolUseId"), "", answered), used.get("content")
    told = part.get("functionResponse", part.get("function_response"))
    if _is_map(told):
        yield _key(told.get("id"), told.get("name"), answered), told.get("response")


def _key(identity: object, name: object, seen: Counter[str]) -> Key:
    """Return what a call and its answer have in common.

    WHY: Ollama and Gemini may give no id; then the n-th answer of a tool is that of its n-th call.
    """
    if isinstance(identity, str) and identity:
        return (f"id {identity}", 0)
    named = f"name {name}"
    seen[named] += 1
    return (named, seen[named])


def _names_file(arguments: object) -> bool:
    return any(_NAMED.search(text) for text in _texts(arguments))


def _word(content: object) -> str:
    """Return the word of the file: its first line that is no comment, where it is one word."""
    for text in _texts(content):
        for line in _opened(text)[:READ_CHARS_MAX].splitlines():
            said = _NUMBER.sub("", line, count=1).strip()
            if not said or said.startswith(("#", "<")):
                continue
            return said[:WORD_CHARS_MAX] if not any(map(str.isspace, said)) else ""
    return ""


def _opened(text: str) -> str:
    """Return what stands in JSON, as some tools answer; any other text as it is."""
    if not text.startswith(("{", "[")) or len(text) > READ_CHARS_MAX:
        return text
    try:
        return next(_texts(msgspec.json.decode(text)), text)
    except (ValueError, RecursionError):
        return text


def _texts(value: object, depth: int = 3) -> Iterator[str]:
    """Yield the texts in a value, the first few of each level."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, list | dict):
        # WHY: what kind of part it is stands before its text.
        named = (one for name, one in value.items() if name != "type") if _is_map(value) else value
        for member in islice(named, PARTS_MAX):
            yield from _texts(member, depth - 1)


def _is_map(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
