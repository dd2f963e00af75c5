"""The scripted engine as an Ollama server that generates."""

from typing import Any

import msgspec

from gateway.cli.mock_backend.ollama import MADE_AT, STREAM_TYPE, broken, error, too_long
from gateway.cli.mock_backend.script import Script

PATH = "/api/generate"
STOPS = {"end": "stop", "sequence": "stop", "length": "length", "tool": "stop"}


def whole(script: Script) -> bytes:
    """Return a reply."""
    return _line(script, {"response": "".join(script.spaced), **_end(script)})


def stream(script: Script) -> list[bytes]:
    """Return the lines of a streamed reply."""
    lines = [_line(script, {"response": word, "done": False}) for word in script.spaced]
    return [*lines, _line(script, {"response": "", **_end(script)})]


def _end(script: Script) -> dict[str, Any]:
    return {
        "done": True,
        "done_reason": STOPS[script.stop],
        "context": [1, 2, 3],
        "total_duration": 5,
        "load_duration": 1,
        "prompt_eval_count": script.input_tokens,
        "prompt_eval_duration": 2,
        "eval_count": len(script.text),
        "eval_duration": 2,
    }


def _line(script: Script, said: dict[str, Any]) -> bytes:
    head = {"model": script.model, "created_at": MADE_AT}
    if script.does("remote"):
        head |= {"remote_host": "https://ollama.example:443", "remote_model": "big"}
    return msgspec.json.encode({**head, **said}) + b"\n"


__all__ = ["PATH", "STREAM_TYPE", "broken", "error", "stream", "too_long", "whole"]
