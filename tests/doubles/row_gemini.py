"""Google's Gemini, as a client asks and as the service answers."""

from typing import Any

import msgspec

from gateway.dialects.gemini import GEMINI
from tests.doubles.dialect_row import BOUND, CALL_ID, PDF, PNG, SCHEMA, Row, sse
from tests.doubles.google_client import assert_google_takes, google_stream, google_whole

CALL = {"id": CALL_ID, "name": "S-tool", "args": {"S-key": "S-argument"}}
GEMINI_ASKS: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "S-system"}]},
    "contents": [
        {
            "role": "user",
            "parts": [
                {"text": "S-user"},
                {"inlineData": {"mimeType": "image/png", "data": PNG}},
                {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
            ],
        },
        {
            "role": "model",
            "parts": [
                {"text": "S-thought", "thought": True},
                {"text": "S-text"},
                {"functionCall": CALL, "thoughtSignature": BOUND},
            ],
        },
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "id": CALL_ID,
                        "name": "S-tool",
                        "response": {"error": "S-answer"},
                        "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}],
                    }
                },
                {"text": "S-last"},
            ],
        },
    ],
    "tools": [
        {
            "functionDeclarations": [
                {"name": "S-tool", "description": "S-does", "parametersJsonSchema": SCHEMA}
            ]
        }
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
    "generationConfig": {
        "maxOutputTokens": 4321,
        "stopSequences": ["S-stop"],
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "title": "S-schema"},
        "thinkingConfig": {"thinkingBudget": 2048},
    },
}
PARTS: list[dict[str, Any]] = [
    {"text": "S-thought", "thought": True},
    {"text": "S-text"},
    {"functionCall": CALL, "thoughtSignature": BOUND},
]
USAGE = {
    "promptTokenCount": 13,
    "cachedContentTokenCount": 4,
    "candidatesTokenCount": 6,
    "thoughtsTokenCount": 3,
    "totalTokenCount": 22,
}


def _chunk(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}
    return {"candidates": [candidate], "modelVersion": "engine", "responseId": "r-1"}


GEMINI_ROW = Row(
    GEMINI,
    GEMINI_ASKS,
    sse(
        *(_chunk(part) for part in PARTS),
        {**_chunk({"text": ""}, finishReason="STOP"), "usageMetadata": USAGE},
    ),
    msgspec.json.encode({**_chunk(*PARTS, finishReason="STOP"), "usageMetadata": USAGE}),
    assert_google_takes,
    google_stream,
    google_whole,
)
