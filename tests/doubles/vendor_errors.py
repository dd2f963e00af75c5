"""What each vendor's own client raises for a response: its bytes never crossed a network."""

from collections.abc import Callable
from typing import Any

import anthropic
import httpx
import httpx2
import ollama
import openai
from botocore.parsers import EventStreamJSONParser, create_parser
from google import genai
from google.genai import errors, types
from msgspec import Struct

from tests.doubles.bedrock_vendor import operation
from tests.doubles.event_frames import as_botocore_reads
from tests.doubles.raw_http import Heard
from tests.doubles.sdk_errors import MESSAGES, Replay

_REPLAY = Replay()
_OPENAI = openai.OpenAI(
    base_url="http://gateway.test/v1",
    api_key="unused",
    max_retries=0,
    http_client=httpx2.Client(transport=_REPLAY),
)
_ANTHROPIC = anthropic.Anthropic(
    base_url="http://gateway.test",
    api_key="unused",
    max_retries=0,
    http_client=httpx2.Client(transport=_REPLAY),
)


class Told(Struct, frozen=True):
    """The error that a client raises: its class or the vendor's name of it, and its words.

    `retry_after` is the wait as the client would read it; empty where nothing is said.
    """

    kind: str
    said: str
    status: int
    retry_after: str = ""


def _of_sdk(ask: Callable[[], Any], heard: Heard) -> Told:
    _REPLAY.heard = heard
    try:
        found = ask()
        for _ in found if hasattr(found, "__iter__") else ():
            pass
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        wait = error.response.headers.get("retry-after", "")
        return Told(type(error).__name__, str(error), error.status_code, wait)
    except openai.APIError as error:
        return Told(type(error).__name__, str(error), 0)
    raise AssertionError("the client saw no error")


def openai_chat(heard: Heard) -> Told:
    return _of_sdk(lambda: _OPENAI.chat.completions.create(model="m", messages=MESSAGES), heard)


def openai_chat_broken(heard: Heard) -> Told:
    asks: dict[str, Any] = {"model": "m", "messages": MESSAGES, "stream": True}
    return _of_sdk(lambda: _OPENAI.chat.completions.create(**asks), heard)


def openai_completions(heard: Heard) -> Told:
    return _of_sdk(lambda: _OPENAI.completions.create(model="m", prompt="x"), heard)


def openai_completions_broken(heard: Heard) -> Told:
    return _of_sdk(lambda: _OPENAI.completions.create(model="m", prompt="x", stream=True), heard)


def openai_embeddings(heard: Heard) -> Told:
    return _of_sdk(lambda: _OPENAI.embeddings.create(model="m", input="x"), heard)


def openai_responses(heard: Heard) -> Told:
    return _of_sdk(lambda: _OPENAI.responses.create(model="m", input="x"), heard)


def openai_responses_broken(heard: Heard) -> Told:
    """Return the last event: the client raises for `error` and hands out `response.failed`."""
    _REPLAY.heard = heard
    try:
        events = list(_OPENAI.responses.create(model="m", input="x", stream=True))
    except openai.APIError as error:
        return Told(type(error).__name__, str(error), 0)
    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    return Told(last.type, last.response.error.message, 0)


def openai_input_tokens(heard: Heard) -> Told:
    return _of_sdk(lambda: _OPENAI.responses.input_tokens.count(model="m", input="x"), heard)


def anthropic_messages(heard: Heard) -> Told:
    asks: dict[str, Any] = {"model": "m", "max_tokens": 1, "messages": MESSAGES}
    return _of_sdk(lambda: _ANTHROPIC.messages.create(**asks), heard)


def anthropic_broken(heard: Heard) -> Told:
    asks: dict[str, Any] = {"model": "m", "max_tokens": 1, "messages": MESSAGES, "stream": True}
    return _of_sdk(lambda: _ANTHROPIC.messages.create(**asks), heard)


def anthropic_count(heard: Heard) -> Told:
    asks: dict[str, Any] = {"model": "m", "messages": MESSAGES}
    return _of_sdk(lambda: _ANTHROPIC.messages.count_tokens(**asks), heard)


def gemini(heard: Heard) -> Told:
    return _of_google(heard, lambda client: client.models.generate_content)


def gemini_broken(heard: Heard) -> Told:
    return _of_google(heard, lambda client: client.models.generate_content_stream)


def _of_google(heard: Heard, call: Callable[[genai.Client], Any]) -> Told:
    options = types.HttpOptions(base_url="http://gateway.test", httpx_client=_plain(heard))
    with genai.Client(api_key="none", http_options=options) as client:
        try:
            found = call(client)(model="m", contents="x")
            for _ in found if hasattr(found, "__next__") else ():
                pass
        except errors.APIError as error:
            wait = heard.headers.get("retry-after", "")
            name = f"{type(error).__name__} {error.status}"
            return Told(name, error.message or "", error.code, wait)
    raise AssertionError("the client saw no error")


def bedrock(name: str) -> Callable[[Heard], Told]:
    """Return what botocore reads; the name must be one that the operation may raise."""

    def told(heard: Heard) -> Told:
        reply = {"status_code": heard.status, "headers": heard.headers, "body": heard.body}
        found = create_parser("rest-json").parse(reply, operation(name).output_shape)
        return _of_aws(name, found["Error"], heard.status, heard)

    return told


def bedrock_broken(name: str, member: str) -> Callable[[Heard], Told]:
    """Return what botocore reads at the end of a stream."""

    def told(heard: Heard) -> Told:
        shape = operation(name).output_shape.members[member]
        last = as_botocore_reads([heard.body])[-1].to_response_dict()
        assert last["headers"][":exception-type"] in shape.members
        found = EventStreamJSONParser().parse(last, shape)
        return Told(found["Error"]["Code"], found["Error"]["Message"], 0)

    return told


def _of_aws(name: str, error: dict[str, Any], status: int, heard: Heard) -> Told:
    known = {shape.name for shape in operation(name).error_shapes}
    assert error["Code"] in known, (error, sorted(known))
    return Told(error["Code"], error["Message"], status, heard.headers.get("retry-after", ""))


def ollama_chat(heard: Heard) -> Told:
    return _of_ollama(heard, lambda client: client.chat("m", MESSAGES))


def ollama_broken(heard: Heard) -> Told:
    return _of_ollama(heard, lambda client: client.chat("m", MESSAGES, stream=True))


def ollama_generate(heard: Heard) -> Told:
    return _of_ollama(heard, lambda client: client.generate("m", "x"))


def ollama_generate_broken(heard: Heard) -> Told:
    return _of_ollama(heard, lambda client: client.generate("m", "x", stream=True))


def ollama_embed(heard: Heard) -> Told:
    return _of_ollama(heard, lambda client: client.embed("m", "x"))


def _of_ollama(heard: Heard, ask: Callable[[ollama.Client], Any]) -> Told:
    transport = httpx.MockTransport(lambda _request: _response(heard))
    client = ollama.Client(host="http://gateway.test", transport=transport)
    try:
        found = ask(client)
        for _ in found if hasattr(found, "__next__") else ():
            pass
    except ollama.ResponseError as error:
        wait = heard.headers.get("retry-after", "")
        return Told(type(error).__name__, error.error, error.status_code, wait)
    raise AssertionError("the client saw no error")


def _plain(heard: Heard) -> httpx.Client:
    transport = httpx.MockTransport(lambda _request: _response(heard))
    return httpx.Client(transport=transport, trust_env=False)


def _response(heard: Heard) -> httpx.Response:
    return httpx.Response(heard.status, headers=heard.headers, content=heard.body)
