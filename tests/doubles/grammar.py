"""Judges every stream and every whole reply that we emit, with none of our code.

One row per dialect: how its stream is cut and judged, and what it says when all is put together.
A new dialect is a row in GRAMMARS and a function for each of the two forms.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from tests.doubles import (
    bedrock_vendor,
    converse_grammar,
    gemini_grammar,
    message_grammar,
    openai_grammar,
    responses_grammar,
)

_CHAT_STOPS = {"stop": "end", "length": "length", "tool_calls": "tool", "content_filter": "refusal"}
_MESSAGE_STOPS = {
    "end_turn": "end",
    "stop_sequence": "end",
    "max_tokens": "length",
    "tool_use": "tool",
    "refusal": "refusal",
}
_CONVERSE_STOPS = {
    "end_turn": "end",
    "stop_sequence": "end",
    "max_tokens": "length",
    "tool_use": "tool",
    "content_filtered": "refusal",
}
_GEMINI_STOPS = {"STOP": "end", "MAX_TOKENS": "length", "SAFETY": "refusal"}
_LINE_FIELDS = {"model", "created_at", "message", "done"}
_LAST_FIELDS = _LINE_FIELDS | {"done_reason", "prompt_eval_count", "eval_count"}


class Call(NamedTuple):
    """A tool call; `id` is empty where the dialect has none."""

    id: str
    name: str
    arguments: Any


class Story(NamedTuple):
    """What a reply says, in no dialect; counts are None where it does not tell them."""

    text: str
    thinking: str
    calls: tuple[Call, ...]
    stop: str
    input_tokens: int | None = None
    output_tokens: int | None = None


class Grammar(NamedTuple):
    """How a dialect's stream and whole reply are read; AssertionError where they break a rule."""

    stream: Callable[[bytes], Story]
    whole: Callable[[bytes], Story]


def chat_stream(raw: bytes) -> Story:
    chunks = openai_grammar.chunks_of(raw)
    usage = next((chunk["usage"] for chunk in chunks if chunk.get("usage")), None)
    calls = openai_grammar.calls_of(chunks)
    return Story(
        openai_grammar.text_of(chunks),
        openai_grammar.text_of(chunks, "reasoning"),
        tuple(Call(c["id"], c["name"], arguments_of(c["arguments"])) for c in calls),
        _CHAT_STOPS[openai_grammar.finish_of(chunks)],
        *_counts(usage, "prompt_tokens", "completion_tokens"),
    )


def chat_whole(raw: bytes) -> Story:
    reply = msgspec.json.decode(raw)
    assert reply["object"] == "chat.completion"
    (choice,) = reply["choices"]
    message = choice["message"]
    calls = message.get("tool_calls", [])
    assert all(call["type"] == "function" for call in calls)
    functions = [(call["id"], call["function"]) for call in calls]
    return Story(
        message["content"] or "",
        message.get("reasoning") or "",
        tuple(Call(i, f["name"], arguments_of(f["arguments"])) for i, f in functions),
        _CHAT_STOPS[choice["finish_reason"]],
        *_counts(reply.get("usage"), "prompt_tokens", "completion_tokens"),
    )


def message_stream(raw: bytes) -> Story:
    events = message_grammar.assert_grammar(raw)
    blocks: list[dict[str, Any]] = []
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append({**event["content_block"], "partial_json": ""})
            assert event["content_block"].get("text", "") == ""
            assert event["content_block"].get("input", {}) == {}
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            field = delta["type"].removesuffix("_delta")
            field = "partial_json" if field == "input_json" else field
            assert delta[field]
            blocks[-1][field] += delta[field]
    for block in blocks:
        if block["type"] == "tool_use":
            block["input"] = arguments_of(block["partial_json"])
        else:
            assert any(block.get(field) for field in ("text", "thinking", "signature", "data"))
    return _message(blocks, events[-2]["delta"]["stop_reason"], events[-2]["usage"])


def message_whole(raw: bytes) -> Story:
    reply = msgspec.json.decode(raw)
    assert (reply["type"], reply["role"]) == ("message", "assistant")
    return _message(reply["content"], reply["stop_reason"], reply["usage"])


def responses_stream(raw: bytes) -> Story:
    return _response(responses_grammar.events_of(raw)[-1]["response"])


def responses_whole(raw: bytes) -> Story:
    return _response(msgspec.json.decode(raw))


def ollama_stream(raw: bytes) -> Story:
    """Lines of one model, each an object; the last one alone is done, and says why."""
    assert raw.endswith(b"\n")
    lines = [msgspec.json.decode(line) for line in raw[:-1].split(b"\n")]
    *before, last = lines
    assert len({line["model"] for line in lines}) == 1
    for line in before:
        assert line["done"] is False
        assert set(line) <= _LINE_FIELDS
        message = line["message"]
        assert message["content"] or message.get("thinking") or message.get("tool_calls")
    assert last["done"] is True
    assert set(last) <= _LAST_FIELDS
    assert last["message"]["content"] == ""
    return _lines(lines)


def ollama_whole(raw: bytes) -> Story:
    line = msgspec.json.decode(raw)
    assert line["done"] is True
    return _lines([line])


