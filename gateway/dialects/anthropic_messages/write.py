"""A conversation as a Messages request."""

import re
from typing import Any

from gateway.dialects.anthropic_messages.losses import Losses
from gateway.dialects.anthropic_messages.parts import DIALECT
from gateway.domain.conversation import (
    Conversation,
    Media,
    Opaque,
    Part,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSpec,
    Turn,
)
from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.part_names import part_name
from gateway.domain.request import Body

TEMPERATURE_MAX = 1.0
IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PDF = "application/pdf"
ADAPTIVE = {"type": "adaptive"}

_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_UNSAID = ("seed", "frequency_penalty", "presence_penalty")
_FORCED = ("any", "tool")

Block = dict[str, Any]


def write(
    conversation: Conversation, offering: Offering, *, stream: bool
) -> tuple[Body, tuple[str, ...]]:
    """Return the body and what this dialect cannot say; CannotExpress without any turn."""
    losses = Losses()
    messages = _messages(conversation.turns, losses)
    if not messages:
        raise CannotExpress("the engine needs at least one turn that is not blank")
    thinking = _thinking(conversation, losses)
    thinks = thinking == ADAPTIVE
    body: Body = {
        "model": offering.wire_model,
        "max_tokens": _max_tokens(conversation.sampling, offering, losses),
        "messages": messages,
        "stream": stream,
    }
    body |= _system(conversation.system)
    body |= _tools(conversation, losses)
    body |= _sampling(conversation.sampling, losses, thinks=thinks)
    body |= {"thinking": thinking} if thinking else {}
    body |= _output(conversation, thinks=thinks)
    return body, losses.names


def tool_id(given: str) -> str:
    """Return the id with only the characters that this dialect allows, still distinct."""
    return _FOREIGN.sub(lambda found: f"_{ord(found[0]):x}", given)


def _max_tokens(sampling: Sampling, offering: Offering, losses: Losses) -> int:
    if sampling.output_tokens_max is not None:
        return sampling.output_tokens_max
    losses.note("max_tokens_injected")
    return offering.output_tokens_max


def _system(system: tuple[Text, ...]) -> Body:
    said = [_text(one.text) for one in system if one.text.strip()]
    return {"system": said} if said else {}


def _messages(turns: tuple[Turn, ...], losses: Losses) -> list[Body]:
    """Return the messages; neighbours of one role are one message, tool results first in it.

    WHY: an answer to parallel calls that is split over two messages is rejected.
    """
    messages: list[Body] = []
    for turn in turns:
        said = [block for part in turn.parts if (block := _block(part, losses))]
        if not said:
            continue
        if messages and messages[-1]["role"] == turn.role:
            messages[-1]["content"].extend(said)
        else:
            messages.append({"role": turn.role, "content": said})
    for message in messages:
        message["content"].sort(key=lambda block: block["type"] != "tool_result")
    return messages


def _block(part: Part, losses: Losses) -> Block | None:
    match part:
        case Text():
            return _text(part.text) if part.text.strip() else None
        case Thinking():
            return _thought(part, losses)
        case ToolCall():
            return {
                "type": "tool_use",
                "id": tool_id(part.id),
                "name": part.name,
                "input": part.arguments,
            }
        case ToolResult():
            return _result(part, losses)
        case Media():
            return _media(part, losses)
    return _opaque(part, losses)


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _thought(part: Thinking, losses: Losses) -> Block | None:
    if part.redacted is not None:
        return {"type": "redacted_thinking", "data": part.redacted}
    if part.signature is not None:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    # WHY: the vendor refuses reasoning that it did not sign.
    losses.note("thinking_unsigned")
    return None


def _result(part: ToolResult, losses: Losses) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": tool_id(part.call_id)}
    content = [said for inner in part.parts if (said := _block(inner, losses))]
    if content:
        block["content"] = content
    if part.failed is not None:
        block["is_error"] = part.failed
    return block


def _media(part: Media, losses: Losses) -> Block | None:
    source = {"type": "base64", "media_type": part.media_type, "data": part.data}
    if part.media_type in IMAGES:
        return {"type": "image", "source": source}
    if part.media_type == PDF:
        return {"type": "document", "source": source}
    losses.note("media")
    return None


def _opaque(part: Opaque, losses: Losses) -> Block | None:
    if part.dialect == DIALECT and isinstance(part.raw, dict):
        return part.raw
    losses.note(part_name(part.kind))
    return None


def _tools(conversation: Conversation, losses: Losses) -> Body:
    choice = conversation.tool_choice
    if not conversation.tools:
        if choice is not None and choice.mode in _FORCED:
            losses.note("tool_choice")
        return {}
    said: Body = {"tools": [_tool(tool) for tool in conversation.tools]}
    if choice is not None:
        said["tool_choice"] = _choice(choice)
    return said


def _tool(tool: ToolSpec) -> Body:
    schema = {"type": "object", **tool.schema}
    if schema.get("properties", {}) is None:
        del schema["properties"]
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "input_schema": schema}


def _choice(choice: ToolChoice) -> Body:
    said: Body = {"type": choice.mode}
    if choice.name is not None:
        said["name"] = choice.name
    if choice.parallel is not None and choice.mode != "none":
        said["disable_parallel_tool_use"] = not choice.parallel
    return said


def _thinking(conversation: Conversation, losses: Losses) -> Body | None:
    choice = conversation.tool_choice
    match conversation.thinking:
        case None:
            return None
        case "off":
            return {"type": "disabled"}
        case _ if choice is not None and choice.mode in _FORCED and conversation.tools:
            # WHY: the vendor refuses a forced tool together with thinking; the tool is the order.
            losses.note("thinking")
            return None
        case _:
            return ADAPTIVE


def _sampling(sampling: Sampling, losses: Losses, *, thinks: bool) -> Body:
    for name in _UNSAID:
        if getattr(sampling, name) is not None:
            losses.note(name)
    said: Body = {"stop_sequences": list(sampling.stop)} if sampling.stop else {}
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(sampling, name)
        if value is None:
            continue
        if thinks:
            # WHY: the vendor refuses these together with thinking.
            losses.note(name)
        else:
            said[name] = value
    if said.get("temperature", 0) > TEMPERATURE_MAX:
        losses.note("temperature")
        said["temperature"] = TEMPERATURE_MAX
    return said


def _output(conversation: Conversation, *, thinks: bool) -> Body:
    said: Body = {"effort": conversation.thinking} if thinks else {}
    if conversation.answer_schema is not None:
        schema = conversation.answer_schema or {"type": "object"}
        said["format"] = {"type": "json_schema", "schema": schema}
    return {"output_config": said} if said else {}
