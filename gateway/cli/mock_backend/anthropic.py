"""The scripted engine as an Anthropic messages server."""

from typing import Any

import msgspec

from gateway.cli.mock_backend.script import Script

PATH = "/v1/messages"
STREAM_TYPE = "text/event-stream; charset=utf-8"
SERVER_ERROR = 500
STOPS = {
    "end": "end_turn",
    "sequence": "stop_sequence",
    "length": "max_tokens",
    "tool": "tool_use",
}


def whole(script: Script) -> bytes:
    """Return a message."""
    content = [{"type": "text", "text": script.cut_call}] if script.is_cut else _blocks(script)
    ending = {"stop_reason": STOPS[script.stop], "stop_sequence": script.sequence}
    body = {**_head(script), "content": content, **ending, "usage": _usage(script)}
    return msgspec.json.encode(body)


def stream(script: Script) -> list[bytes]:
    """Return the events of a streamed message; what came from a cache is told at the end."""
    usage = {"input_tokens": script.input_tokens, "output_tokens": 0}
    ending: dict[str, Any] = {"stop_reason": None, "stop_sequence": None}
    message = {**_head(script), "content": [], **ending, "usage": usage}
    events = [_event("message_start", {"message": message})]
    for index, block in enumerate(_blocks(script)):
        events += _block_events(script, index, block)
    delta = {"stop_reason": STOPS[script.stop], "stop_sequence": script.sequence}
    events.append(_event("message_delta", {"delta": delta, "usage": _usage(script)}))
    return [*events, _event("message_stop", {})]


def error(status: int, message: str) -> bytes:
    """Return an error body."""
    kinds = {429: "rate_limit_error", 503: "overloaded_error", 529: "overloaded_error"}
    kind = kinds.get(status, "invalid_request_error" if status < SERVER_ERROR else "api_error")
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}})


def broken(message: str) -> bytes:
    """Return an error event inside a stream."""
    return b"event: error\ndata: " + error(529, message) + b"\n\n"


def too_long(script: Script) -> bytes:
    """Return the refusal of a prompt that does not fit."""
    return error(400, f"prompt is too long: {script.input_tokens} tokens > 8 maximum")


def _head(script: Script) -> dict[str, Any]:
    return {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": script.model,
    }


def _usage(script: Script) -> dict[str, Any]:
    return {
        "input_tokens": script.input_tokens - script.cached_tokens,
        "output_tokens": len(script.text),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": script.cached_tokens,
    }


def _blocks(script: Script) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if script.does("think"):
        blocks.append({"type": "thinking", "thinking": "Let me think.", "signature": "c2lnbmVk"})
    if script.is_lost_in_thought:
        return blocks
    if script.tool is None:
        return [*blocks, {"type": "text", "text": " ".join(script.text)}]
    name, given = script.tool
    call = {"type": "tool_use", "id": "toolu_scripted_1", "name": name, "input": given}
    return [*blocks, call]


def _block_events(script: Script, index: int, block: dict[str, Any]) -> list[bytes]:
    kind = block["type"]
    if kind == "thinking":
        opened = {**block, "thinking": "", "signature": ""}
        deltas: list[dict[str, Any]] = [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    elif kind == "tool_use":
        opened = {**block, "input": {}}
        text = msgspec.json.encode(block["input"]).decode()
        half = len(text) // 2
        parts = (text[:half],) if script.is_cut else ("", text[:half], text[half:])
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
    else:
        opened = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": word} for word in script.spaced]
    return [
        _event("content_block_start", {"index": index, "content_block": opened}),
        *(_event("content_block_delta", {"index": index, "delta": delta}) for delta in deltas),
        _event("content_block_stop", {"index": index}),
    ]


def _event(kind: str, more: dict[str, Any]) -> bytes:
    body = msgspec.json.encode({"type": kind, **more})
    return b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n"
