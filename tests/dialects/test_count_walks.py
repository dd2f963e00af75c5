"""From every dialect that counts to every other and back: what is counted is what was said."""

from collections.abc import Callable
from itertools import product
from typing import Any

import msgspec
import pytest
from anthropic.types import MessageCountTokensParams, MessageTokensCount
from openai.types.responses import InputTokenCountResponse
from openai.types.responses.input_token_count_params import InputTokenCountParams
from pydantic import TypeAdapter

from gateway.dialects import DIALECTS
from gateway.domain.event import Used
from gateway.domain.money import Tokens
from gateway.domain.request import Operation
from tests.doubles.bedrock_vendor import assert_reply_is_of_the_shape, params_of, serialized
from tests.doubles.fleets import an_offering
from tests.doubles.google_client import assert_google_takes, google_count

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
MODEL = "anthropic.claude-opus-5"
OFFERING = an_offering("m", "engine", "eu", wire_model=MODEL)
COUNTING = sorted(n for n, one in DIALECTS.items() if one.operation is Operation.COUNT)
SAID = ("S-system", "S-words", "S-tool", "S-key")
SCHEMA = {"type": "object", "properties": {"S-key": {"type": "string"}}}
MESSAGES = {
    "model": "m",
    "system": "S-system",
    "messages": [{"role": "user", "content": "S-words"}],
    "tools": [{"name": "S-tool", "input_schema": SCHEMA}],
}
ASKED: dict[str, dict[str, Any]] = {
    "anthropic_count": MESSAGES,
    "anthropic_vertex_count": {**MESSAGES, "anthropic_version": "vertex-2023-10-16"},
    "openai_input_tokens": {
        "model": "m",
        "instructions": "S-system",
        "input": "S-words",
        "tools": [{"type": "function", "name": "S-tool", "parameters": SCHEMA}],
    },
    "bedrock_count": {
        "input": {
            "converse": {
                "system": [{"text": "S-system"}],
                "messages": [{"role": "user", "content": [{"text": "S-words"}]}],
                "toolConfig": {
                    "tools": [{"toolSpec": {"name": "S-tool", "inputSchema": {"json": SCHEMA}}}]
                },
            }
        }
    },
    "gemini_count": {
        "generateContentRequest": {
            "model": "models/m",
            "systemInstruction": {"parts": [{"text": "S-system"}]},
            "contents": [{"role": "user", "parts": [{"text": "S-words"}]}],
            "tools": [
                {"functionDeclarations": [{"name": "S-tool", "parametersJsonSchema": SCHEMA}]}
            ],
        }
    },
}
REPLIES = {
    "anthropic_count": b'{"input_tokens":41}',
    "anthropic_vertex_count": b'{"input_tokens":41}',
    "openai_input_tokens": b'{"object":"response.input_tokens","input_tokens":41}',
    "bedrock_count": b'{"inputTokens":41}',
    "gemini_count": b'{"totalTokens":41}',
}


def _anthropic(raw: bytes) -> int:
    return MessageTokensCount.model_validate_json(raw, strict=True).input_tokens


def _openai(raw: bytes) -> int:
    return InputTokenCountResponse.model_validate_json(raw, strict=True).input_tokens


def _bedrock(raw: bytes) -> int:
    assert_reply_is_of_the_shape(raw, "CountTokens")
    return int(msgspec.json.decode(raw)["inputTokens"])


CLIENTS: dict[str, Callable[[bytes], int]] = {
    "anthropic_count": _anthropic,
    "anthropic_vertex_count": _anthropic,
    "openai_input_tokens": _openai,
    "bedrock_count": _bedrock,
    "gemini_count": google_count,
}


def _vendor_takes(engine: str, body: dict[str, Any]) -> None:
    """Let the vendor's own types or serializer take what its engine is sent."""
    if engine == "bedrock_count":
        assert serialized(params_of(body, MODEL, "CountTokens"), "CountTokens")[1] == body
    elif engine == "openai_input_tokens":
        TypeAdapter(InputTokenCountParams).validate_python(body)
    elif engine == "gemini_count":
        assert_google_takes(body)
    else:
        TypeAdapter(MessageCountTokensParams).validate_python(body)


def test_every_dialect_that_counts_is_walked() -> None:
    assert sorted(ASKED) == sorted(REPLIES) == sorted(CLIENTS) == COUNTING


@pytest.mark.parametrize(("client", "engine"), list(product(COUNTING, COUNTING)))
def test_all_that_was_said_is_counted_and_the_number_comes_back(client: str, engine: str) -> None:
    source, target = DIALECTS[client], DIALECTS[engine]
    source.peek(ASKED[client])
    matter, unread = source.read(ASKED[client])
    written, unsaid = target.write(matter, OFFERING, False)
    sent = msgspec.json.encode(written).decode()
    assert [word for word in SAID if word not in sent] == []
    assert (unread, unsaid) == ((), ())
    _vendor_takes(engine, written)
    events = target.read_reply(REPLIES[engine])
    assert events == (Used(Tokens(41)),)
    assert CLIENTS[client](source.write_reply(events, "S-asked", RECORD)) == 41
