"""A body in this dialect as a conversation in none."""

from typing import Any

from msgspec.structs import replace

from gateway.dialects.openai_chat import settings
from gateway.dialects.openai_chat.ask import peek
from gateway.dialects.openai_chat.chunk import SIGNED, signature_in
from gateway.dialects.openai_chat.losses import Losses
from gateway.dialects.openai_chat.parts import read_parts
from gateway.domain.conversation import (
    Conversation,
    Media,
    Opaque,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from gateway.domain.errors import Malformed
from gateway.domain.part_names import part_name
from gateway.domain.request import Body
from gateway.translation import arguments, fields, marks

_SYSTEM_FIELDS = frozenset({"role", "content", marks.FIELD})
_TOOL_FIELDS = _SYSTEM_FIELDS | {"tool_call_id"}
_ASSISTANT_FIELDS = _SYSTEM_FIELDS | {"tool_calls", "reasoning", "reasoning_content", "refusal"}
_CALL_FIELDS = frozenset({"id", "type", "index", "function", SIGNED})
_FUNCTION_FIELDS = frozenset({"name", "arguments"})


def read(body: Body) -> tuple[Conversation, tuple[str, ...]]:
    """Return the conversation and what it cannot hold; Malformed as in `peek`, and for results.

    Malformed too when a tool message answers a call that nobody made.
    """
    peek(body)
    lost = Losses()
    script = _Script(lost)
    for at, message in enumerate(body["messages"]):
        script.add(message, f"messages[{at}]")
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
    """Messages so far: system texts, turns, and the names of the calls that were made."""

    def __init__(self, lost: Losses) -> None:
        self.system: list[Text] = []
        self.turns: list[tuple[str, list[Part]]] = []
        self._calls: dict[str, str] = {}
        self._lost = lost

    def add(self, message: dict[str, Any], path: str) -> None:
        """Add one message in its role."""
        role = message["role"]
        if role in {"system", "developer"}:
            self._system(message)
        elif role == "assistant":
            self._assistant(message, path)
        elif role == "tool":
            self._result(message, path)
        elif role == "user":
            self._lost.extras(message, _SYSTEM_FIELDS, "messages.")
            self._turn("user", list(self._parts(message)))
        else:
            self._lost.note("messages.function")

    def _parts(self, message: dict[str, Any]) -> tuple[Text | Media | Opaque, ...]:
        """Return the parts; a mark on the message stands at the end of its last part."""
        parts = read_parts(message.get("content"), self._lost)
        lasts = marks.read(message, self._lost)
        if lasts is None:
            return parts
        if not parts or isinstance(parts[-1], Opaque):
            self._lost.note(marks.FIELD)
            return parts
        return (*parts[:-1], replace(parts[-1], cache=lasts))

    def _turn(self, role: str, parts: list[Part]) -> None:
        if parts:
            self.turns.append((role, parts))

    def _system(self, message: dict[str, Any]) -> None:
        self._lost.extras(message, _SYSTEM_FIELDS, "messages.")
        if self.turns:
            self._lost.note("system_position")
        for part in self._parts(message):
            if isinstance(part, Text):
                self.system.append(part)
            else:
                self._lost.note("system_media")

    def _assistant(self, message: dict[str, Any], path: str) -> None:
        self._lost.extras(message, _ASSISTANT_FIELDS, "messages.")
        parts: list[Part] = []
        for name in ("reasoning", "reasoning_content"):
            thinking = fields.text(message, name, f"{path}.")
            if thinking and not parts:
                parts.append(Thinking(thinking))
        parts += self._parts(message)
        if refusal := fields.text(message, "refusal", f"{path}."):
            self._lost.note("refusal_part")
            parts.append(Text(refusal))
        for at, call in enumerate(fields.records(message, "tool_calls", f"{path}.")):
            parts.append(self._call(call, f"{path}.tool_calls[{at}]"))
        self._turn("assistant", parts)

    def _call(self, call: dict[str, Any], path: str) -> ToolCall:
        call_id = fields.required(fields.text(call, "id", f"{path}."), f"{path}.id")
        if call.get("type", "function") == "custom":
            self._lost.note("custom_tool")
            custom = fields.record(call, "custom", f"{path}.") or {}
            name = fields.text(custom, "name", f"{path}.custom.")
            found = {"input": custom.get("input", "")}
        else:
            self._lost.extras(call, _CALL_FIELDS, "tool_calls.")
            function = fields.record(call, "function", f"{path}.") or {}
            self._lost.extras(function, _FUNCTION_FIELDS, "tool_calls.function.")
            name = fields.text(function, "name", f"{path}.function.")
            found = arguments.read(function.get("arguments"), self._lost)
        called = fields.required(name, f"{path}: the name of the tool")
        self._calls[call_id] = called
        signature = signature_in(call.get(SIGNED))
        if call.get(SIGNED) and signature is None:
            self._lost.note(f"tool_calls.{SIGNED}")
        return ToolCall(call_id, called, found, signature)

    def _result(self, message: dict[str, Any], path: str) -> None:
        self._lost.extras(message, _TOOL_FIELDS, "messages.")
        found = fields.text(message, "tool_call_id", f"{path}.")
        call_id = fields.required(found, f"{path}.tool_call_id")
        if call_id not in self._calls:
            raise Malformed(f"{path}.tool_call_id answers no call of an earlier message.")
        parts: list[Text | Media] = []
        for part in read_parts(message.get("content"), self._lost):
            if isinstance(part, Text | Media):
                parts.append(part)
            else:
                self._lost.note(part_name(part.kind))
        lasts = marks.read(message, self._lost)
        result = ToolResult(call_id, tuple(parts), self._calls[call_id], cache=lasts)
        last = self.turns[-1][1]
        if isinstance(last[-1], ToolResult):
            last.append(result)
        else:
            self._turn("user", [result])
