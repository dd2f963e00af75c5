"""Amazon Bedrock's Converse, as a client asks and as the service answers."""

from typing import Any

import msgspec

from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from tests.doubles.bedrock_vendor import (
    assert_events_are_of_the_shape,
    assert_reply_is_of_the_shape,
    params_of,
)
from tests.doubles.dialect_row import CALL_ID, PDF, PNG, SCHEMA, Row
from tests.doubles.fake_bedrock import event

MODEL = "anthropic.claude-opus-4-5-20251101-v1:0"
SIGNATURE = "S-signature"
MARK = {"cachePoint": {"type": "default"}}
ANSWER = {"name": "S-form", "schema": '{"type":"object","title":"S-schema"}'}

CONVERSE_ASKS: dict[str, Any] = {
    "system": [{"text": "S-system"}, MARK],
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "S-user"},
                {"image": {"format": "png", "source": {"bytes": PNG}}},
                {"document": {"format": "pdf", "name": "S-file", "source": {"bytes": PDF}}},
                MARK,
            ],
        },
        {
            "role": "assistant",
            "content": [
                {
                    "reasoningContent": {
                        "reasoningText": {"text": "S-thought", "signature": SIGNATURE}
                    }
                },
                {"text": "S-text"},
                {
                    "toolUse": {
                        "toolUseId": CALL_ID,
                        "name": "S-tool",
                        "input": {"S-key": "S-argument"},
                    }
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": CALL_ID,
                        "content": [
                            {"text": "S-answer"},
                            {"image": {"format": "png", "source": {"bytes": PNG}}},
                        ],
                        "status": "error",
                    }
                },
                {"text": "S-last"},
            ],
        },
    ],
    "toolConfig": {
        "tools": [
            {
                "toolSpec": {
                    "name": "S-tool",
                    "description": "S-does",
                    "inputSchema": {"json": SCHEMA},
                    "strict": True,
                }
            }
        ],
        "toolChoice": {"auto": {}},
    },
    "inferenceConfig": {"maxTokens": 4321, "stopSequences": ["S-stop"]},
    "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": ANSWER}}},
}
USAGE = {"inputTokens": 9, "outputTokens": 9, "totalTokens": 22, "cacheReadInputTokens": 4}
BLOCKS: list[dict[str, Any]] = [
    {"reasoningContent": {"reasoningText": {"text": "S-thought", "signature": SIGNATURE}}},
    {"text": "S-text"},
    {"toolUse": {"toolUseId": CALL_ID, "name": "S-tool", "input": {"S-key": "S-argument"}}},
]
REPLY = {
    "output": {"message": {"role": "assistant", "content": BLOCKS}},
    "stopReason": "tool_use",
    "usage": USAGE,
    "metrics": {"latencyMs": 1},
}


def _frames(name: str = "S-tool") -> list[bytes]:
    start = {"toolUse": {"toolUseId": CALL_ID, "name": name}}
    deltas: list[list[dict[str, Any]]] = [
        [
            {"reasoningContent": {"text": "S-thought"}},
            {"reasoningContent": {"signature": SIGNATURE}},
        ],
        [{"text": "S-text"}],
        [{"toolUse": {"input": ""}}, {"toolUse": {"input": '{"S-key":"S-argument"}'}}],
    ]
    frames = [event("messageStart", role="assistant")]
    for at, changes in enumerate(deltas):
        if at == 2:
            frames.append(event("contentBlockStart", contentBlockIndex=at, start=start))
        frames += [event("contentBlockDelta", contentBlockIndex=at, delta=d) for d in changes]
        frames.append(event("contentBlockStop", contentBlockIndex=at))
    frames.append(event("messageStop", stopReason="tool_use"))
    frames.append(event("metadata", usage=USAGE, metrics={"latencyMs": 1}))
    return frames


CONVERSE = Row(
    BEDROCK_CONVERSE,
    CONVERSE_ASKS,
    b"".join(_frames()),
    msgspec.json.encode(REPLY),
    lambda body: params_of(body, MODEL),
    assert_events_are_of_the_shape,
    assert_reply_is_of_the_shape,
    signs=SIGNATURE.encode(),
    calls=lambda _raw, name: b"".join(_frames(name)),
)
