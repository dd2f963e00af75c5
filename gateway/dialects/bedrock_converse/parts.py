"""Content blocks as parts of a conversation."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.dialects.bedrock_converse import shapes
from gateway.dialects.bedrock_converse.losses import Losses
from gateway.dialects.bedrock_converse.shapes import member
from gateway.domain.conversation import Media, Opaque, Part, Text, Thinking, ToolCall, ToolResult
from gateway.domain.errors import Malformed
from gateway.domain.part_names import part_name
from gateway.translation.media import MEDIA_TYPES
from gateway.translation.shaping import shaped

DIALECT = "bedrock_converse"
SHORT = "5m"
_SPOKEN_BY = {
    "toolUse": "assistant",
    "reasoningContent": "assistant",
    "toolResult": "user",
}
# What the vendor calls in its own way, by the word for it in the names of losses.
_OPAQUE = {"searchResult": "search_result", "video": "video", "audio": "audio"}
_STATUS = {"success": False, "error": True}


class PartReader:
    """Reads the blocks of one conversation in order; remembers which tools were called."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._tools: dict[str, str] = {}
        self._readers: dict[str, Callable[[Any], Part]] = {
            "text": Text,
            "image": self._media,
            "document": self._media,
            "toolUse": self._call,
            "toolResult": self._result,
            "reasoningContent": self._thinking,
            "guardContent": self._guarded,
            "citationsContent": self._cited,
        }

    def read(self, role: str, content: shapes.Blocks) -> tuple[Part, ...]:
        """Return the parts of one message; Malformed for a block in the wrong role."""
        parts: list[Part] = []
        for block in content:
            kind, value = member(block)
            if _SPOKEN_BY.get(kind, role) != role:
                raise Malformed(f"a {kind} block does not belong to the role {role}")
            if kind == "cachePoint":
                self._mark(parts, value)
            else:
                parts.append(self._part(kind, value))
        return tuple(parts)

    def words(self, content: shapes.Blocks | None) -> tuple[Text, ...]:
        """Return the texts of a system prompt; Malformed for anything but text."""
        parts = self.read("system", content or [])
        if not all(isinstance(part, Text) for part in parts):
            raise Malformed("a system prompt holds text blocks only")
        return tuple(part for part in parts if isinstance(part, Text))

    def cache(self, value: object) -> str:
        """Return for how long a prefix is to be kept."""
        point = shaped(value, shapes.CachePoint, "cachePoint block: ")
        return "1h" if point.ttl == "1h" else SHORT

    def _mark(self, parts: list[Part], value: object) -> None:
        """Set the mark at the part before it; a loss where there is none that can carry it."""
        cache = self.cache(value)
        if parts and not isinstance(parts[-1], Thinking | Opaque):
            parts[-1] = replace(parts[-1], cache=cache)
        else:
            self._losses.note("cachePoint")

    def _part(self, kind: str, value: Any) -> Part:  # noqa: ANN401
        reader = self._readers.get(kind)
        if reader is not None:
            return reader(value)
        return Opaque(DIALECT, part_name(_OPAQUE.get(kind)), {kind: value})

    def _media(self, value: dict[str, Any]) -> Text | Media:
        self._losses.extras(value, ("format", "name", "source"))
        media = shaped(value, shapes.Media)
        kind, said = member(media.source)
        if kind == "bytes" and isinstance(said, str) and media.format in MEDIA_TYPES:
            return Media(MEDIA_TYPES[media.format], said, media.name)
        if kind == "text" and isinstance(said, str):
            self._losses.note("document_name")
            return Text(said)
        if kind == "content" and isinstance(said, list):
            self._losses.note("document_name")
            return Text("\n".join(shaped(one, shapes.Words).text for one in said))
        raise Malformed("an image or document needs its data in a format that Bedrock knows")

    def _call(self, value: dict[str, Any]) -> ToolCall | Opaque:
        call = shaped(value, shapes.Call)
        if call.type is not None:
            return Opaque(DIALECT, part_name(call.type), {"toolUse": value})
        self._tools[call.tool_use_id] = call.name
        return ToolCall(call.tool_use_id, call.name, call.input)

    def _result(self, value: dict[str, Any]) -> ToolResult:
        self._losses.extras(value, ("toolUseId", "content", "status", "type"))
        result = shaped(value, shapes.Result)
        if result.tool_use_id not in self._tools:
            raise Malformed("a toolResult answers no toolUse before it")
        return ToolResult(
            call_id=result.tool_use_id,
            parts=tuple(self._answer(*member(block)) for block in result.content),
            name=self._tools[result.tool_use_id],
            failed=None if result.status is None else _failed(result.status),
        )

    def _answer(self, kind: str, value: Any) -> Text | Media:  # noqa: ANN401
        """Return one part of a tool's answer; a kind without a word of ours stays as its JSON."""
        if kind == "text":
            return Text(value)
        if kind in ("image", "document"):
            return self._media(value)
        if kind != "json":
            self._losses.note(part_name(_OPAQUE.get(kind)))
        return Text(msgspec.json.encode(value).decode())

    def _thinking(self, value: dict[str, Any]) -> Thinking:
        said = shaped(value, shapes.Reasoning)
        if said.redacted_content is not None:
            return Thinking("", redacted=said.redacted_content)
        words = said.reasoning_text or shapes.ReasoningText()
        return Thinking(words.text, signature=words.signature or None)

    def _guarded(self, value: dict[str, Any]) -> Text | Media:
        self._losses.note("guardContent")
        said = shaped(value, shapes.Guarded)
        if said.text is not None:
            return Text(said.text.text)
        return self._media(value.get("image") or {})

    def _cited(self, value: dict[str, Any]) -> Text:
        self._losses.note("citations")
        said = shaped(value, shapes.Cited, "citationsContent block: ").content or []
        return Text("".join(shaped(one, shapes.Words).text for one in said))


def _failed(status: str) -> bool:
    if status not in _STATUS:
        raise Malformed("the status of a toolResult is success or error")
    return _STATUS[status]
