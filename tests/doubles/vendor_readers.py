"""The vendors' own clients, reading bytes that never crossed a network."""

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import httpx2
import msgspec
import ollama

ASKED = [{"role": "user", "content": "hello"}]


def anthropic_stream(raw: bytes) -> anthropic.types.Message:
    """Return what the SDK accumulates from a stream, validated."""
    with (
        _anthropic(200, raw, "text/event-stream") as client,
        client.messages.stream(model="m", max_tokens=9, messages=ASKED) as stream,
    ):
        final = stream.get_final_message()
    return anthropic.types.Message.model_validate(final.to_dict())


def anthropic_whole(raw: bytes) -> anthropic.types.Message:
    """Return the message, validated."""
    return anthropic.types.Message.model_validate_json(raw, strict=True)


def anthropic_error(status: int, raw: bytes) -> anthropic.APIStatusError:
    """Return the error that the SDK raises."""
    with _anthropic(status, raw, "application/json") as client:
        try:
            client.messages.create(model="m", max_tokens=9, messages=ASKED)
        except anthropic.APIStatusError as error:
            return error
    raise AssertionError("the SDK took an error for a message")


def ollama_stream(raw: bytes) -> list[ollama.ChatResponse]:
    """Return the lines as the client yields them; ollama.ResponseError for an error line."""
    return list(_ollama(200, raw).chat("m", ASKED, stream=True))


def ollama_whole(raw: bytes, status: int = 200) -> ollama.ChatResponse:
    """Return the reply as the client reads it."""
    return _ollama(status, raw).chat("m", ASKED)


def ollama_sends(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body that the client itself would send for that conversation."""
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(msgspec.json.decode(request.content))
        return httpx.Response(200, json={"message": {"role": "assistant"}, "done": True})

    client = ollama.Client(
        "http://engine.invalid", transport=httpx.MockTransport(answer), trust_env=False
    )
    known = ("model", "messages", "tools", "format", "options", "think")
    client.chat(**{name: body[name] for name in known if name in body})
    return sent[0]


def chunks(raw: bytes, size: int) -> Iterator[bytes]:
    """Cut bytes into pieces of that size."""
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


def _anthropic(status: int, raw: bytes, content_type: str) -> anthropic.Anthropic:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=raw, headers={"content-type": content_type})

    return anthropic.Anthropic(
        api_key="none",
        base_url="http://engine.invalid",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer), trust_env=False),
    )


def _ollama(status: int, raw: bytes) -> ollama.Client:
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, content=raw))
    return ollama.Client("http://engine.invalid", transport=transport, trust_env=False)
