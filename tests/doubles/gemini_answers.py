"""What Gemini answers at Vertex, each piece accepted by the vendor's own types."""

from collections.abc import Iterator
from typing import Any

import msgspec
from google.genai import types

from tests.doubles.google_client import assert_google_takes

USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 5, "totalTokenCount": 17}
SIGNATURE = "Uy1zaWduYXR1cmU="


def assert_asked_as_google_documents(path: str, body: dict[str, Any]) -> None:
    """The path says model and stream, and the body neither; every field is one of the vendor's."""
    method = path.rpartition(":")[2]
    assert method in ("generateContent", "streamGenerateContent?alt=sse", "countTokens")
    assert_google_takes(body)


def reply(model: str, said: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return a whole reply: the words, or a signed call of the first tool that is offered."""
    tools = [one for tool in body.get("tools", []) for one in tool["functionDeclarations"]]
    answered = any("functionResponse" in part for part in body["contents"][-1]["parts"])
    part: dict[str, Any] = {"text": said}
    if tools and not answered:
        part = {"functionCall": {"name": tools[0]["name"], "args": {"path": "S-path"}}}
        part["thoughtSignature"] = SIGNATURE
    return _checked(model, [part], finishReason="STOP")


def pieces(model: str, said: str, body: dict[str, Any]) -> Iterator[bytes]:
    """Return the same as a stream, as Vertex cuts it: the reason to stop comes last and alone."""
    parts = reply(model, said, body)["candidates"][0]["content"]["parts"]
    for part in parts:
        yield _event(_checked(model, [part]))
    yield _event(_checked(model, [{"text": ""}], finishReason="STOP"))


def _checked(model: str, parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": parts}, **more}
    said = {
        "candidates": [candidate],
        "usageMetadata": USAGE,
        "modelVersion": model,
        "responseId": "r-1",
    }
    types.GenerateContentResponse.model_validate(said)
    return said


def _event(said: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(said) + b"\r\n\r\n"
