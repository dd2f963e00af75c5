"""Google's own client and types, reading bytes that never crossed a network."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec
from google import genai
from google.genai import errors, types

MODEL = "m"


def google_whole(raw: bytes) -> types.GenerateContentResponse:
    """Return the reply as the client gives it, after its types took all of it."""
    types.GenerateContentResponse.model_validate_json(raw)
    with _client(200, raw, "application/json") as client:
        return client.models.generate_content(model=MODEL, contents="hello")


def google_stream(raw: bytes) -> list[types.GenerateContentResponse]:
    """Return the chunks as the client gives them, after its types took all of each."""
    for lump in filter(None, raw.replace(b"\r\n", b"\n").split(b"\n\n")):
        types.GenerateContentResponse.model_validate_json(lump.removeprefix(b"data: "))
    with _client(200, raw, "text/event-stream") as client:
        return list(client.models.generate_content_stream(model=MODEL, contents="hello"))


def google_chat(raw: bytes) -> list[types.Content]:
    """Return the history that the client's chat keeps of a valid reply."""
    with _client(200, raw, "text/event-stream") as client:
        chat = client.chats.create(model=MODEL)
        list(chat.send_message_stream("hello"))
        return chat.get_history(curated=True)


def google_error(status: int, raw: bytes, *, stream: bool = False) -> errors.APIError:
    """Return the error that the client raises."""
    kind = "text/event-stream" if stream else "application/json"
    with _client(status, raw, kind) as client:
        try:
            if stream:
                list(client.models.generate_content_stream(model=MODEL, contents="hello"))
            else:
                client.models.generate_content(model=MODEL, contents="hello")
        except errors.APIError as error:
            return error
    raise AssertionError("the client took an error for a reply")


def google_count(raw: bytes) -> int:
    """Return the count as the client reads it."""
    with _client(200, raw, "application/json") as client:
        found = client.models.count_tokens(model=MODEL, contents="hello").total_tokens
    assert found is not None
    return found


def google_sends(ask: Callable[[genai.Client], Any]) -> dict[str, Any]:
    """Return the body of the first request that the client makes."""
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(msgspec.json.decode(request.content))
        return httpx.Response(200, json={"candidates": [], "totalTokens": 1})

    with _over(answer) as client:
        ask(client)
    return sent[0]


def assert_google_takes(body: dict[str, Any]) -> None:
    """Every field of a request is one that the vendor's types know, down to its leaves."""
    known = {
        "contents": list[types.Content],
        "systemInstruction": types.Content,
        "tools": list[types.Tool],
        "toolConfig": types.ToolConfig,
        "generationConfig": types.GenerationConfig,
        "safetySettings": list[types.SafetySetting],
        "labels": dict[str, str],
    }
    for name, value in body.items():
        shape: Any = known[name]
        if name in ("contents", "tools", "safetySettings"):
            for one in value:
                shape.__args__[0].model_validate(one)
        elif name != "labels":
            shape.model_validate(value)


@contextmanager
def _client(status: int, raw: bytes, content_type: str) -> Iterator[genai.Client]:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=raw, headers={"content-type": content_type})

    with _over(answer) as client:
        yield client


@contextmanager
def _over(answer: Callable[[httpx.Request], httpx.Response]) -> Iterator[genai.Client]:
    transport = httpx.Client(transport=httpx.MockTransport(answer), trust_env=False)
    options = types.HttpOptions(base_url="http://engine.invalid", httpx_client=transport)
    with genai.Client(api_key="none", http_options=options) as client:
        yield client
