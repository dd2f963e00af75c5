"""Errors as each vendor writes them, and who reads those that we write: the vendor's own client."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct, field

from tests.doubles import vendor_errors as vendors
from tests.doubles.dialect_row import sse
from tests.doubles.event_frames import event, fault
from tests.doubles.raw_http import Heard
from tests.doubles.vendor_errors import Told

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}


class Fault(Struct, frozen=True):
    """An engine's error, alone and after the beginning of a stream; each says `S-said`."""

    status: int
    whole: bytes
    stream: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: JSON)


class Client(Struct, frozen=True):
    """What the vendor's client raises for an error; `broken` is None where nothing streams."""

    told: Callable[[Heard], Told]
    broken: Callable[[Heard], Told] | None = None
    stream: dict[str, str] = field(default_factory=lambda: SSE)


def _json(**fields: Any) -> bytes:
    return msgspec.json.encode(fields)


_OPENAI = {
    "message": "S-said",
    "type": "rate_limit_error",
    "param": None,
    "code": "rate_limit_exceeded",
}
_CHUNK = {
    "id": "c-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "engine",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "S-text"}}],
}
_RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "engine",
    "status": "in_progress",
    "output": [],
}
_FAILED = {
    **_RESPONSE,
    "status": "failed",
    "error": {"code": "rate_limit_exceeded", "message": "S-said"},
}
_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "engine",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 0},
}
_ANTHROPIC = {"type": "error", "error": {"type": "overloaded_error", "message": "S-said"}}
_GOOGLE = {"error": {"code": 429, "message": "S-said", "status": "RESOURCE_EXHAUSTED"}}
_PIECE = {"candidates": [{"content": {"role": "model", "parts": [{"text": "S-text"}]}, "index": 0}]}
_LINE = {
    "model": "engine",
    "created_at": "2026-11-27T07:00:00Z",
    "message": {"role": "assistant", "content": "S-text"},
    "done": False,
}

FAULTS = {
    "openai_chat": Fault(429, _json(error=_OPENAI), sse(_CHUNK, {"error": _OPENAI})),
    "openai_responses": Fault(
        429,
        _json(error=_OPENAI),
        sse(
            {"type": "response.created", "sequence_number": 0, "response": _RESPONSE},
            {"type": "response.failed", "sequence_number": 1, "response": _FAILED},
            named=True,
        ),
    ),
    "anthropic_messages": Fault(
        529,
        msgspec.json.encode(_ANTHROPIC),
        sse({"type": "message_start", "message": _MESSAGE}, _ANTHROPIC, named=True),
    ),
    "ollama_chat": Fault(
        503, _json(error="S-said"), _json(**_LINE) + b"\n" + _json(error="S-said") + b"\n"
    ),
    "bedrock_converse": Fault(
        429,
        _json(message="S-said"),
        event("messageStart", role="assistant")
        + event("contentBlockDelta", contentBlockIndex=0, delta={"text": "S-text"})
        + fault("throttlingException", "S-said"),
        {**JSON, "x-amzn-errortype": "ThrottlingException"},
    ),
    "gemini": Fault(429, msgspec.json.encode(_GOOGLE), sse(_PIECE, _GOOGLE)),
}

_PIECE_OF_TEXT = {
    "id": "c-1",
    "object": "text_completion",
    "created": 1,
    "model": "engine",
    "choices": [{"index": 0, "text": "S-text", "logprobs": None, "finish_reason": None}],
}
_GENERATED = {
    "model": "engine",
    "created_at": "2026-11-27T07:00:00Z",
    "response": "S-text",
    "done": False,
}
_LIMITED = FAULTS["openai_chat"].whole
_SAID = FAULTS["ollama_chat"].whole
_THROTTLED = FAULTS["bedrock_converse"]
_BUSY = FAULTS["anthropic_messages"].whole
FAULTS |= {
    "openai_completions": Fault(429, _LIMITED, sse(_PIECE_OF_TEXT, {"error": _OPENAI})),
    "openai_embeddings": Fault(429, _LIMITED),
    "openai_input_tokens": Fault(429, _LIMITED),
    "ollama_generate": Fault(503, _SAID, _json(**_GENERATED) + b"\n" + _SAID + b"\n"),
    "ollama_embed": Fault(503, _SAID),
    "anthropic_count": Fault(529, _BUSY),
    "anthropic_vertex": Fault(529, _BUSY),
    "anthropic_vertex_count": Fault(529, _BUSY),
    "bedrock_invoke": Fault(429, _THROTTLED.whole, headers=_THROTTLED.headers),
    "bedrock_count": Fault(429, _THROTTLED.whole, headers=_THROTTLED.headers),
    "gemini_array": Fault(429, FAULTS["gemini"].whole),
    "gemini_count": Fault(429, FAULTS["gemini"].whole),
}

_CONVERSED = vendors.bedrock_broken("ConverseStream", "stream")
_INVOKED = vendors.bedrock_broken("InvokeModelWithResponseStream", "body")
CLIENTS = {
    "openai_chat": Client(vendors.openai_chat, vendors.openai_chat_broken),
    "openai_responses": Client(vendors.openai_responses, vendors.openai_responses_broken),
    "openai_input_tokens": Client(vendors.openai_input_tokens),
    "openai_completions": Client(vendors.openai_completions, vendors.openai_completions_broken),
    "openai_embeddings": Client(vendors.openai_embeddings),
    "anthropic_messages": Client(vendors.anthropic_messages, vendors.anthropic_broken),
    "anthropic_vertex": Client(vendors.anthropic_messages, vendors.anthropic_broken),
    "anthropic_count": Client(vendors.anthropic_count),
    "anthropic_vertex_count": Client(vendors.anthropic_count),
    "ollama_chat": Client(vendors.ollama_chat, vendors.ollama_broken),
    "ollama_generate": Client(vendors.ollama_generate, vendors.ollama_generate_broken),
    "ollama_embed": Client(vendors.ollama_embed),
    "bedrock_converse": Client(vendors.bedrock("Converse"), _CONVERSED),
    "bedrock_invoke": Client(vendors.bedrock("InvokeModel"), _INVOKED),
    "bedrock_count": Client(vendors.bedrock("CountTokens")),
    "gemini": Client(vendors.gemini, vendors.gemini_broken),
    # The array is cut by a Reframe, and read whole: test_gemini_answer holds its end.
    "gemini_array": Client(vendors.gemini),
    "gemini_count": Client(vendors.gemini),
}
