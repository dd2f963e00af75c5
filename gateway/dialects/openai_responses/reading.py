"""A body in this dialect as a conversation in none."""

from typing import Any

from gateway.dialects.openai_responses import settings
from gateway.dialects.openai_responses.ask import peek
from gateway.dialects.openai_responses.items import items_of, kind_of
from gateway.dialects.openai_responses.losses import Losses
from gateway.dialects.openai_responses.parts import read_parts
from gateway.domain.conversation import (
    Conversation,
    Media,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from gateway.domain.errors import Malformed
from gateway.domain.request import Body
from gateway.translation import arguments, fields

# `id` and `status` are handles of whoever wrote the item, and no loss.
_HANDLES = frozenset({"type", "id", "status"})
_MESSAGE = _HANDLES | {"role", "content"}
_CALL = _HANDLES | {"call_id", "name", "arguments"}
_CUSTOM = _HANDLES | {"call_id", "name", "input"}
_OUTPUT = _HANDLES | {"call_id", "output"}
_REASONING = _HANDLES | {"summary", "content"}


def read(body: Body) -> tuple[Conversation, tuple[str, ...]]:
    """Return the conversation and what it cannot hold; Malformed as in `peek`, and for results.

    Malformed too when an output answers a call that nobody made.
    """
    peek(body)
    lost = Losses()
    script = _Script(lost)
    if instructions := body.get("instructions"):
        script.system.append(Text(instructions))
    for at, item in enumerate(items_of(body)):
        script.add(item, f"input[{at}].")
    answer = settings.answer(body, lost)
    conversation = Conversation(
        system=tuple(script.system),
        turns=tuple(Turn(role, tuple(parts)) for role, parts in script.turns),
        tools=settings.tools(body, lost),
        tool_choice=settings.tool_choice(body, lost),
        sampling=settings.sampling(body),
        answer_schema=answer.schema,
        thinking=settings.thinking(body, lost),
        answer_name=answer.name,
        answer_strict=answer.strict,
    )
    settings.leftovers(body, lost)
    return conversation, lost.names


class _Script:
    """Items so far: system texts, turns, and the names of the calls that were made."""

    def __init__(self, lost: Losses) -> None:
        self.system: list[Text] = []
        self.turns: list[tuple[str, list[Part]]] = []
        self._calls: dict[str, str] = {}
        self._lost = lost
        self._read = {
            "message": self._message,
            "function_call": self._call,
            "custom_tool_call": self._custom,
            "function_call_output": self._output,
            "custom_tool_call_output": self._output,
            "reasoning": self._reasoning,
        }

    def add(self, item: dict[str, Any], path: str) -> None:
        """Add one item by its type; one that no other dialect can say is lost by its name."""
        kind = kind_of(item)
        reading = self._read.get(kind)
        if reading is None:
            self._lost.item(kind)
        else:
            reading(item, path)

    def _message(self, item: dict[str, Any], _path: str) -> None:
        self._lost.extras(item, _MESSAGE, "input.")
        parts = read_parts(item["content"], self._lost)
        role = item["role"]
        if role in {"system", "developer"}:
            self._system(parts)
        elif role == "assistant":
            self._said(parts)
        elif parts:
            self.turns.append(("user", list(parts)))

    def _system(self, parts: tuple[Text | Media, ...]) -> None:
        if self.turns:
            self._lost.note("system_position")
        for part in parts:
            if isinstance(part, Text):
                self.system.append(part)
            else:
                self._lost.note("system_media")

    def _said(self, parts: tuple[Part, ...]) -> None:
        """Add to what the assistant said: one reply of a model is several items."""
        if not parts:
            return
        if self.turns and self.turns[-1][0] == "assistant":
            self.turns[-1][1].extend(parts)
        else:
            self.turns.append(("assistant", list(parts)))

    def _reasoning(self, item: dict[str, Any], path: str) -> None:
        """Read reasoning in words; what only its maker can read cannot go to another one."""
        self._lost.extras(item, _REASONING)
        pieces = fields.records(item, "content", path) or fields.records(item, "summary", path)
        words = "\n\n".join(filter(None, (fields.text(piece, "text", path) for piece in pieces)))
        self._said((Thinking(words),) if words else ())

    def _call(self, item: dict[str, Any], path: str) -> None:
        self._lost.extras(item, _CALL, "input.")
        self._called(item, path, arguments.read(item.get("arguments"), self._lost))

    def _custom(self, item: dict[str, Any], path: str) -> None:
        """Read a call with free text as one of a function with a single argument."""
        self._lost.extras(item, _CUSTOM, "input.")
        self._lost.note("custom_tool")
        self._called(item, path, {"input": fields.text(item, "input", path) or ""})

    def _called(self, item: dict[str, Any], path: str, given: dict[str, Any]) -> None:
        call_id = fields.named(item, "call_id", path)
        name = fields.named(item, "name", path)
        self._calls[call_id] = name
        self._said((ToolCall(call_id, name, given),))

    def _output(self, item: dict[str, Any], path: str) -> None:
        self._lost.extras(item, _OUTPUT, "input.")
        call_id = fields.named(item, "call_id", path)
        if call_id not in self._calls:
            raise Malformed(f"{path}call_id answers no call of an earlier item.")
        if not isinstance(item.get("output"), str | list):
            raise Malformed(f"{path}output must be a string or a list of parts.")
        result = ToolResult(call_id, read_parts(item["output"], self._lost), self._calls[call_id])
        last = self.turns[-1][1]
        if isinstance(last[-1], ToolResult):
            last.append(result)
        else:
            self.turns.append(("user", [result]))
