"""OpenAI chat completions, as a client asks and as a host of them answers."""

from typing import Any

import msgspec
import openai
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat.completion_create_params import CompletionCreateParams
from pydantic import TypeAdapter

from gateway.dialects.openai_chat import OPENAI_CHAT
from tests.doubles.dialect_row import BOUND, CALL_ID, PDF, PNG, SCHEMA, Row, sse

CHAT_ASKS = {
    "model": "code",
    "messages": [
        {"role": "system", "content": "S-system"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "S-user", "cache_control": {"type": "ephemeral"}},
                {
                    "type": "image_url",
                    "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "auto"},
                },
                {
                    "type": "file",
                    "file": {
                        "filename": "S-file",
                        "file_data": f"data:application/pdf;base64,{PDF}",
                    },
                },
            ],
        },
        {
            "role": "assistant",
            "content": "S-text",
            "reasoning_content": "S-thought",
            "tool_calls": [
                {
                    "id": CALL_ID,
                    "type": "function",
                    "function": {"name": "S-tool", "arguments": '{"S-key":"S-argument"}'},
                    "extra_content": {"google": {"thought_signature": BOUND}},
                },
                {
                    "id": "functions.S-two:1",
                    "type": "function",
                    "function": {"name": "mcp.S-two/tool", "arguments": ""},
                },
            ],
        },
        {"role": "tool", "tool_call_id": CALL_ID, "content": "S-answer"},
        {"role": "tool", "tool_call_id": "functions.S-two:1", "content": "S-second"},
        {"role": "user", "content": "S-last"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "S-tool",
                "description": "S-does",
                "parameters": SCHEMA,
                "strict": True,
            },
        }
    ],
    "tool_choice": "auto",
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "S-form",
            "schema": {
                "type": "object",
                "title": "S-schema",
                "properties": {"S-when": {"oneOf": [{"type": "string", "format": "date"}]}},
            },
        },
    },
    "max_completion_tokens": 4321,
    "reasoning_effort": "medium",
    "stop": ["S-stop"],
}


def _chat(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "engine"}
    return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


CHAT_CALL = {
    "index": 0,
    "id": CALL_ID,
    "type": "function",
    "function": {"name": "S-tool", "arguments": '{"S-key":'},
    "extra_content": {"google": {"thought_signature": BOUND}},
}
CHAT_USAGE = {
    "prompt_tokens": 13,
    "completion_tokens": 9,
    "total_tokens": 22,
    "prompt_tokens_details": {"cached_tokens": 4},
}
CHAT_MESSAGE = {
    "role": "assistant",
    "content": "S-text",
    "reasoning_content": "S-thought",
    "tool_calls": [
        {**CHAT_CALL, "function": {"name": "S-tool", "arguments": '{"S-key":"S-argument"}'}}
    ],
}


def openai_stream(raw: bytes) -> openai.types.chat.ChatCompletion:
    """Return what OpenAI's own accumulator makes of a stream."""
    state = ChatCompletionStreamState()
    lumps = [lump.removeprefix(b"data: ") for lump in raw.strip().split(b"\n\n")]
    assert lumps.pop() == b"[DONE]"
    for lump in lumps:
        state.handle_chunk(openai.types.chat.ChatCompletionChunk.model_validate_json(lump))
    return state.get_final_completion()


CHAT = Row(
    OPENAI_CHAT,
    CHAT_ASKS,
    sse(
        _chat({"role": "assistant", "content": ""}),
        _chat({"reasoning_content": "S-thought", "tool_calls": []}),
        _chat({"content": "S-text"}),
        _chat({"tool_calls": [CHAT_CALL]}),
        _chat({"tool_calls": [{"index": 0, "function": {"arguments": '"S-argument"}'}}]}, "stop"),
        {**_chat({}), "choices": [], "usage": CHAT_USAGE},
        end=b"data: [DONE]\n\n",
    ),
    msgspec.json.encode(
        {
            **_chat({}),
            "object": "chat.completion",
            "choices": [{"index": 0, "message": CHAT_MESSAGE, "finish_reason": "tool_calls"}],
            "usage": CHAT_USAGE,
        }
    ),
    TypeAdapter(CompletionCreateParams).validate_python,
    openai_stream,
    openai.types.chat.ChatCompletion.model_validate_json,
    signs=BOUND.encode(),
)
