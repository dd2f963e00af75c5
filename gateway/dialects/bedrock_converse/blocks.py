"""Parts of a conversation as content blocks."""

from binascii import Error, a2b_base64
from typing import Any

from gateway.dialects.bedrock_converse.family import Family
from gateway.dialects.bedrock_converse.losses import Losses
from gateway.dialects.bedrock_converse.names import allowed
from gateway.domain.conversation import Media, Opaque, Part, Text, Thinking, ToolCall, ToolResult
from gateway.domain.part_names import part_name

IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}

Block = dict[str, Any]


class BlockWriter:
    """Writes the parts of one conversation in order; numbers its documents."""

    __slots__ = ("_documents", "_family", "_losses")

    def __init__(self, family: Family, losses: Losses) -> None:
        self._family = family
        self._losses = losses
        self._documents = 0

    def write(self, part: Part, role: str) -> Block | None:
        """Return the block for a part; None, and a loss unless it is blank, where there is none."""
        match part:
            case Text():
                return text(part.text)
            case Thinking():
                return self._thought(part)
            case ToolCall():
                return _call(part)
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
        if self._family.is_claude and _is_base64(data):
            return {"reasoningContent": {"redactedContent": data}}
        self._losses.note("redacted_thinking")
        return None

    def _result(self, part: ToolResult) -> Block:
        said = (
            text(inner.text) if isinstance(inner, Text) else self._media(inner)
            for inner in part.parts
        )
        result: Block = {
            "toolUseId": allowed(part.call_id),
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
            self._documents += 1
            name = f"document {self._documents}"
            return {"document": {"format": DOCUMENTS[kind], "name": name, "source": source}}
        self._losses.note("media")
        return None


def text(said: str) -> Block | None:
    """Return a text block; None for blank text, which Bedrock refuses."""
    return {"text": said} if said.strip() else None


def _call(part: ToolCall) -> Block:
    call = {"toolUseId": allowed(part.id), "name": allowed(part.name), "input": part.arguments}
    return {"toolUse": call}


def _is_base64(data: str) -> bool:
    try:
        return bool(a2b_base64(data, strict_mode=True))
    except (Error, ValueError):
        return False
