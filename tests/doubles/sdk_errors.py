"""What the official clients make of a response: its bytes are given to their own parsers."""

import anthropic
import httpx2
import openai

from tests.doubles.raw_http import Heard

MESSAGES = [{"role": "user", "content": "hello"}]


class Replay(httpx2.BaseTransport):
    """Answers every request with the response that was heard."""

    def __init__(self) -> None:
        self.heard = Heard(500, {}, b"")

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        heard = self.heard
        return httpx2.Response(heard.status, headers=heard.headers, content=heard.body)


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


def openai_error(heard: Heard) -> openai.APIStatusError:
    """Return the exception that the OpenAI client raises for that response."""
    _REPLAY.heard = heard
    try:
        _OPENAI.chat.completions.create(model="m", messages=MESSAGES)
    except openai.APIStatusError as error:
        return error
    raise AssertionError("the client saw no error")


def anthropic_error(heard: Heard) -> anthropic.APIStatusError:
    """Return the exception that the Anthropic client raises for that response."""
    _REPLAY.heard = heard
    try:
        _ANTHROPIC.messages.create(model="m", max_tokens=1, messages=MESSAGES)
    except anthropic.APIStatusError as error:
        return error
    raise AssertionError("the client saw no error")
