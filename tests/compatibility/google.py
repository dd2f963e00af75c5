"""What a client of Google's may say, one feature at a time."""

from typing import Any

Body = dict[str, Any]
PNG = "iVBORw0KGgo="
PDF = "JVBERi0xLjQK"
SCHEMA = {"type": "object", "properties": {"S-key": {"type": "string"}}}
HI = {"role": "user", "parts": [{"text": "S-hello"}]}
CALL = {"functionCall": {"name": "S-tool", "args": {"S-key": "S-value"}}}


def _turns(*turns: Body) -> Body:
    return {"contents": list(turns)}


def _user(*parts: Body) -> Body:
    return {"role": "user", "parts": list(parts)}


def _model(*parts: Body) -> Body:
    return {"role": "model", "parts": list(parts)}


def _answer(**response: str) -> Body:
    return _user({"functionResponse": {"name": "S-tool", "response": response}})


def _blob(media_type: str, data: str) -> Body:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _config(**said: Any) -> Body:
    return {"generationConfig": said}


def _tools(mode: str = "AUTO", *names: str) -> Body:
    config = {"mode": mode, **({"allowedFunctionNames": list(names)} if names else {})}
    tool = {"name": "S-tool", "description": "S-does", "parametersJsonSchema": SCHEMA}
    return {
        "tools": [{"functionDeclarations": [tool]}],
        "toolConfig": {"functionCallingConfig": config},
    }


LEAST: Body = {"contents": [HI]}
FEATURES: dict[str, tuple[Body, tuple[str, ...]]] = {
    "text": ({}, ("S-hello",)),
    "system": ({"systemInstruction": {"parts": [{"text": "S-sys"}]}}, ("S-sys",)),
    "tools": (_tools(), ("S-tool", "S-does", "S-key")),
    "named tool": (_tools("ANY", "S-tool"), ("S-tool",)),
    "calls as declared": (_tools("VALIDATED"), ("S-tool",)),
    "tool history": (
        _turns(HI, _model(CALL), _answer(output="S-result")),
        ("S-tool", "S-value", "S-result"),
    ),
    "failed tool": (_turns(HI, _model(CALL), _answer(error="S-result")), ("S-result",)),
    "structured output": (
        _config(responseMimeType="application/json", responseJsonSchema=SCHEMA),
        ("S-key",),
    ),
    "image": (_turns(_user({"text": "S-hello"}, _blob("image/png", PNG))), (PNG,)),
    "document": (_turns(_user({"text": "S-hello"}, _blob("application/pdf", PDF))), (PDF,)),
    "thinking": (_config(thinkingConfig={"thinkingBudget": 2048}, maxOutputTokens=4000), ()),
    "signed call": (
        _turns(
            HI,
            _model({**CALL, "thoughtSignature": "Uy1zaWduZWQ="}),
            _answer(output="S-result"),
        ),
        ("S-result",),
    ),
    "temperature": (_config(temperature=0.625), ("0.625",)),
    "stop": (_config(stopSequences=["S-stop"]), ("S-stop",)),
    "seed": (_config(seed=70071), ("70071",)),
    "top_k": (_config(topK=37), ("37",)),
    "length": (_config(maxOutputTokens=321), ("321",)),
    "several candidates": (_config(candidateCount=2), ()),
    "safety": ({"safetySettings": [{"category": "HARM_CATEGORY_HATE_SPEECH"}]}, ()),
    "who asks": ({"labels": {"a": "S-meta"}}, ()),
}
