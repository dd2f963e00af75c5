"""An engine that does a coding agent's simplest work: read the file that was asked for, say it.

On the wire it is the scripted engine, in all of its dialects. It calls the client's own tool, by
the name and the schema that the client offers, and repeats the word that the tool brought back:
so a word that a client prints at the end went through every part of the turn, both ways.
"""

import re
from types import ModuleType
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.cli.mock_backend.script import Script
from gateway.cli.mock_backend.server import ScriptedEngine

FILE = re.compile(rb"/[A-Za-z0-9_./-]+/note\.txt")
WORD = re.compile(rb"heliotrope-[0-9]{6}")
UNREAD = "Nothing was read."
DONE = "Done."
READERS = ("read", "read_file", "read_files")
SHELLS = ("exec_command", "shell", "bash", "run_shell_command")
PATHS = ("file_path", "filePath", "absolute_path", "filepath", "path", "file")


class AgentEngine(ScriptedEngine):
    """Answers a turn of an agent."""

    def script(self, dialect: ModuleType, raw: bytes) -> Script:
        """Return what to say: a call of a tool, what it brought back, or that it is done."""
        script = super().script(dialect, raw)
        body = msgspec.json.decode(raw, type=dict[str, Any])
        asked = FILE.search(raw)
        if not body.get("tools") or asked is None:
            return _saying(script, raw, DONE)
        answered = _answers(body)
        if answered:
            return _saying(script, answered, UNREAD)
        return replace(script, tool=_reading(body["tools"], asked[0].decode()))


def _saying(script: Script, told: bytes, else_: str) -> Script:
    """Return the script that repeats the word, where one was told."""
    found = WORD.search(told)
    words = f"The note says {found[0].decode()} ." if found else else_
    return replace(script, text=tuple(words.split()), tool=None)


def _answers(body: dict[str, Any]) -> bytes:
    """Return everything that tools have said."""
    said = []
    for message in body["messages"]:
        content = message.get("content")
        parts = content if isinstance(content, list) else []
        results = [part for part in parts if part.get("type") == "tool_result"]
        if message["role"] == "tool" or results:
            said.append(msgspec.json.encode(results or content))
    return b" ".join(said)


def _reading(tools: list[dict[str, Any]], path: str) -> tuple[str, dict[str, Any]] | None:
    """Return the call of the tool that reads a file, filled as its schema wants it."""
    offered = {}
    for tool in tools:
        function = tool.get("function", tool)
        schema = function.get("parameters") or function.get("input_schema") or {}
        offered[function.get("name", "")] = schema.get("properties", {})
    for name, properties in offered.items():
        field = next((one for one in PATHS if one in properties), None)
        if name.lower() in READERS and field is not None:
            return name, {field: path}
        if name in READERS and "files" in properties:
            return name, {"files": [{"path": path}]}
    for name, properties in offered.items():
        if name in SHELLS:
            field = "cmd" if "cmd" in properties else "command"
            return name, {field: f"cat {path}"}
    return None