def converse_stream(raw: bytes) -> Story:
    return _converse(converse_grammar.assert_converse_grammar(raw))


def converse_whole(raw: bytes) -> Story:
    bedrock_vendor.assert_reply_is_of_the_shape(raw)
    return _converse(msgspec.json.decode(raw))


def gemini_stream(raw: bytes) -> Story:
    return _gemini(gemini_grammar.chunks_of(raw))


def gemini_whole(raw: bytes) -> Story:
    reply = msgspec.json.decode(raw)
    gemini_grammar.assert_reply(reply)
    return _gemini([reply])


GRAMMARS = {
    "openai_chat": Grammar(chat_stream, chat_whole),
    "openai_responses": Grammar(responses_stream, responses_whole),
    "anthropic_messages": Grammar(message_stream, message_whole),
    "ollama_chat": Grammar(ollama_stream, ollama_whole),
    "bedrock_converse": Grammar(converse_stream, converse_whole),
    "gemini": Grammar(gemini_stream, gemini_whole),
}


def arguments_of(text: str) -> Any:
    """Return the arguments; a cut call's text as it is."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _message(blocks: list[dict[str, Any]], stop: str, usage: dict[str, Any]) -> Story:
    calls = [block for block in blocks if block["type"] == "tool_use"]
    assert all(call["id"] and isinstance(call["input"], dict) for call in calls)
    read = usage["input_tokens"] + usage["cache_read_input_tokens"]
    return Story(
        "".join(block["text"] for block in blocks if block["type"] == "text"),
        "".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        tuple(Call(call["id"], call["name"], call["input"]) for call in calls),
        _MESSAGE_STOPS[stop],
        read + usage["cache_creation_input_tokens"],
        usage["output_tokens"],
    )


def _converse(reply: dict[str, Any]) -> Story:
    blocks = reply["output"]["message"]["content"]
    calls = [block["toolUse"] for block in blocks if "toolUse" in block]
    thoughts = [block["reasoningContent"] for block in blocks if "reasoningContent" in block]
    said = [thought["reasoningText"]["text"] for thought in thoughts if "reasoningText" in thought]
    usage = reply["usage"]
    read = usage["inputTokens"] + usage.get("cacheReadInputTokens", 0)
    return Story(
        "".join(block["text"] for block in blocks if "text" in block),
        "".join(said),
        tuple(Call(call["toolUseId"], call["name"], call["input"]) for call in calls),
        _CONVERSE_STOPS[reply["stopReason"]],
        read + usage.get("cacheWriteInputTokens", 0),
        usage["outputTokens"],
    )


def _gemini(chunks: list[dict[str, Any]]) -> Story:
    parts = [part for one in chunks for part in one["candidates"][0]["content"]["parts"]]
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    stop = _GEMINI_STOPS[chunks[-1]["candidates"][0]["finishReason"]]
    used = chunks[-1].get("usageMetadata")
    read, said = _counts(used, "promptTokenCount", "candidatesTokenCount")
    thought = (used or {}).get("thoughtsTokenCount", 0)
    return Story(
        "".join(part["text"] for part in parts if "text" in part and not part.get("thought")),
        "".join(part["text"] for part in parts if part.get("thought")),
        tuple(Call(call["id"], call["name"], call["args"]) for call in calls),
        "tool" if calls and stop == "end" else stop,
        read,
        None if said is None else said + thought,
    )


def _response(response: dict[str, Any]) -> Story:
    items = response["output"]
    calls = [item for item in items if item["type"] == "function_call"]
    stop = "tool" if calls else "end"
    if response["status"] == "incomplete":
        reason = response["incomplete_details"]["reason"]
        stop = {"max_output_tokens": "length", "content_filter": "refusal"}[reason]
    return Story(
        _parts(items, "message"),
        _parts(items, "reasoning"),
        tuple(Call(c["call_id"], c["name"], arguments_of(c["arguments"])) for c in calls),
        stop,
        *_counts(response["usage"], "input_tokens", "output_tokens"),
    )


def _parts(items: list[dict[str, Any]], kind: str) -> str:
    return "".join(
        part["text"] for item in items if item["type"] == kind for part in item["content"]
    )


def _lines(lines: list[dict[str, Any]]) -> Story:
    messages = [line["message"] for line in lines]
    assert all(message["role"] == "assistant" for message in messages)
    calls = [call for message in messages for call in message.get("tool_calls", [])]
    assert all(isinstance(call["function"]["arguments"], dict) for call in calls)
    reason = lines[-1]["done_reason"]
    stop = {"stop": "tool" if calls else "end", "length": "length", "refusal": "refusal"}[reason]
    functions = [(call.get("id", ""), call["function"]) for call in calls]
    return Story(
        "".join(message["content"] for message in messages),
        "".join(message.get("thinking", "") for message in messages),
        tuple(Call(i, f["name"], f["arguments"]) for i, f in functions),
        stop,
        *_counts(lines[-1], "prompt_eval_count", "eval_count"),
    )


def _counts(usage: dict[str, Any] | None, read: str, written: str) -> tuple[int | None, int | None]:
    return (None, None) if usage is None else (usage.get(read), usage.get(written))
