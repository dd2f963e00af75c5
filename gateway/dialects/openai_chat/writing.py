"""A conversation in no dialect as a body in this one."""

from collections.abc import Iterable
from typing import Any

from gateway.dialects.openai_chat.chunk import signed
from gateway.dialects.openai_chat.losses import Losses
from gateway.dialects.openai_chat.parts import write_parts
from gateway.domain.conversation import (
    Conversation,
    Media,
    Part,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.translation import arguments, marks
from gateway.translation.names import Names

ANSWER_NAME = "answer"
# WHY: some models read the ids of their own calls, so an id that is short enough stays as it is.
NAMES = Names(name_chars_max=64, id_chars_max=40, any_id=True)
_MODES = {"auto": "auto", "any": "required", "none": "none"}


def write(
    conversation: Conversation,
    offering: Offering,
    stream: bool,  # noqa: FBT001
) -> tuple[Body, tuple[str, ...]]:
    """Return the body for that engine, and what it cannot say."""
    lost = Losses()
    messages = _system(conversation.system)
    for turn in conversation.turns:
        messages += _assistant(turn, lost) if turn.role == "assistant" else _user(turn, lost)
    body: Body = {"model": offering.wire_model, "messages": messages, "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    body |= _tools(conversation, lost)
    body |= _sampling(conversation.sampling)
    body |= _answer(conversation)
    if conversation.thinking is not None:
        off = conversation.thinking == "off"
        body["reasoning_effort"] = "none" if off else conversation.thinking
    if conversation.thinking_tokens_max is not None:
        lost.note("thinking_tokens_max")
    if marks.is_marked(conversation):
        lost.note(marks.FIELD)
    return body, lost.names


def _system(texts: tuple[Text, ...]) -> list[dict[str, Any]]:
    """Return one message for all system texts, each a part of its own.

    WHY: most chat templates know a single system message, and only at the start.
    """
    if not texts:
        return []
    said = [text.text for text in texts]
    content = said[0] if len(said) == 1 else [{"type": "text", "text": text} for text in said]
    return [{"role": "system", "content": content}]


def _user(turn: Turn, lost: Losses) -> list[dict[str, Any]]:
    """Return the results as tool messages, then all other parts as one user message.

    Media inside a result move to that user message, since a tool message holds text alone.
    """
    messages = []
    moved: list[Part] = []
    for part in turn.parts:
        if isinstance(part, ToolResult):
            messages.append(_result(part, lost))
            moved += [piece for piece in part.parts if isinstance(piece, Media)]
    others = [part for part in turn.parts if not isinstance(part, ToolResult)]
    if moved:
        lost.note("tool_result_media_moved")
    if content := write_parts([*moved, *others], lost):
        messages.append({"role": "user", "content": content})
    return messages


def _result(result: ToolResult, lost: Losses) -> dict[str, Any]:
    if result.failed:
        lost.note("tool_result_failed")
    content = write_parts([part for part in result.parts if isinstance(part, Text)], lost)
    return {"role": "tool", "tool_call_id": NAMES.id(result.call_id), "content": content}


def _assistant(turn: Turn, lost: Losses) -> list[dict[str, Any]]:
    calls = [_call(part) for part in turn.parts if isinstance(part, ToolCall)]
    thinking = _thinking(turn.parts, lost)
    content = write_parts(
        [part for part in turn.parts if not isinstance(part, ToolCall | Thinking)], lost
    )
    if not (calls or thinking or content):
        return []
    message: dict[str, Any] = {"role": "assistant", "content": content or None}
    if thinking:
        message["reasoning"] = thinking
    if calls:
        message["tool_calls"] = calls
    return [message]


def _thinking(parts: Iterable[Part], lost: Losses) -> str:
    """Return all reasoning as one text.

    INVARIANT: a line break stands between two pieces: what was scanned apart must not become one
    word here.
    """
    texts = []
    for part in parts:
        if isinstance(part, Thinking):
            texts.append(part.text)
            if part.signature is not None:
                lost.note("thinking_signature")
            if part.redacted is not None:
                lost.note("redacted_thinking")
    return "\n".join(filter(None, texts))


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": NAMES.name(call.name), "arguments": arguments.write(call.arguments)}
    said = {"id": NAMES.id(call.id), "type": "function", "function": function}
    return {**said, **signed(call.signature)}


def _tools(conversation: Conversation, lost: Losses) -> dict[str, Any]:
    choice = conversation.tool_choice
    if not conversation.tools:
        # WHY: engines refuse a choice without tools; auto and none say nothing then anyway.
        if choice is not None and choice.mode in {"any", "tool"}:
            lost.note("tool_choice")
        return {}
    tools = [
        {
            "type": "function",
            "function": {
                "name": NAMES.name(tool.name),
                **({"description": tool.description} if tool.description else {}),
                "parameters": tool.schema,
                **({"strict": True} if tool.strict else {}),
            },
        }
        for tool in conversation.tools
    ]
    return {"tools": tools, **(_choice(choice) if choice is not None else {})}


def _choice(choice: ToolChoice) -> dict[str, Any]:
    named = {"type": "function", "function": {"name": NAMES.name(choice.name or "")}}
    said: dict[str, Any] = {"tool_choice": _MODES.get(choice.mode, named)}
    if choice.parallel is not None:
        said["parallel_tool_calls"] = choice.parallel
    return said


def _sampling(sampling: Sampling) -> dict[str, Any]:
    said = {
        "max_tokens": sampling.output_tokens_max,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "seed": sampling.seed,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "stop": list(sampling.stop) or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _answer(conversation: Conversation) -> dict[str, Any]:
    """Return the form of the answer; its name is a handle, which the vendor demands."""
    schema = conversation.answer_schema
    if schema is None:
        return {}
    if not schema:
        return {"response_format": {"type": "json_object"}}
    holder: dict[str, Any] = {
        "name": NAMES.name(conversation.answer_name or ANSWER_NAME),
        "schema": schema,
    }
    if conversation.answer_strict is not None:
        holder["strict"] = conversation.answer_strict
    return {"response_format": {"type": "json_schema", "json_schema": holder}}
