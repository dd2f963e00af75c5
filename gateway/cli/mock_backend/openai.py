"""The scripted engine as an OpenAI chat server."""

from typing import Any

import msgspec

from gateway.cli.mock_backend.script import Script

PATH = "/v1/chat/completions"
STREAM_TYPE = "text/event-stream; charset=utf-8"
SERVER_ERROR = 500
STOPS = {"end": "stop", "length": "length", "tool": "tool_calls"}


def whole(script: Script) -> bytes:
    """Return a chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": " ".join(script.text)}
    if script.does("think"):
        message["reasoning"] = "Let me think."
    if script.tool is not None:
        message["content"] = None
        message["tool_calls"] = [_call(script, arguments=True)]
    choice = {"index": 0, "message": message, "finish_reason": STOPS[script.stop]}
    return _json({**_head(script, "chat.completion"), "choices": [choice], "usage": _usage(script)})


def stream(script: Script) -> list[bytes]:
    """Return the events of a streamed completion."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if script.does("think"):
        deltas.append({"reasoning": "Let me think."})
    if script.tool is None:
        deltas += [
            {"content": word if n == 0 else f" {word}"} for n, word in enumerate(script.text)
        ]
    else:
        deltas.append({"tool_calls": [_call(script, arguments=False)]})
        fragments = msgspec.json.encode(script.tool[1]).decode()
        half = len(fragments) // 2
        deltas += [
            {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}
            for part in (fragments[:half], fragments[half:])
        ]
    events = [_chunk(script, [{"index": 0, "delta": d, "finish_reason": None}]) for d in deltas]
    events.append(_chunk(script, [{"index": 0, "delta": {}, "finish_reason": STOPS[script.stop]}]))
    if script.usage_in_stream:
        events.append(_chunk(script, [], usage=_usage(script)))
    return [*events, b"data: [DONE]\n\n"]


def error(status: int, message: str) -> bytes:
    """Return an error body."""
    kind = "BadRequestError" if status < SERVER_ERROR else "InternalServerError"
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


def _call(script: Script, *, arguments: bool) -> dict[str, Any]:
    name, given = script.tool or ("", {})
    text = msgspec.json.encode(given).decode() if arguments else ""
    return {
        "index": 0,
        "id": "call_scripted_1",
        "type": "function",
        "function": {"name": name, "arguments": text},
    }


def _head(script: Script, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-scripted", "object": kind, "created": 1, "model": script.model}


def _chunk(script: Script, choices: list[dict[str, Any]], **more: dict[str, int]) -> bytes:
    body = {**_head(script, "chat.completion.chunk"), "choices": choices, **more}
    return b"data: " + _json(body) + b"\n\n"


def _usage(script: Script) -> dict[str, int]:
    made = len(script.text)
    total = script.input_tokens + made
    return {
        "prompt_tokens": script.input_tokens,
        "completion_tokens": made,
        "total_tokens": total,
    }


def _json(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value)
