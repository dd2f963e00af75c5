"""The scripted engine as an Anthropic server that is asked for a count of tokens."""

import msgspec

from gateway.cli.mock_backend.anthropic import broken, error, too_long
from gateway.cli.mock_backend.script import Script

PATH = "/v1/messages/count_tokens"
STREAM_TYPE = "application/json"

__all__ = ["PATH", "STREAM_TYPE", "broken", "error", "stream", "too_long", "whole"]


def whole(script: Script) -> bytes:
    """Return the count."""
    return msgspec.json.encode({"input_tokens": script.input_tokens})


def stream(script: Script) -> list[bytes]:
    """Return the count at once: there is no stream of it."""
    return [whole(script)]
