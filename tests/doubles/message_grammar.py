"""The event grammar of a Messages stream, as strict as the strictest client."""

from typing import Any

import msgspec

OPENS = {"text", "thinking", "tool_use", "redacted_thinking"}
CHANGES = {
    "text": {"text_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
    "redacted_thinking": set(),
}


def events_of(raw: bytes) -> list[dict[str, Any]]:
    """Cut a stream by hand: every event has a name, one data line and a blank line."""
    assert raw.endswith(b"\n\n")
    events = []
    for lump in raw[:-2].split(b"\n\n"):
        name, data = lump.split(b"\n")
        assert name.startswith(b"event: ")
        assert data.startswith(b"data: ")
        event = msgspec.json.decode(data[6:])
        assert event["type"] == name[7:].decode()
        events.append(event)
    return events


def assert_grammar(raw: bytes, *, ended: bool = True) -> list[dict[str, Any]]:
    """message_start, blocks one after the other, message_delta, message_stop; nothing else."""
    events = events_of(raw)
    assert events[0]["type"] == "message_start"
    assert events[0]["message"]["content"] == []
    assert isinstance(events[0]["message"]["usage"]["input_tokens"], int)
    body = events[1:-2] if ended else events[1:]
    open_kind = None
    index = -1
    for event in body:
        if event["type"] == "content_block_start":
            assert open_kind is None
            index += 1
            open_kind = event["content_block"]["type"]
            assert open_kind in OPENS
        else:
            assert event["type"] in {"content_block_delta", "content_block_stop"}
            assert open_kind is not None
        assert event["index"] == index
        if event["type"] == "content_block_delta":
            assert event["delta"]["type"] in CHANGES[open_kind]
        elif event["type"] == "content_block_stop":
            open_kind = None
    if ended:
        assert open_kind is None
        assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
        assert events[-2]["delta"]["stop_reason"]
        assert isinstance(events[-2]["usage"]["output_tokens"], int)
    return events
