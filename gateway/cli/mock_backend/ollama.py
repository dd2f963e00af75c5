"""The scripted engine as an Ollama server."""

from typing import Any

import msgspec

from gateway.cli.mock_backend.script import Script

PATH = "/api/chat"
STREAM_TYPE = "application/x-ndjson"
DIGEST = "sha256:" + "5c" * 32
MADE_AT = "2026-01-01T00:00:00Z"
STOPS = {"end": "stop", "sequence": "stop", "length": "length", "tool": "stop"}


def whole(script: Script) -> bytes:
    """Return a chat reply."""
    return _json({**_head(script), "message": _message(script), **_end(script)})


def stream(script: Script) -> list[bytes]:
    """Return the lines of a streamed reply."""
    parts: list[dict[str, Any]] = []
    if script.does("think"):
        parts.append({"content": "", "thinking": "Let me think."})
    if script.tool is None:
        parts += [{"content": word} for word in _words(script)]
    else:
        parts.append({"content": "", "tool_calls": [_call(script)]})
    lines = [
        {**_head(script), "message": {"role": "assistant", **part}, "done": False} for part in parts
    ]
    last = {**_head(script), "message": {"role": "assistant", "content": ""}, **_end(script)}
    return [_json(line) + b"\n" for line in (*lines, last)]


def error(_status: int, message: str) -> bytes:
    """Return an error body."""
    return _json({"error": message})


def broken(message: str) -> bytes:
    """Return an error line inside a stream."""
    return _json({"error": message}) + b"\n"


def too_long(script: Script) -> bytes:
    """Return the refusal of a prompt that does not fit."""
    return error(400, f"the prompt of {script.input_tokens} tokens exceeds the context length")


def show(*, remote: bool) -> bytes:
    """Return what /api/show says of the model."""
    body: dict[str, Any] = {
        "details": {"family": "scripted", "parameter_size": "1B", "quantization_level": "F16"},
        "model_info": {"general.architecture": "scripted", "scripted.context_length": 32768},
        "capabilities": ["completion", "tools", "thinking"],
        "modified_at": MADE_AT,
    }
    if remote:
        body |= {"remote_host": "https://ollama.example:443", "remote_model": "big"}
    return _json(body)


def tags(models: list[str]) -> bytes:
    """Return the list of models."""
    listed = [
        {"name": name, "model": name, "digest": DIGEST, "size": 1, "modified_at": MADE_AT}
        for name in models
    ]
    return _json({"models": listed})


def _head(script: Script) -> dict[str, Any]:
    head: dict[str, Any] = {"model": script.model, "created_at": MADE_AT}
    if script.does("remote"):
        head |= {"remote_host": "https://ollama.example:443", "remote_model": "big"}
    return head


def _message(script: Script) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(_words(script))}
    if script.does("think"):
        message["thinking"] = "Let me think."
    if script.tool is not None:
        message |= {"content": "", "tool_calls": [_call(script)]}
    return message


def _words(script: Script) -> tuple[str, ...]:
    return () if script.is_lost_in_thought else script.spaced


def _call(script: Script) -> dict[str, Any]:
    name, given = script.tool or ("", {})
    return {"function": {"index": 0, "name": name, "arguments": given}}


def _end(script: Script) -> dict[str, Any]:
    return {
        "done": True,
        "done_reason": STOPS[script.stop],
        "total_duration": 5,
        "load_duration": 1,
        "prompt_eval_count": script.input_tokens,
        "prompt_eval_duration": 2,
        "eval_count": len(script.text),
        "eval_duration": 2,
    }


def _json(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value)
