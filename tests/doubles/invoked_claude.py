"""Claude behind Bedrock's InvokeModel, for the fake: what it takes and what it answers."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.doubles.event_frames import event, fault

KNOWN = {
    "anthropic_beta",
    "anthropic_version",
    "max_tokens",
    "messages",
    "metadata",
    "stop_sequences",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
}
KNOWN_BETAS = {"interleaved-thinking-2025-05-14", "tool-search-tool-2025-10-19"}
USAGE = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 5,
}


def claude_fault(name: str, headers: dict[str, str], body: dict[str, Any]) -> None:
    """Refuse, as the real one does, what it does not know; AssertionError."""
    assert body.keys() <= KNOWN, f"extraneous keys {sorted(body.keys() - KNOWN)}"
    assert body["anthropic_version"] in ("bedrock-2023-05-31", "2026-10-21"), "unknown version"
    assert set(body.get("anthropic_beta", [])) <= KNOWN_BETAS, "invalid beta flag"
    assert body["max_tokens"] >= 1, "max_tokens"
    assert "anthropic-beta" not in headers, "a beta in the head means nothing here"
    accepts = "x-amzn-bedrock-accept" if name == "invoke-with-response-stream" else "accept"
    assert headers.get(accepts) == "application/json", "what is accepted is not said"
    record = msgspec.json.decode(headers["x-amzn-bedrock-request-metadata"], type=dict[str, str])
    assert list(record) == ["perimeter-record"], "the record is not named"


def _blocks(body: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    last = body["messages"][-1]["content"]
    answered = isinstance(last, list) and any(block["type"] == "tool_result" for block in last)
    tools = [] if answered else body.get("tools", [])
    calls = [
        {"type": "tool_use", "id": f"toolu_{at}", "name": tool["name"],
         "input": {"path": f"é-{at}"}}
        for at, tool in enumerate(tools)
    ]  # fmt: skip
    if calls:
        return [{"type": "text", "text": "I will call."}, *calls], "tool_use"
    return [{"type": "text", "text": "Hello from Bedrock, é."}], "end_turn"


def _message(**fields: Any) -> dict[str, Any]:
    message = {"id": "msg_bdrk_1", "type": "message", "role": "assistant",
               "model": "claude-opus-5-5", "content": [], "stop_reason": None,
               "stop_sequence": None, "usage": USAGE}  # fmt: skip
    return {**message, **fields}


def claude_whole(body: dict[str, Any]) -> bytes:
    blocks, stop = _blocks(body)
    return msgspec.json.encode(_message(content=blocks, stop_reason=stop))


def native_events(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the events of Messages that such a stream carries."""
    blocks, stop = _blocks(body)
    yield {"type": "message_start", "message": _message()}
    for at, block in enumerate(blocks):
        call = block["type"] == "tool_use"
        empty = {**block, "input": {}} if call else {"type": "text", "text": ""}
        yield {"type": "content_block_start", "index": at, "content_block": empty}
        said = msgspec.json.encode(block["input"]).decode() if call else block["text"]
        for cut in range(0, len(said), 6):
            piece = said[cut : cut + 6]
            delta = (
                {"type": "input_json_delta", "partial_json": piece}
                if call
                else {"type": "text_delta", "text": piece}
            )
            yield {"type": "content_block_delta", "index": at, "delta": delta}
        yield {"type": "content_block_stop", "index": at}
    yield {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None},
           "usage": {"output_tokens": 5}}  # fmt: skip
    metrics = {"inputTokenCount": 12, "outputTokenCount": 5, "invocationLatency": 9,
               "firstByteLatency": 3}  # fmt: skip
    yield {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}


def chunk(native: dict[str, Any]) -> bytes:
    return event("chunk", bytes=b64encode(msgspec.json.encode(native)).decode(), p="abcdef")


def claude_stream(body: dict[str, Any], breaks_with: str = "") -> Iterator[bytes]:
    for native in native_events(body):
        yield chunk(native)
        if breaks_with and native["type"] == "content_block_stop":
            yield fault(breaks_with, "broken in the middle")
            return
