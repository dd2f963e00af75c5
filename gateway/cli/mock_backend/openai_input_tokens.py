"""The scripted engine as a counter of tokens of OpenAI's form."""

import msgspec

from gateway.cli.mock_backend.openai import broken, error, too_long
from gateway.cli.mock_backend.script import Script

PATH = "/v1/responses/input_tokens"
STREAM_TYPE = "application/json"


def whole(script: Script) -> bytes:
    """Return the count."""
    count = {"object": "response.input_tokens", "input_tokens": script.input_tokens}
    return msgspec.json.encode(count)


def stream(_script: Script) -> list[bytes]:
    """Return nothing: a count comes whole."""
    return []


__all__ = ["PATH", "STREAM_TYPE", "broken", "error", "stream", "too_long", "whole"]
