"""The scripted engine as an embedding server of OpenAI's form."""

import struct
from base64 import b64encode
from typing import Any

import msgspec

from gateway.cli.mock_backend.openai import error, too_long
from gateway.cli.mock_backend.script import Script

PATH = "/v1/embeddings"
STREAM_TYPE = "application/json"


def whole(script: Script) -> bytes:
    """Return one vector for each text."""
    data = [
        {"object": "embedding", "index": at, "embedding": _formed(vector, script)}
        for at, vector in enumerate(script.vectors)
    ]
    usage = {"prompt_tokens": script.input_tokens, "total_tokens": script.input_tokens}
    head: dict[str, Any] = {"id": "embd-scripted", "object": "list", "created": 1}
    return msgspec.json.encode({**head, "model": script.model, "data": data, "usage": usage})


def stream(_script: Script) -> list[bytes]:
    """Return nothing: vectors come whole."""
    return []


def broken(message: str) -> bytes:
    """Return an error body."""
    return error(500, message)


def _formed(vector: tuple[float, ...], script: Script) -> list[float] | str:
    if script.form != "base64":
        return list(vector)
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


__all__ = ["PATH", "STREAM_TYPE", "broken", "error", "stream", "too_long", "whole"]
