"""Turns of a conversation as contents."""

from typing import Any

from gateway.dialects.gemini.family import Family
from gateway.dialects.gemini.losses import Losses
from gateway.dialects.gemini.names import allowed
from gateway.dialects.gemini.parts import DIALECT
from gateway.dialects.gemini.signatures import UNSIGNED, is_sayable
from gateway.domain.conversation import (
    Media,
    Opaque,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from gateway.domain.part_names import part_name
from gateway.domain.request import Body
from gateway.translation.media import is_image

ROLES = {"user": "user", "assistant": "model"}
FIRST_TURN = "."
CACHE = "cache_control"

Said = dict[str, Any]


class ContentWriter:
    """Writes the turns of one conversation."""

    def __init__(self, family: Family, losses: Losses) -> None:
        self._family = family
        self._losses = losses

    def write(self, turns: tuple[Turn, ...]) -> list[Body]:
        """Return the contents; neighbours of one role are one, function responses first in it.

        WHY: the model answers a user, and an answer to parallel calls that stands in two turns, or
        behind other words, is refused.
        """
        contents: list[Body] = []
        for turn in turns:
            role = ROLES[turn.role]
            said = self._turn(turn)
            if contents and contents[-1]["role"] == role:
                contents[-1]["parts"] += said
            elif said:
                contents.append({"role": role, "parts": said})
        for content in contents:
            content["parts"].sort(key=lambda part: "functionResponse" not in part)
            self._sign(content["parts"])
        if contents and contents[0]["role"] != "user":
            self._losses.note("first_turn_injected")
            contents.insert(0, {"role": "user", "parts": [{"text": FIRST_TURN}]})
        return contents

    def _turn(self, turn: Turn) -> list[Said]:
        said: list[Said] = []
        for part in turn.parts:
            if getattr(part, "cache", None) is not None:
                self._losses.note(CACHE)
            said += self._part(part)
        return said

    def _part(self, part: Part) -> list[Said]:
        """Return a part as this dialect has it, which may be several or none."""
        match part:
            case Text():
                return [{"text": part.text}] if part.text.strip() else []
            case Thinking():
                return self._thought(part)
            case ToolCall():
                return [self._call(part)]
            case ToolResult():
                return self._result(part)
            case Media():
                return [self._media(part)]
        return self._opaque(part)

    def _opaque(self, part: Opaque) -> list[Said]:
        if part.dialect == DIALECT and isinstance(part.raw, dict):
            return [part.raw]
        self._losses.note(part_name(part.kind))
        return []

    def _thought(self, part: Thinking) -> list[Said]:
        """Return reasoning as words; what another provider signed or sealed is nothing here."""
        if part.redacted is not None:
            self._losses.note("redacted_thinking")
        if part.signature is not None:
            self._losses.note("thinking_signature")
        return [{"text": part.text, "thought": True}] if part.text.strip() else []

    def _call(self, part: ToolCall) -> Said:
        call: Said = {"name": allowed(part.name), "args": part.arguments}
        said: Said = {"functionCall": {"id": part.id, **call}}
        if part.signature is not None:
            if self._family.signs_calls and is_sayable(part.signature):
                said["thoughtSignature"] = part.signature
            else:
                # WHY: models before the third refuse what they never made.
                self._losses.note("thought_signature")
        return said

    def _sign(self, parts: list[Said]) -> None:
        """Sign the first call of a turn that none of them signs, with the vendor's own dummy."""
        calls = [part for part in parts if "functionCall" in part]
        if not self._family.signs_calls or not calls:
            return
        if not any("thoughtSignature" in call for call in calls):
            self._losses.note("thought_signature_injected")
            calls[0]["thoughtSignature"] = UNSIGNED

    def _result(self, part: ToolResult) -> list[Said]:
        """Return a response and, where the model takes no media in it, these behind it."""
        words = "\n".join(one.text for one in part.parts if isinstance(one, Text))
        media = [self._media(one) for one in part.parts if isinstance(one, Media)]
        response = {"error" if part.failed else "output": words}
        said: Said = {"id": part.call_id, "name": allowed(part.name), "response": response}
        if not media:
            return [{"functionResponse": said}]
        if self._family.takes_media_in_results:
            return [{"functionResponse": {**said, "parts": media}}]
        self._losses.note("tool_result_media_moved")
        return [{"functionResponse": said}, *media]

    def _media(self, part: Media) -> Said:
        if part.name:
            self._losses.note("filename" if is_image(part) else "document_name")
        return {"inlineData": {"mimeType": part.media_type, "data": part.data}}
