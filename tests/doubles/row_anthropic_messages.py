"""Anthropic's Messages, as a client asks and as an engine answers."""

from typing import Any

import msgspec
from anthropic.types.message_create_params import MessageCreateParams
from pydantic import TypeAdapter

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from tests.doubles.dialect_row import CALL_ID, PDF, PNG, SCHEMA, Row, sse
from tests.doubles.vendor_readers import anthropic_stream, anthropic_whole

MESSAGES_ASKS = {
    "model": "code",
    "max_tokens": 4321,
    "system": [
        {"type": "text", "text": "S-system", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "S-user", "cache_control": {"type": "ephemeral"}},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                },
                {
                    "type": "document",
                    "title": "S-file",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "S-thought", "signature": "S-signature"},
                {"type": "redacted_thinking", "data": "S-sealed"},
                {"type": "text", "text": "S-text"},
                {
                    "type": "tool_use",
                    "id": CALL_ID,
                    "name": "S-tool",
                    "input": {"S-key": "S-argument"},
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": CALL_ID,
                    "is_error": True,
                    "content": [
                        {"type": "text", "text": "S-answer"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                        },
                    ],
                },
                {"type": "text", "text": "S-last"},
            ],
        },
    ],
    "tools": [
        {
            "name": "S-tool",
            "description": "S-does",
            "input_schema": SCHEMA,
            "strict": True,
            "cache_control": {"type": "ephemeral"},
        }
    ],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 2048},
    "output_config": {
        "format": {"type": "json_schema", "schema": {"type": "object", "title": "S-schema"}}
    },
    "stop_sequences": ["S-stop"],
}
MESSAGES_USAGE = {
    "input_tokens": 9,
    "cache_read_input_tokens": 4,
    "cache_creation_input_tokens": 0,
    "output_tokens": 9,
}
MESSAGES_BLOCKS: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "S-thought", "signature": "S-signature"},
    {"type": "text", "text": "S-text"},
    {"type": "tool_use", "id": CALL_ID, "name": "S-tool", "input": {"S-key": "S-argument"}},
]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "engine",
    "content": MESSAGES_BLOCKS,
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": MESSAGES_USAGE,
}


def _message_events() -> list[dict[str, Any]]:
    begun = {**MESSAGE, "content": [], "stop_reason": None}
    empty = [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "text", "text": ""},
        {**MESSAGES_BLOCKS[2], "input": {}},
    ]
    deltas: list[list[dict[str, Any]]] = [
        [
            {"type": "thinking_delta", "thinking": "S-thought"},
            {"type": "signature_delta", "signature": "S-signature"},
        ],
        [{"type": "text_delta", "text": "S-text"}],
        [
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"S-key":"S-argument"}'},
        ],
    ]
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    for at, block in enumerate(empty):
        events.append({"type": "content_block_start", "index": at, "content_block": block})
        changes = [{"type": "content_block_delta", "index": at, "delta": d} for d in deltas[at]]
        events += [*changes, {"type": "content_block_stop", "index": at}]
    delta = {"stop_reason": "tool_use", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": MESSAGES_USAGE})
    return [*events, {"type": "message_stop"}]


MESSAGES = Row(
    ANTHROPIC_MESSAGES,
    MESSAGES_ASKS,
    sse(*_message_events(), named=True),
    msgspec.json.encode(MESSAGE),
    TypeAdapter(MessageCreateParams).validate_python,
    anthropic_stream,
    anthropic_whole,
    signs=b"S-signature",
)
