"""What an agent's model decides to do next, read from a body of any dialect."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

FILE = re.compile(rb"/[A-Za-z0-9_./-]+/note\.txt")
WORD = re.compile(rb"heliotrope-[0-9]{6}")
UNREAD = "Nothing was read."
DONE = "Done."
READERS = ("read", "read_file", "read_files")
SHELLS = ("exec_command", "shell", "bash", "run_shell_command")
SAYS = "final_answer"
ANSWERS = (SAYS, "final_result")
PATHS = ("file_path", "filePath", "absolute_path", "filepath", "path", "file")
# Where a dialect keeps what was said, and by which words a part of that is the result of a call.
TURNS = ("messages", "input", "contents")
RESULTS = ("tool_result", "toolResult", "functionResponse", "function_call_output")
# How smolagents tells of a result, in words of its user.
OBSERVED = b"Observation:"

Call = tuple[str, dict[str, Any]]
Tools = dict[str, dict[str, Any]]


class Work(Struct, frozen=True):
    """What is said, or the call that is made instead."""

    text: str
    call: Call | None = None


def work_of(body: dict[str, Any]) -> Work:
    """Return what to do: call a tool, repeat what it brought back, or say that it is done."""
    raw = msgspec.json.encode(body)
    asked, tools, told = FILE.search(raw), _tools(body), b" ".join(_told(body))
    if tools and asked is not None and not told:
        reading = _reading(tools, asked[0].decode())
        if reading is not None:
            return Work("", reading)
    word = _word(told or raw)
    shape = _shape(body)
    if shape is not None:
        return Work(msgspec.json.encode(_filled(shape, word)).decode())
    said = f"The note says {word} ." if word else UNREAD if told else DONE
    named = _must_call(body, tools)
    if not named:
        return Work(said)
    return Work("", (named, _filled(tools[named], said if named == SAYS else word or said)))


def _word(told: bytes) -> str:
    found = WORD.search(told)
    return found[0].decode() if found else ""


def _turns(body: dict[str, Any]) -> list[dict[str, Any]]:
    said = next((body[name] for name in TURNS if name in body), [])
    return [turn for turn in said if isinstance(turn, dict)] if isinstance(said, list) else []


def _told(body: dict[str, Any]) -> Iterator[bytes]:
    """Yield everything that tools have said."""
    for turn in _turns(body):
        content = turn.get("content", turn.get("parts"))
        parts = content if isinstance(content, list) else []
        for part in (turn, *parts):
            if isinstance(part, dict) and _is_result(part):
                yield msgspec.json.encode(part)
        raw = msgspec.json.encode(content)
        if turn.get("role") == "tool" or (turn.get("role") == "user" and OBSERVED in raw):
            yield raw


def _is_result(part: dict[str, Any]) -> bool:
    return part.get("type") in RESULTS or any(name in part for name in RESULTS)


def _tools(body: dict[str, Any]) -> Tools:
    """Return the properties of what may be called, by name."""
    given = body.get("tools") or body.get("toolConfig", {}).get("tools") or []
    offered = {}
    for tool in given:
        for one in tool.get("functionDeclarations", [tool]):
            function = one.get("function") or one.get("toolSpec") or one
            schema = (
                function.get("parameters")
                or function.get("parametersJsonSchema")
                or function.get("input_schema")
                or function.get("inputSchema", {}).get("json")
                or {}
            )
            offered[function.get("name", "")] = schema.get("properties", {})
    return offered


def _shape(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the properties of the object that is wanted as the answer."""
    asked = (
        body.get("response_format", {}).get("json_schema")
        or body.get("output_config", {}).get("format")
        or body.get("text", {}).get("format")
        or {}
    )
    schema = asked.get("schema") or body.get("format")
    config = body.get("generationConfig", {})
    schema = schema or config.get("responseJsonSchema") or config.get("responseSchema")
    return schema.get("properties", {}) if isinstance(schema, dict) else None


def _filled(properties: dict[str, Any], word: str) -> dict[str, Any]:
    return dict.fromkeys(properties, word)


def _must_call(body: dict[str, Any], tools: Tools) -> str:
    """Return the tool that has to be called now: the one that is named, or the one that answers."""
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        name = choice.get("name") or choice.get("function", {}).get("name")
        if name:
            return str(name)
    forced = choice == "required" or (isinstance(choice, dict) and choice.get("type") == "any")
    others = [name for name in tools if name.lower() not in (*READERS, *SHELLS)]
    # Where there is nothing to read by, the tools are what it answers with, forced to or not.
    wants = forced or len(others) == len(tools) or any(name in tools for name in ANSWERS)
    return others[0] if wants and others else ""


def _reading(tools: Tools, path: str) -> Call | None:
    """Return the call of the tool that reads a file, filled as its schema wants it."""
    for name, properties in tools.items():
        field = next((one for one in PATHS if one in properties), None)
        if name.lower() in READERS and field is not None:
            return name, {field: path}
        if name in READERS and "files" in properties:
            return name, {"files": [{"path": path}]}
    for name, properties in tools.items():
        if name in SHELLS:
            field = "cmd" if "cmd" in properties else "command"
            return name, {field: f"cat {path}"}
    return None
