"""The scripted engine as an OpenAI chat server."""

from typing import Any

import msgspec

from gateway.cli.mock_backend.script import Script

PATH = "/v1/chat/completions"
STREAM_TYPE = "text/event-stream; charset=utf-8"
SERVER_ERROR = 500
STOPS = {"end": "stop", "sequence": "stop", "length": "length", "tool": "tool_calls"}
ERRORS = {404: "NotFoundError", 503: "Service Unavailable"}
THOUGHT = "Let me think."
THOUGHT_TOKENS = 3


def whole(script: Script) -> bytes:
    """Return a chat completion."""
    choices = [_choice(script, index) for index in range(script.choices)]
    return _json({**_head(script, "chat.completion"), "choices": choices, "usage": _usage(script)})


def stream(script: Script) -> list[bytes]:
    """Return the events of a streamed completion; several choices take turns."""
    deltas = _deltas(script)
    turns = [(delta, index) for delta in deltas[:-1] for index in range(script.choices)]
    events = [_chunk(script, [_part(delta, index)]) for delta, index in turns]
    for index in range(script.choices):
        last = {**_part(deltas[-1], index), "finish_reason": _finish(script)}
        events.append(_chunk(script, [{**last, "stop_reason": script.sequence}]))
    if script.usage_in_stream:
        events.append(_chunk(script, [], usage=_usage(script)))
    return [*events, b"data: [DONE]\n\n"]


def error(status: int, message: str) -> bytes:
    """Return an error body."""
    other = "BadRequestError" if status < SERVER_ERROR else "InternalServerError"
    kind = ERRORS.get(status, other)
    return _json({"error": {"message": message, "type": kind, "param": None, "code": status}})


def broken(message: str) -> bytes:
    """Return an error event inside a stream, and the end mark that follows it."""
    return b"data: " + error(500, message) + b"\n\ndata: [DONE]\n\n"


def too_long(script: Script) -> bytes:
    """Return the refusal of a prompt that does not fit."""
    text = (
        "This model's maximum context length is 8 tokens. However, your prompt contains at least "
        f"{script.input_tokens} input tokens. Please reduce the length of the input messages."
    )
    body = {"message": text, "type": "BadRequestError", "param": "input_tokens", "code": 400}
    return _json({"error": body})


def _choice(script: Script, index: int) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": script.cut_call if script.is_cut else " ".join(script.text),
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
        "reasoning": THOUGHT if script.does("think") else None,
    }
    if script.tool is not None and not script.is_cut:
        name, given = script.tool
        function = {"name": name, "arguments": msgspec.json.encode(given).decode()}
        call = {"id": "call_scripted_1", "type": "function", "function": function}
        message |= {"content": "", "tool_calls": [call]}
    if script.is_lost_in_thought:
        message["content"] = None
    ending = {"finish_reason": _finish(script), "stop_reason": script.sequence}
    return {"index": index, "message": message, "logprobs": None, **ending}


def _deltas(script: Script) -> list[dict[str, Any]]:
    """Return what each chunk of a choice adds; the last one comes with the reason to stop."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if script.does("think"):
        deltas.append({"reasoning": THOUGHT})
    if script.is_lost_in_thought:
        return deltas
    if script.tool is not None:
        return [*deltas, *_call(script), {}]
    deltas += [{"content": word} for word in script.spaced]
    return deltas if script.stop == "length" else [*deltas, {"content": ""}]


def _call(script: Script) -> list[dict[str, Any]]:
    name, given = script.tool or ("", {})
    opened = {"id": "call_scripted_1", "type": "function", "index": 0, "function": {"name": name}}
    text = msgspec.json.encode(given).decode()
    half = len(text) // 2
    parts = (text[:half],) if script.is_cut else (text[:half], text[half:])
    calls = [opened, *({"index": 0, "function": {"arguments": part}} for part in parts)]
    return [{"content": None, "tool_calls": [call]} for call in calls]


def _part(delta: dict[str, Any], index: int) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}


def _finish(script: Script) -> str:
    # WHY: vLLM gives the reason `stop` for a call that the request had named.
    return "stop" if script.stop == "tool" and script.is_named else STOPS[script.stop]


def _head(script: Script, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-scripted", "object": kind, "created": 1, "model": script.model}


def _chunk(script: Script, choices: list[dict[str, Any]], **more: dict[str, Any]) -> bytes:
    body = {**_head(script, "chat.completion.chunk"), "choices": choices, **more}
    return b"data: " + _json(body) + b"\n\n"


def _usage(script: Script) -> dict[str, Any]:
    thought = {"reasoning_tokens": THOUGHT_TOKENS} if script.does("think") else None
    made = len(script.text) * script.choices + (THOUGHT_TOKENS if thought else 0)
    usage: dict[str, Any] = {
        "prompt_tokens": script.input_tokens,
        "total_tokens": script.input_tokens + made,
        "completion_tokens": made,
        "prompt_tokens_details": {"cached_tokens": script.cached_tokens},
    }
    if thought or not script.stream:
        usage["completion_tokens_details"] = thought
    return usage


def _json(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value)
