"""Content blocks as parts of a conversation."""

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.dialects.anthropic_messages import shapes
from gateway.dialects.anthropic_messages.losses import Losses
from gateway.dialects.anthropic_messages.shapes import kind
from gateway.domain.conversation import Media, Opaque, Part, Text, Thinking, ToolCall, ToolResult
from gateway.domain.errors import Malformed
from gateway.domain.part_names import part_name
from gateway.translation import marks
from gateway.translation.shaping import shaped
from gateway.translation.signatures import is_signed

DIALECT = "anthropic_messages"
_SPOKEN_BY = {
    "tool_use": "assistant",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
    "tool_result": "user",
}
_SOURCE_FIELDS = ("type", "media_type", "data")
_MEDIA_FIELDS = ("type", "source", "title", marks.FIELD)
_RESULT_FIELDS = ("type", "tool_use_id", "content", "is_error", marks.FIELD)


class PartReader:
    """Reads the blocks of one conversation in order; remembers which tools were called."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._tools: dict[str, str] = {}
        self._readers: dict[str, Callable[[dict[str, Any]], Part]] = {
            "text": self._text,
            "image": self._media,
            "document": self._media,
            "tool_use": self._tool_use,
            "tool_result": self._tool_result,
            "thinking": self._thinking,
            "redacted_thinking": self._redacted,
        }

    def read(self, role: str, content: str | shapes.Blocks) -> tuple[Part, ...]:
        """Return the parts of one message; Malformed for a block in the wrong role."""
        if isinstance(content, str):
            return (Text(content),)
        return tuple(self._part(role, block) for block in content)

    def words(self, content: str | shapes.Blocks | None) -> tuple[Text, ...]:
        """Return the texts of a system prompt; Malformed for anything but text."""
        if content is None:
            return ()
        if isinstance(content, str):
            return (Text(content),)
        if any(kind(block) != "text" for block in content):
            raise Malformed("a system prompt holds text blocks only")
        return tuple(self._text(block) for block in content)

    def _part(self, role: str, block: dict[str, Any]) -> Part:
        found = kind(block)
        if _SPOKEN_BY.get(found, role) != role:
            raise Malformed(f"a {found} block does not belong to the role {role}")
        reader = self._readers.get(found)
        return reader(block) if reader else Opaque(DIALECT, part_name(found), block)

    def _text(self, block: dict[str, Any]) -> Text:
        self._losses.extras(block, ("type", "text", marks.FIELD))
        return Text(shaped(block, shapes.Text).text, marks.read(block, self._losses))

    def _media(self, block: dict[str, Any]) -> Text | Media | Opaque:
        found = shaped(block, shapes.Media)
        source = found.source
        if source.type == "content":
            return Opaque(DIALECT, "document", block)
        self._losses.extras(block, _MEDIA_FIELDS)
        self._losses.extras(block["source"], _SOURCE_FIELDS)
        lasts = marks.read(block, self._losses)
        if source.type == "text":
            self._losses.extras({"title": found.title}, ())
            return Text(source.data, lasts)
        return Media(source.media_type, source.data, found.title or "", lasts)

    def _tool_use(self, block: dict[str, Any]) -> ToolCall:
        self._losses.extras(block, ("type", "id", "name", "input", marks.FIELD))
        call = shaped(block, shapes.ToolUse)
        self._tools[call.id] = call.name
        lasts = marks.read(block, self._losses)
        return ToolCall(call.id, call.name, call.input, cache=lasts)

    def _tool_result(self, block: dict[str, Any]) -> ToolResult:
        self._losses.extras(block, _RESULT_FIELDS)
        result = shaped(block, shapes.ToolResult)
        if result.tool_use_id not in self._tools:
            raise Malformed("a tool_result answers no tool_use before it")
        return ToolResult(
            call_id=result.tool_use_id,
            parts=self._answer(result.content),
            name=self._tools[result.tool_use_id],
            failed=result.is_error,
            cache=marks.read(block, self._losses),
        )

    def _answer(self, content: str | shapes.Blocks | None) -> tuple[Text | Media, ...]:
        if content is None:
            return ()
        if isinstance(content, str):
            return (Text(content),)
        return tuple(self._answer_part(block) for block in content)

    def _answer_part(self, block: dict[str, Any]) -> Text | Media:
        """Return one part of a tool's answer; a kind without a word of ours stays as its JSON."""
        found = kind(block)
        if found == "text":
            return self._text(block)
        part = self._media(block) if found in ("image", "document") else None
        if isinstance(part, Text | Media):
            return part
        self._losses.note(part_name(found))
        return Text(msgspec.json.encode(block).decode())

    def _thinking(self, block: dict[str, Any]) -> Thinking:
        self._losses.extras(block, ("type", "thinking", "signature"))
        thought = shaped(block, shapes.ThinkingBlock)
        signed = is_signed(thought.signature)
        return Thinking(thought.thinking, signature=thought.signature if signed else None)

    def _redacted(self, block: dict[str, Any]) -> Thinking:
        self._losses.extras(block, ("type", "data"))
        return Thinking("", redacted=shaped(block, shapes.RedactedThinking).data)
