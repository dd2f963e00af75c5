"""A conversation in no dialect as a body in this one."""

from collections.abc import Iterable
from typing import Any

from gateway.dialects.openai_responses.losses import Losses
from gateway.dialects.openai_responses.parts import write_part
from gateway.domain.conversation import (
    Conversation,
    Part,
    Sampling,
    Text,
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
NAMES = Names(name_chars_max=64, id_chars_max=64)
_MODES = {"auto": "auto", "any": "required", "none": "none"}


def write(
    conversation: Conversation,
    offering: Offering,
    stream: bool,  # noqa: FBT001
) -> tuple[Body, tuple[str, ...]]:
    """Return the body for that engine, and what it cannot say."""
    lost = Losses()
    written = _system(conversation.system)
    for turn in conversation.turns:
        written += _assistant(turn, lost) if turn.role == "assistant" else _user(turn, lost)
    body: Body = {
        "model": offering.wire_model,
        "input": written,
        "stream": stream,
        "store": False,
    }
    body |= _tools(conversation, lost)
    body |= _sampling(conversation.sampling, lost)
    body |= _answer(conversation)
    if conversation.thinking is not None:
        off = conversation.thinking == "off"
        body["reasoning"] = {"effort": "none" if off else conversation.thinking}
    if conversation.thinking_tokens_max is not None:
        lost.note("thinking_tokens_max")
    if marks.is_marked(conversation):
        lost.note(marks.FIELD)
    return body, lost.names


def _system(texts: tuple[Text, ...]) -> list[dict[str, Any]]:
    """Return one message for all system texts, each a part of its own."""
    content = [{"type": "input_text", "text": text.text} for text in texts]
    return [{"type": "message", "role": "system", "content": content}] if content else []


def _user(turn: Turn, lost: Losses) -> list[dict[str, Any]]:
    """Return the results, then all other parts as one message."""
    results = [_result(part, lost) for part in turn.parts if isinstance(part, ToolResult)]
    others = [part for part in turn.parts if not isinstance(part, ToolResult)]
    content = _parts(others, lost)
    if content:
        results.append({"type": "message", "role": "user", "content": content})
    return results


def _result(result: ToolResult, lost: Losses) -> dict[str, Any]:
    if result.failed:
        lost.note("tool_result_failed")
    texts = [part.text for part in result.parts if isinstance(part, Text)]
    output: Any = "".join(texts)
    if len(result.parts) > 1 or len(texts) < len(result.parts):
        output = _parts(result.parts, lost)
    return {"type": "function_call_output", "call_id": NAMES.id(result.call_id), "output": output}


def _parts(parts: Iterable[Part], lost: Losses) -> list[dict[str, Any]]:
    written = (write_part(part, lost) for part in parts)
    return [part for part in written if part is not None]


def _assistant(turn: Turn, lost: Losses) -> list[dict[str, Any]]:
    """Return messages and calls in their order.

    WHY: reasoning is an item only with the id that its maker gave it; others' is a loss.
    """
    items: list[dict[str, Any]] = []
    for part in turn.parts:
        if isinstance(part, Text) and not part.text:
            continue
        if isinstance(part, Text):
            items.append({"type": "message", "role": "assistant", "content": part.text})
        elif isinstance(part, ToolCall):
            items.append(_call(part, lost))
        else:
            lost.note(str(part.__struct_config__.tag))
    return items


def _call(part: ToolCall, lost: Losses) -> dict[str, Any]:
    if part.signature is not None:
        lost.note("thought_signature")
    call = {"type": "function_call", "call_id": NAMES.id(part.id), "name": NAMES.name(part.name)}
    return {**call, "arguments": arguments.write(part.arguments)}


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
            "name": NAMES.name(tool.name),
            **({"description": tool.description} if tool.description else {}),
            "parameters": tool.schema,
            # WHY: without the word an engine here may hold the schema to rules of its own.
            "strict": bool(tool.strict),
        }
        for tool in conversation.tools
    ]
    return {"tools": tools, **(_choice(choice) if choice is not None else {})}


def _choice(choice: ToolChoice) -> dict[str, Any]:
    named = {"type": "function", "name": NAMES.name(choice.name or "")}
    said: dict[str, Any] = {"tool_choice": _MODES.get(choice.mode, named)}
    if choice.parallel is not None:
        said["parallel_tool_calls"] = choice.parallel
    return said


def _sampling(sampling: Sampling, lost: Losses) -> dict[str, Any]:
    unsaid = {
        "top_k": sampling.top_k,
        "seed": sampling.seed,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "stop": list(sampling.stop),
    }
    lost.extras(unsaid, frozenset())
    said = {
        "max_output_tokens": sampling.output_tokens_max,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }
    return {name: value for name, value in said.items() if value is not None}


def _answer(conversation: Conversation) -> dict[str, Any]:
    """Return the form of the answer; its name is a handle, which the vendor demands."""
    schema = conversation.answer_schema
    if schema is None:
        return {}
    if not schema:
        return {"text": {"format": {"type": "json_object"}}}
    name = NAMES.name(conversation.answer_name or ANSWER_NAME)
    strict = bool(conversation.answer_strict)
    form = {"type": "json_schema", "name": name, "schema": schema, "strict": strict}
    return {"text": {"format": form}}
