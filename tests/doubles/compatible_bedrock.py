"""Bedrock's paths like Anthropic's and like OpenAI's, for the fake: what they take and answer.

What is asked is held against the types of the vendor's library, by name and by form; what is
answered is told to that library first, in the test of the fake itself.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from anthropic.types import MessageParam, TextBlockParam, ToolParam
from anthropic.types.message_create_params import (
    MessageCreateParamsNonStreaming,
    MessageCreateParamsStreaming,
)
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses import ResponseInputParam
from openai.types.responses import ToolParam as ResponseToolParam
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from pydantic import TypeAdapter, ValidationError

from tests.doubles.invoked_claude import KNOWN_BETAS, claude_whole, native_events

MESSAGES = "/anthropic/v1/messages"
CHAT = "/openai/v1/chat/completions"
RESPONSES = "/openai/v1/responses"
PATHS = frozenset({MESSAGES, CHAT, RESPONSES})
WORDS = "Hello from Bedrock, é."
ASKED: dict[str, tuple[Any, Any]] = {
    MESSAGES: (MessageCreateParamsNonStreaming, MessageCreateParamsStreaming),
    CHAT: (CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming),
    RESPONSES: (ResponseCreateParamsNonStreaming, ResponseCreateParamsStreaming),
}
# Lists, one item at a time: in the types of a request they are lazy.
ITEMS: dict[str, dict[str, Any]] = {
    MESSAGES: {"messages": MessageParam, "system": TextBlockParam, "tools": ToolParam},
    CHAT: {"messages": ChatCompletionMessageParam, "tools": ChatCompletionToolParam},
    RESPONSES: {"input": ResponseInputParam, "tools": ResponseToolParam},
}
MAKERS = {MESSAGES: "anthropic.", CHAT: "openai.", RESPONSES: "openai."}
VERSIONS = ("2023-06-01", "2026-10-21")
SAMPLING = {"temperature", "top_p", "top_k"}
USED = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
COUNTED = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 17,
}


def compatible_fault(path: str, headers: dict[str, str], body: dict[str, Any]) -> None:
    """Refuse what the vendor's own types do not have; AssertionError."""
    kind = ASKED[path][bool(body.get("stream"))]
    # WHY: the types are those of the new version, which has no sampling; the old one still does.
    older = SAMPLING if headers.get("anthropic-version") == VERSIONS[0] else set()
    unknown = body.keys() - (kind.__required_keys__ | kind.__optional_keys__ | older)
    assert not unknown, f"no such field: {sorted(unknown)}"
    try:
        TypeAdapter(kind).validate_python(body)
        _items(path, body)
    except ValidationError as error:
        raise AssertionError(str(error)) from None
    assert MAKERS[path] in body["model"], "the model isn't supported on this route"
    foreign = [name for name in headers if name.startswith("x-amzn-bedrock-")]
    assert not foreign, f"belongs to an invocation: {foreign}"
    if path == MESSAGES:
        _terms(headers, body)
    else:
        assert "anthropic-version" not in headers, "a version of somebody else"


def _items(path: str, body: dict[str, Any]) -> None:
    for name, kind in ITEMS[path].items():
        given = body.get(name, [])
        if isinstance(given, str):
            continue
        if kind is ResponseInputParam:
            TypeAdapter(kind).validate_python(given)
            continue
        for one in given:
            TypeAdapter(kind).validate_python(one)


def _terms(headers: dict[str, str], body: dict[str, Any]) -> None:
    version = headers.get("anthropic-version")
    assert version in VERSIONS, "no known version in the head"
    assert not {"anthropic_version", "anthropic_beta"} & body.keys(), "it belongs in the head"
    told = headers.get("anthropic-beta", "")
    assert not told or set(told.split(",")) <= KNOWN_BETAS, "invalid beta flag"


def compatible_error(path: str, status: int, name: str, said: str) -> bytes:
    """Return an error in the form of the interface that was asked."""
    if path == MESSAGES:
        kind = "rate_limit_error" if status == 429 else "invalid_request_error"
        return _json({"type": "error", "error": {"type": kind, "message": said}})
    return _json({"error": {"message": said, "type": name, "param": None, "code": status}})


def compatible_whole(path: str, body: dict[str, Any]) -> bytes:
    """Return a whole reply."""
    if path == MESSAGES:
        return claude_whole(body)
    if path == RESPONSES:
        return _json(_response(body, "completed", _items_of(body)))
    calls = _calls(body)
    message = {"role": "assistant", "content": None if calls else WORDS, "refusal": None}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(calls)}
    return _json({**_head(body, "chat.completion"), "choices": [choice], "usage": USED})


