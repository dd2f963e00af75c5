"""What a reply is made of, without its words: the fields of each event, and the fixed words."""

from collections import defaultdict
from typing import Any

import msgspec

from tests.doubles.engine_answers import Answer

# The fields by event, each with the kinds of value that it was seen with.
Shape = dict[str, dict[str, set[str]]]
KINDS = {str: "text", bool: "flag", int: "number", float: "number", dict: "object", list: "list"}
# What a tool is given is up to the tool.
CLOSED = ("input",)
# Fields whose values are words of the dialect.
WORDS = ("type", "role", "object", "finish_reason", "stop_reason", "param", "code")


def fields_of(value: Any, path: str = "") -> dict[str, set[str]]:
    """Return the path of each leaf, with the kind of its value."""
    found: dict[str, set[str]] = defaultdict(set)
    if isinstance(value, dict) and value and not path.endswith(CLOSED):
        inner = [(f"{path}.{key}" if path else key, value[key]) for key in value]
    elif isinstance(value, list) and value:
        inner = [(f"{path}[]", one) for one in value]
    else:
        return {path: {"null" if value is None else KINDS[type(value)]}}
    for where, one in inner:
        for leaf, kinds in fields_of(one, where).items():
            found[leaf] |= kinds
    return found


def chunk_event(chunk: dict[str, Any]) -> str:
    """Return what a chunk of a chat stream is for."""
    if "error" in chunk:
        return "error"
    if not chunk["choices"]:
        return "usage"
    choice = chunk["choices"][0]
    if choice["finish_reason"] is not None:
        return "finish"
    delta = choice["delta"]
    if "role" in delta:
        return "role"
    if "tool_calls" in delta:
        return "call opens" if "id" in delta["tool_calls"][0] else "call goes on"
    return "thinking" if delta.get("reasoning") is not None else "text"


def message_event(event: dict[str, Any]) -> str:
    """Return the name of an event of a message stream, with the kind of block that it is about."""
    part = event.get("content_block") or event.get("delta") or {}
    kind = part.get("type", "")
    return f"{event['type']} {kind}".strip()


def events_of(answer: Answer) -> list[tuple[str, Any]]:
    """Return the events of an answer by name; a whole one is a single event."""
    if not answer.is_stream:
        body = msgspec.json.decode(answer.body)
        return [("error" if answer.status != 200 else "whole", body)]
    lines = [line for line in answer.body.split(b"\n") if line.startswith(b"data: ")]
    datas = [line.removeprefix(b"data: ") for line in lines]
    bodies = [msgspec.json.decode(data) for data in datas if data != b"[DONE]"]
    named = chunk_event if "choices" in bodies[0] else message_event
    return [(named(body), body) for body in bodies]


def shape_of(answers: list[Answer]) -> Shape:
    """Return the fields by event over all answers."""
    shape: Shape = defaultdict(lambda: defaultdict(set))
    for answer in answers:
        shape["head"]["retry-after"] |= {str(answer.status)} if _asks_to_wait(answer) else set()
        shape["head"]["content-type"].add(answer.headers["content-type"])
        for event, body in events_of(answer):
            for leaf, kinds in fields_of(body).items():
                shape[event][leaf] |= kinds
    return shape


def words_of(answers: list[Answer]) -> dict[str, set[str]]:
    """Return the values of the fields that hold words of the dialect, by event and field."""
    found: dict[str, set[str]] = defaultdict(set)
    for answer in answers:
        for event, body in events_of(answer):
            for leaf, word in _leaves(body):
                if leaf.rpartition(".")[2] in WORDS and word is not None:
                    found[f"{event}: {leaf}"].add(str(word))
    return found


def differences(real: list[Answer], scripted: list[Answer]) -> list[tuple[str, str, str, str]]:
    """Return event, field, what the real engine has there, and what the scripted one has."""
    shapes = shape_of(real), shape_of(scripted)
    rows = []
    for event in sorted({*shapes[0], *shapes[1]}):
        here, there = (shape.get(event, {}) for shape in shapes)
        for leaf in sorted({*here, *there}):
            found = [_told(side.get(leaf)) for side in (here, there)]
            if found[0] != found[1]:
                rows.append((event, leaf, *found))
    words = words_of(real), words_of(scripted)
    for place in sorted(words[0].keys() & words[1].keys()):
        if words[0][place] != words[1][place]:
            event, _, leaf = place.partition(": ")
            rows.append((event, leaf, *(_told(side[place]) for side in words)))
    return rows


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict) and not path.endswith(CLOSED):
        inner = [(f"{path}.{key}" if path else key, value[key]) for key in value]
    elif isinstance(value, list):
        inner = [(f"{path}[]", one) for one in value]
    else:
        return [(path, value)]
    return [leaf for where, one in inner for leaf in _leaves(one, where)]


def _asks_to_wait(answer: Answer) -> bool:
    return "retry-after" in answer.headers


def _told(kinds: set[str] | None) -> str:
    return "-" if not kinds else " or ".join(sorted(kinds))
