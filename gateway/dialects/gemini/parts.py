"""The parts of a request as parts of a conversation."""

from typing import Any

import msgspec

from gateway.dialects.gemini.admit import SAID, kind_of
from gateway.dialects.gemini.losses import Losses
from gateway.dialects.gemini.shapes import Blob, Content, FunctionCall, FunctionResponse
from gateway.dialects.gemini.signatures import REDACTED, SIGNED, plain, signature_of, unwrapped
from gateway.dialects.gemini.spelling import snake
from gateway.domain.conversation import Media, Opaque, Part, Text, Thinking, ToolCall, ToolResult
from gateway.domain.errors import Malformed
from gateway.translation.shaping import shaped

DIALECT = "gemini"
# How clients name the one thing that a function said; an error is not one of them.
_WORDS = ("output", "result", "content")
_ERROR = "error"
_SPOKEN_BY = {"functionCall": "assistant", "functionResponse": "user"}
_READ = frozenset({*SAID, "thought", "thoughtSignature"})


class PartReader:
    """Reads the parts of one conversation in order; remembers which calls wait for an answer."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._names: dict[str, str] = {}
        self._waiting: list[str] = []

    def read(self, content: Content, role: str, path: str) -> tuple[Part, ...]:
        """Return the parts of one turn; Malformed for one in the wrong role."""
        parts = (self._part(part, role, path) for part in content.parts)
        return tuple(part for part in parts if part is not None)

    def words(self, content: Content | None) -> tuple[Text, ...]:
        """Return the texts of the system instruction; anything else in it is lost."""
        said = []
        for part in content.parts if content is not None else ():
            if kind_of(part) == "text":
                self._losses.extras(part, ("text",))
                said.append(Text(part["text"]))
            else:
                self._losses.note("system_media")
        return tuple(said)

    def _part(self, part: dict[str, Any], role: str, path: str) -> Part | None:
        self._losses.extras(part, _READ)
        kind = kind_of(part)
        if part.get("thought"):
            return self._thought(part, kind)
        if kind != "functionCall" and signature_of(part) is not None:
            self._losses.note("thought_signature")
        if _SPOKEN_BY.get(kind, role) != role:
            raise Malformed(f"{path}: a {kind} does not belong to that role.")
        return self._said(part, kind, path)

    def _said(self, part: dict[str, Any], kind: str, path: str) -> Part | None:
        match kind:
            case "text":
                return Text(part["text"]) if part["text"] else None
            case "inlineData":
                return self._media(part["inlineData"])
            case "functionCall":
                return self._call(part)
            case "functionResponse":
                return self._result(part["functionResponse"], path)
        return Opaque(DIALECT, snake(kind), part) if kind else None

    def _thought(self, part: dict[str, Any], kind: str) -> Thinking | None:
        """Return reasoning; a signature of Google's own would mean nothing to anybody else."""
        text = part["text"] if kind == "text" else ""
        signature = signature_of(part)
        if signature is None:
            return Thinking(text) if text else None
        redacted = unwrapped(signature, REDACTED)
        if redacted is not None:
            return Thinking(text, redacted=redacted)
        foreign = unwrapped(signature, SIGNED)
        if foreign is None:
            self._losses.note("thought_signature")
        return Thinking(text, foreign) if text or foreign else None

    def _media(self, value: object) -> Media:
        blob = shaped(value, Blob)
        return Media(blob.mime_type, plain(blob.data), blob.display_name or "")

    def _call(self, part: dict[str, Any]) -> ToolCall:
        call = shaped(part["functionCall"], FunctionCall)
        self._losses.extras(part["functionCall"], ("name", "args", "id"))
        call_id = call.id or f"call_unnamed_{len(self._names)}"
        self._names[call_id] = call.name
        self._waiting.append(call_id)
        signature = signature_of(part)
        if signature is not None:
            signature = unwrapped(signature, SIGNED) or signature
        return ToolCall(call_id, call.name, call.args or {}, signature)

    def _result(self, value: dict[str, Any], path: str) -> ToolResult:
        self._losses.extras(value, ("name", "response", "id", "parts"))
        result = shaped(value, FunctionResponse)
        call_id = self._answered(result)
        if call_id is None:
            raise Malformed(f"{path}: a functionResponse answers no functionCall before it.")
        text, failed = _said(result.response or {})
        media = tuple(self._media(part["inlineData"]) for part in result.parts or ())
        parts: tuple[Text | Media, ...] = (Text(text), *media) if text else media
        return ToolResult(call_id, parts, self._names[call_id], failed)

    def _answered(self, result: FunctionResponse) -> str | None:
        """Return the call that is answered: by its id, else the oldest open one of that name."""
        by_name = (one for one in self._waiting if self._names[one] == result.name)
        found = result.id if result.id in self._names else next(by_name, None)
        if found in self._waiting:
            self._waiting.remove(found)
        return found


def _said(response: dict[str, Any]) -> tuple[str, bool | None]:
    """Return a function's answer as text, and whether it failed where that is sure."""
    if not response:
        return "", None
    if len(response) == 1:
        name, value = next(iter(response.items()))
        if name == _ERROR:
            return _text(value), True
        if name in _WORDS:
            return _text(value), None
    return msgspec.json.encode(response).decode(), None


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