def compatible_stream(path: str, body: dict[str, Any], breaks: str = "") -> Iterator[bytes]:
    """Yield a streamed reply; one that breaks says so in the interface's own form."""
    events = {MESSAGES: _said, CHAT: _chunks, RESPONSES: _happened}[path](body)
    for number, event in enumerate(events):
        yield event
        if breaks and number == 2:
            error = compatible_error(path, 424, breaks, "broken in the middle")
            named = b"" if path == CHAT else b"event: error\n"
            failed = _json({"type": "error", "code": breaks, "message": "broken", "param": None,
                            "sequence_number": 9})  # fmt: skip
            yield named + b"data: " + (failed if path == RESPONSES else error) + b"\n\n"
            return


def _said(body: dict[str, Any]) -> Iterator[bytes]:
    for native in native_events(body):
        plain = {name: value for name, value in native.items() if not name.startswith("amazon-")}
        yield f"event: {native['type']}\n".encode() + b"data: " + _json(plain) + b"\n\n"


def _chunks(body: dict[str, Any]) -> Iterator[bytes]:
    calls = _calls(body)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if calls:
        deltas += [{"tool_calls": [{"index": at, **call}]} for at, call in enumerate(calls)]
    else:
        deltas += [{"content": WORDS[:9]}, {"content": WORDS[9:]}]
    for delta in deltas:
        yield _chunk(body, [{"index": 0, "delta": delta, "finish_reason": None}])
    yield _chunk(body, [{"index": 0, "delta": {}, "finish_reason": _finish(calls)}])
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _chunk(body, [], usage=USED)
    yield b"data: [DONE]\n\n"


def _happened(body: dict[str, Any]) -> Iterator[bytes]:
    number = 0

    def event(kind: str, **fields: Any) -> bytes:
        nonlocal number
        told = _json({"type": kind, "sequence_number": number, **fields})
        number += 1
        return f"event: {kind}\n".encode() + b"data: " + told + b"\n\n"

    yield event("response.created", response=_response(body, "in_progress", []))
    items = _items_of(body)
    for at, item in enumerate(items):
        yield event("response.output_item.added", output_index=at, item=_emptied(item))
        place = {"item_id": item["id"], "output_index": at}
        if item["type"] == "function_call":
            said = item["arguments"]
            yield event("response.function_call_arguments.delta", **place, delta=said)
            yield event(
                "response.function_call_arguments.done", **place, arguments=said, name=item["name"]
            )
        else:
            part, inside = item["content"][0], {**place, "content_index": 0}
            yield event("response.content_part.added", **inside, part={**part, "text": ""})
            yield event("response.output_text.delta", **inside, delta=WORDS, logprobs=[])
            yield event("response.output_text.done", **inside, text=WORDS, logprobs=[])
            yield event("response.content_part.done", **inside, part=part)
        yield event("response.output_item.done", output_index=at, item=item)
    yield event("response.completed", response=_response(body, "completed", items))


def _emptied(item: dict[str, Any]) -> dict[str, Any]:
    empty = {"arguments": ""} if item["type"] == "function_call" else {"content": []}
    return {**item, "status": "in_progress", **empty}


def _items_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    given = body["input"]
    told = isinstance(given, list) and any(
        one.get("type") == "function_call_output" for one in given
    )
    tools = [] if told else body.get("tools", [])
    calls = [
        {"type": "function_call", "id": f"fc_{at}", "call_id": f"call_{at}", "name": tool["name"],
         "arguments": _path(at), "status": "completed"}
        for at, tool in enumerate(tools)
    ]  # fmt: skip
    text = {"type": "output_text", "text": WORDS, "annotations": [], "logprobs": []}
    said = {"type": "message", "id": "msg_0", "role": "assistant", "status": "completed",
            "content": [text]}  # fmt: skip
    return calls or [said]


def _response(body: dict[str, Any], status: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "resp_bdrk_1",
        "object": "response",
        "created_at": 1,
        "model": body["model"],
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": items,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": body.get("tools", []),
        "temperature": 1.0,
        "top_p": 1.0,
        "usage": COUNTED if status == "completed" else None,
    }


def _calls(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a call of every tool, until there is a result."""
    if body["messages"][-1]["role"] == "tool":
        return []
    return [
        {"id": f"call_{at}", "type": "function",
         "function": {"name": tool["function"]["name"], "arguments": _path(at)}}
        for at, tool in enumerate(body.get("tools", []))
    ]  # fmt: skip


def _path(at: int) -> str:
    return _json({"path": f"é-{at}"}).decode()


def _finish(calls: list[dict[str, Any]]) -> str:
    return "tool_calls" if calls else "stop"


def _head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-bdrk-1", "object": kind, "created": 1, "model": body["model"]}


def _chunk(body: dict[str, Any], choices: list[dict[str, Any]], **more: Any) -> bytes:
    head = _head(body, "chat.completion.chunk")
    return b"data: " + _json({**head, "choices": choices, **more}) + b"\n\n"


def _json(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value)
