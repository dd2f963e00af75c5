"""A conversation as a Messages request."""

from typing import Any

from gateway.dialects.anthropic_messages.losses import Losses
from gateway.dialects.anthropic_messages.parts import DIALECT
from gateway.dialects.anthropic_messages.settings import (
    NAMES,
    max_tokens,
    write_output,
    write_sampling,
    write_thinking,
    write_tools,
)
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
from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.part_names import part_name
from gateway.domain.request import Body
from gateway.translation import marks, media

MARKS_MAX = 4

Block = dict[str, Any]


def write(
    conversation: Conversation, offering: Offering, *, stream: bool
) -> tuple[Body, tuple[str, ...]]:
    """Return the body and what this dialect cannot say; CannotExpress without any turn."""
    losses = Losses()
    messages = _messages(conversation.turns, losses)
    if not messages:
        raise CannotExpress("the engine needs at least one turn that is not blank")
    thought = write_thinking(conversation, messages, offering, losses)
    body: Body = {
        "model": offering.wire_model,
        "max_tokens": max_tokens(conversation.sampling, offering, losses),
        "messages": messages,
        "stream": stream,
    }
    body |= _system(conversation.system)
    body |= write_tools(conversation, losses)
    body |= write_sampling(conversation.sampling, thought, offering, losses)
    body |= {"thinking": thought.field} if thought.field is not None else {}
    body |= write_output(conversation, thought, offering, losses)
    _bound_marks(body, losses)
    return body, losses.names


def _system(system: tuple[Text, ...]) -> Body:
    said = [_text(one) for one in system if one.text.strip()]
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
            return _text(part) if part.text.strip() else None
        case Thinking():
            return _thought(part, losses)
        case ToolCall():
            return _call(part, losses)
        case ToolResult():
            return _result(part, losses)
        case Media():
            return _media(part, losses)
    return _opaque(part, losses)


def _text(part: Text) -> Block:
    return {"type": "text", "text": part.text, **marks.write(part.cache)}


def _thought(part: Thinking, losses: Losses) -> Block | None:
    """Return reasoning as its maker signed it; no mark may stand on it."""
    if part.redacted is not None:
        return {"type": "redacted_thinking", "data": part.redacted}
    if part.signature is not None:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    # WHY: the vendor refuses reasoning that it did not sign.
    losses.note("thinking_unsigned")
    return None


def _call(part: ToolCall, losses: Losses) -> Block:
    if part.signature is not None:
        losses.note("thought_signature")
    said = {"id": NAMES.id(part.id), "name": NAMES.name(part.name), "input": part.arguments}
    return {"type": "tool_use", **said, **marks.write(part.cache)}


def _result(part: ToolResult, losses: Losses) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": NAMES.id(part.call_id)}
    content = [said for inner in part.parts if (said := _block(inner, losses))]
    if content:
        block["content"] = content
    if part.failed is not None:
        block["is_error"] = part.failed
    return {**block, **marks.write(part.cache)}


def _media(part: Media, losses: Losses) -> Block | None:
    source = {"type": "base64", "media_type": part.media_type, "data": part.data}
    if part.media_type in media.IMAGES:
        return {"type": "image", "source": source, **marks.write(part.cache)}
    words = media.words_of(part)
    if words is not None:
        source = {"type": "text", "media_type": "text/plain", "data": words}
    elif part.media_type != media.PDF:
        losses.note("media")
        return None
    titled = {"title": part.name} if part.name else {}
    return {"type": "document", "source": source, **titled, **marks.write(part.cache)}


def _opaque(part: Opaque, losses: Losses) -> Block | None:
    if part.dialect == DIALECT and isinstance(part.raw, dict):
        return dict(part.raw)
    losses.note(part_name(part.kind))
    return None


def _bound_marks(body: Body, losses: Losses) -> None:
    """Take away the first of more than MARKS_MAX marks, which the vendor refuses.

    The last ones stand: each of them stands for the longest prefixes.
    """
    holders = [block for block in _in_order(body) if marks.FIELD in block]
    for block in holders[:-MARKS_MAX]:
        del block[marks.FIELD]
        losses.note(marks.FIELD)


def _in_order(body: Body) -> list[Block]:
    """Return what may carry a mark in the order in which the vendor reads it."""
    blocks: list[Block] = [*body.get("tools", []), *body.get("system", [])]
    for message in body["messages"]:
        for block in message["content"]:
            if block["type"] == "tool_result":
                blocks += block.get("content", [])
            blocks.append(block)
    return blocks
