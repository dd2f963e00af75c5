"""OpenAI responses, as a client asks and as an engine answers."""

from typing import Any

import msgspec
from openai.types.responses.response_create_params import ResponseCreateParams
from pydantic import TypeAdapter

from gateway.dialects.openai_responses import OPENAI_RESPONSES
from tests.doubles import responses_grammar
from tests.doubles.dialect_row import CALL_ID, PDF, PNG, SCHEMA, Row, sse

RESPONSES_ASKS = {
    "model": "code",
    "instructions": "S-system",
    "input": [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "S-user"},
                {
                    "type": "input_image",
                    "image_url": f"data:image/png;base64,{PNG}",
                    "detail": "auto",
                },
                {
                    "type": "input_file",
                    "filename": "S-file",
                    "file_data": f"data:application/pdf;base64,{PDF}",
                },
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "S-thought"}],
            "encrypted_content": "S-sealed",
        },
        {"type": "message", "role": "assistant", "content": "S-text"},
        {
            "type": "function_call",
            "call_id": CALL_ID,
            "name": "S-tool",
            "arguments": '{"S-key":"S-argument"}',
        },
        {
            "type": "function_call_output",
            "call_id": CALL_ID,
            "output": [
                {"type": "input_text", "text": "S-answer"},
                {
                    "type": "input_image",
                    "image_url": f"data:image/png;base64,{PNG}",
                    "detail": "auto",
                },
            ],
        },
        {"type": "message", "role": "user", "content": "S-last"},
    ],
    "tools": [
        {
            "type": "function",
            "name": "S-tool",
            "description": "S-does",
            "parameters": SCHEMA,
            "strict": True,
        }
    ],
    "text": {
        "format": {
            "type": "json_schema",
            "name": "S-form",
            "schema": {"type": "object", "title": "S-schema"},
            "strict": True,
        }
    },
    "max_output_tokens": 4321,
    "reasoning": {"effort": "xhigh"},
    "tool_choice": {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "S-tool"}],
    },
    "store": False,
}
RESPONSES_USAGE = {
    "input_tokens": 13,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 22,
}
RESPONSES_ITEMS: list[dict[str, Any]] = [
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "S-thought"}],
    },
    {
        "type": "message",
        "id": "msg_1",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "S-text", "annotations": []}],
    },
    {
        "type": "function_call",
        "id": "fc_1",
        "status": "completed",
        "call_id": CALL_ID,
        "name": "S-tool",
        "arguments": '{"S-key":"S-argument"}',
    },
]
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "engine",
    "status": "completed",
    "output": RESPONSES_ITEMS,
    "usage": RESPONSES_USAGE,
    "error": None,
    "incomplete_details": None,
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}


def _happened(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **fields}


def _response_events() -> list[dict[str, Any]]:
    begun = {**RESPONSE, "status": "in_progress", "output": [], "usage": None}
    events = [_happened("created", response=begun), _happened("in_progress", response=begun)]
    deltas = {
        "reasoning": ("reasoning_text.delta", "S-thought"),
        "message": ("output_text.delta", "S-text"),
        "function_call": ("function_call_arguments.delta", '{"S-key":"S-argument"}'),
    }
    for at, item in enumerate(RESPONSES_ITEMS):
        name, said = deltas[item["type"]]
        opened = {**item, "content": [], "arguments": "", "status": "in_progress"}
        events.append(_happened("output_item.added", output_index=at, item=opened))
        where = {"output_index": at, "item_id": item["id"], "content_index": 0}
        if item["type"] != "function_call":
            part = {**item["content"][0], "text": ""}
            events.append(_happened("content_part.added", **where, part=part))
        events.append(_happened(name, **where, delta=said))
        events.append(_happened("output_item.done", output_index=at, item=item))
    events.append(_happened("completed", response=RESPONSE))
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


RESPONSES = Row(
    OPENAI_RESPONSES,
    RESPONSES_ASKS,
    sse(*_response_events(), named=True),
    msgspec.json.encode(RESPONSE),
    TypeAdapter(ResponseCreateParams).validate_python,
    responses_grammar.streamed,
    responses_grammar.whole,
)
