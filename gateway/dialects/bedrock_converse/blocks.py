"""Parts of a conversation as content blocks."""

from typing import Any

from gateway.dialects.bedrock_converse.family import Family
from gateway.dialects.bedrock_converse.losses import Losses
from gateway.dialects.bedrock_converse.marks import Marks
from gateway.dialects.bedrock_converse.names import NAMES, Documents
from gateway.domain.conversation import Media, Opaque, Part, Text, Thinking, ToolCall, ToolResult
from gateway.domain.part_names import part_name
from gateway.translation.media import DOCUMENTS, IMAGES, is_base64

Block = dict[str, Any]


class BlockWriter:
    """Writes the parts of one conversation in order; names its documents."""

    __slots__ = ("_documents", "_family", "_losses", "_marks")

    def __init__(self, family: Family, losses: Losses, marks: Marks) -> None:
        self._family = family
        self._losses = losses
        self._marks = marks
        self._documents = Documents()

    def write(self, part: Part, role: str) -> list[Block]:
        """Return the block for a part, and its mark; none, and a loss unless it is blank."""
        block = self._block(part, role)
        if block is None:
            return []
        return [block, *self._marks.after(_cache(part), "messages")]

    def _block(self, part: Part, role: str) -> Block | None:
        match part:
            case Text():
                return text(part.text)
            case Thinking():
                return self._thought(part)
            case ToolCall():
                return self._call(part)
            case ToolResult():
                return self._result(part)
            case Media() if role == "user":
                return self._media(part)
        self._losses.note(part_name(part.kind) if isinstance(part, Opaque) else "media")
        return None

    def _thought(self, part: Thinking) -> Block | None:
        if part.redacted is not None:
            return self._redacted(part.redacted)
        if not self._family.is_claude:
            self._losses.note("thinking_replay")
            return None
        if part.signature is None:
            # WHY: the vendor refuses reasoning that it did not sign.
            self._losses.note("thinking_unsigned")
            return None
        said = {"text": part.text, "signature": part.signature}
        return {"reasoningContent": {"reasoningText": said}}

    def _redacted(self, data: str) -> Block | None:
        if self._family.is_claude and is_base64(data):
            return {"reasoningContent": {"redactedContent": data}}
        self._losses.note("redacted_thinking")
        return None

    def _call(self, part: ToolCall) -> Block:
        if part.signature is not None:
            # WHY: it is bound to its provider, which is another one.
            self._losses.note("thought_signature")
        call = {
            "toolUseId": NAMES.id(part.id),
            "name": NAMES.name(part.name),
            "input": part.arguments,
        }
        return {"toolUse": call}

    def _result(self, part: ToolResult) -> Block:
        said = (
            text(inner.text) if isinstance(inner, Text) else self._media(inner)
            for inner in part.parts
        )
        result: Block = {
            "toolUseId": NAMES.id(part.call_id),
            "content": [block for block in said if block],
        }
        if part.failed is not None and self._family.tells_failed_results:
            result["status"] = "error" if part.failed else "success"
        elif part.failed:
            self._losses.note("tool_result_failed")
        return {"toolResult": result}

    def _media(self, part: Media) -> Block | None:
        kind = part.media_type.lower()
        source = {"bytes": part.data}
        if part.data and kind in IMAGES:
            return {"image": {"format": IMAGES[kind], "source": source}}
        if part.data and kind in DOCUMENTS:
            name = self._documents.name(part.name)
            return {"document": {"format": DOCUMENTS[kind], "name": name, "source": source}}
        self._losses.note("media")
        return None


def text(said: str) -> Block | None:
    """Return a text block; None for blank text, which Bedrock refuses."""
    return {"text": said} if said.strip() else None


def _cache(part: Part) -> str | None:
    """Return the mark of a part; one inside of a tool's result stands behind all of it."""
    if isinstance(part, Thinking | Opaque):
        return None
    if isinstance(part, ToolResult) and part.cache is None:
        return next((inner.cache for inner in reversed(part.parts) if inner.cache), None)
    return part.cache
