"""Ollama's native chat, as a client asks and as a server answers."""

from typing import Any

import msgspec

from gateway.dialects.ollama_chat import OLLAMA_CHAT
from tests.doubles.dialect_row import CALL_ID, PNG, SCHEMA, Row
from tests.doubles.vendor_readers import ollama_sends, ollama_stream, ollama_whole

OLLAMA_ASKS = {
    "model": "code",
    "messages": [
        {"role": "system", "content": "S-system"},
        {"role": "user", "content": "S-user", "images": [PNG]},
        {
            "role": "assistant",
            "content": "S-text",
            "thinking": "S-thought",
            "tool_calls": [
                {
                    "function": {"name": "S-tool", "arguments": {"S-key": "S-argument"}},
                    "id": CALL_ID,
                }
            ],
        },
        {"role": "tool", "tool_name": "S-tool", "content": "S-answer"},
        {"role": "user", "content": "S-last"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "S-tool", "description": "S-does", "parameters": SCHEMA},
        }
    ],
    "format": {"type": "object", "title": "S-schema"},
    "think": "high",
    "options": {"num_predict": 4321, "stop": ["S-stop"], "seed": 7},
    "stream": False,
}


def _line(message: dict[str, Any], **last: Any) -> dict[str, Any]:
    head = {"model": "engine", "created_at": "2026-11-27T07:00:00Z"}
    return {**head, "message": {"role": "assistant", **message}, "done": bool(last), **last}


OLLAMA_CALL = {"function": {"name": "S-tool", "arguments": {"S-key": "S-argument"}}, "id": CALL_ID}
OLLAMA_END = {"done_reason": "stop", "prompt_eval_count": 13, "eval_count": 9}
OLLAMA_LINES = [
    _line({"content": "", "thinking": "S-thought"}),
    _line({"content": "S-text"}),
    _line({"content": "", "tool_calls": [OLLAMA_CALL]}),
    _line({"content": ""}, **OLLAMA_END),
]


def _sent_alike(body: dict[str, Any]) -> None:
    """Ollama's own client, given the same, would send the same messages, empty words left out."""
    said = [{k: v for k, v in message.items() if v != ""} for message in body["messages"]]
    assert ollama_sends(body)["messages"] == said


OLLAMA = Row(
    OLLAMA_CHAT,
    OLLAMA_ASKS,
    b"".join(msgspec.json.encode(line) + b"\n" for line in OLLAMA_LINES),
    msgspec.json.encode(
        _line(
            {"content": "S-text", "thinking": "S-thought", "tool_calls": [OLLAMA_CALL]},
            **OLLAMA_END,
        )
    ),
    _sent_alike,
    ollama_stream,
    ollama_whole,
)
