"""The scripted engine as an Ollama server that embeds."""

import msgspec

from gateway.cli.mock_backend.ollama import broken, error, too_long
from gateway.cli.mock_backend.script import Script

PATH = "/api/embed"
STREAM_TYPE = "application/json"


def whole(script: Script) -> bytes:
    """Return one vector for each text."""
    reply = {
        "model": script.model,
        "embeddings": script.vectors,
        "total_duration": 5,
        "load_duration": 1,
        "prompt_eval_count": script.input_tokens,
    }
    return msgspec.json.encode(reply)


def stream(_script: Script) -> list[bytes]:
    """Return nothing: vectors come whole."""
    return []


__all__ = ["PATH", "STREAM_TYPE", "broken", "error", "stream", "too_long", "whole"]
