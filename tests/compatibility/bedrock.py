"""What a client of Bedrock may say, one feature at a time."""

from typing import Any

Body = dict[str, Any]
PNG = "iVBORw0KGgo="
PDF = "JVBERi0xLjQK"
SCHEMA = {"type": "object", "properties": {"S-key": {"type": "string"}}}


def said(*blocks: Body, role: str = "user") -> Body:
    return {"role": role, "content": list(blocks)}


HI = said({"text": "S-hello"})
CALL = {"toolUse": {"toolUseId": "tooluse_1", "name": "S-tool", "input": {"S-key": "S-value"}}}
TOOL = {"toolSpec": {"name": "S-tool", "description": "S-does", "inputSchema": {"json": SCHEMA}}}
CONFIG = {"tools": [TOOL]}
POINT = {"cachePoint": {"type": "default"}}
IMAGE = {"image": {"format": "png", "source": {"bytes": PNG}}}
DOCUMENT = {"document": {"format": "pdf", "name": "S-name", "source": {"bytes": PDF}}}
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "S-thought", "signature": "S-signed"}}}
FORMAT = {
    "type": "json_schema",
    "structure": {"jsonSchema": {"name": "answer", "schema": '{"S-key":{}}'}},
}


def _history(*inner: Body, first: tuple[Body, ...] = (), **more: Any) -> Body:
    answer = {"toolUseId": "tooluse_1", "content": list(inner), **more}
    turns = [HI, said(*first, CALL, role="assistant"), said({"toolResult": answer})]
    return {"messages": turns, "toolConfig": CONFIG}


LEAST: Body = {"messages": [HI]}
CHANGES: dict[str, tuple[Body, tuple[str, ...]]] = {
    "text": ({}, ("S-hello",)),
    "system": ({"system": [{"text": "S-sys"}]}, ("S-sys",)),
    "cache marks": ({"system": [{"text": "S-sys"}, POINT]}, ("S-sys",)),
    "tools": ({"toolConfig": CONFIG}, ("S-tool", "S-does", "S-key")),
    "named tool": (
        {"toolConfig": {**CONFIG, "toolChoice": {"tool": {"name": "S-tool"}}}},
        ("S-tool",),
    ),
    "tool history": (_history({"text": "S-result"}), ("S-tool", "S-value", "S-result")),
    "failed tool": (_history({"text": "S-result"}, status="error"), ("S-result",)),
    "JSON from a tool": (_history({"json": {"S-found": 1}}), ("S-found",)),
    "image from a tool": (_history(IMAGE), (PNG,)),
    "structured output": ({"outputConfig": {"textFormat": FORMAT}}, ("S-key",)),
    "image": ({"messages": [said({"text": "S-hello"}, IMAGE)]}, (PNG,)),
    "document": ({"messages": [said({"text": "S-hello"}, DOCUMENT)]}, (PDF,)),
    "thinking": (
        {
            "additionalModelRequestFields": {
                "thinking": {"type": "enabled", "budget_tokens": 2048}
            },
            "inferenceConfig": {"maxTokens": 4000},
        },
        (),
    ),
    "thinking replayed": (_history({"text": "S-result"}, first=(THOUGHT,)), ("S-signed",)),
    "temperature": ({"inferenceConfig": {"temperature": 0.625}}, ("0.625",)),
    "stop": ({"inferenceConfig": {"stopSequences": ["S-stop"]}}, ("S-stop",)),
    "top_k": ({"additionalModelRequestFields": {"top_k": 37}}, ("37",)),
    "length": ({"inferenceConfig": {"maxTokens": 321}}, ("321",)),
    "a field of the model": ({"additionalModelRequestFields": {"other": 1}}, ()),
    "guardrail": ({"guardrailConfig": {"guardrailIdentifier": "g"}}, ()),
    "who asks": ({"requestMetadata": {"a": "S-meta"}}, ()),
}
