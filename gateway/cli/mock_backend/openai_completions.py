"""The scripted engine as a completions server; as vLLM, it takes no suffix."""

from typing import Any

import msgspec

from gateway.cli.mock_backend.openai import STREAM_TYPE, broken, error, too_long
from gateway.cli.mock_backend.script import Script

PATH = "/v1/completions"
STOPS = {"end": "stop", "sequence": "stop", "length": "length", "tool": "stop"}
REFUSES = {"suffix": "suffix is only supported for models with FIM completion rendering"}


def whole(script: Script) -> bytes:
    """Return a completion."""
    choices = [
        _choice(script, index, "".join(script.spaced), STOPS[script.stop])
        for index in range(script.choices)
    ]
    return _json(script, {"choices": choices, "usage": _usage(script)})


def stream(script: Script) -> list[bytes]:
    """Return the events of a streamed completion; several choices take turns."""
    turns = [(word, index) for word in script.spaced for index in range(script.choices)]
    events = [_event(script, [_choice(script, index, word, None)]) for word, index in turns]
    events += [
        _event(script, [_choice(script, index, "", STOPS[script.stop])])
        for index in range(script.choices)
    ]
    if script.usage_in_stream:
        events.append(_event(script, [], usage=_usage(script)))
    return [*events, b"data: [DONE]\n\n"]


def _choice(script: Script, index: int, text: str, finish: str | None) -> dict[str, Any]:
    sequence = script.sequence if finish is not None else None
    return {
        "index": index,
        "text": text,
        "logprobs": None,
        "finish_reason": finish,
        "stop_reason": sequence,
    }


def _event(script: Script, choices: list[dict[str, Any]], **more: Any) -> bytes:  # noqa: ANN401
    return b"data: " + _json(script, {"choices": choices, **more}) + b"\n\n"


def _usage(script: Script) -> dict[str, Any]:
    made = len(script.text) * script.choices
    return {
        "prompt_tokens": script.input_tokens,
        "total_tokens": script.input_tokens + made,
        "completion_tokens": made,
        "prompt_tokens_details": {"cached_tokens": script.cached_tokens},
    }


def _json(script: Script, said: dict[str, Any]) -> bytes:
    head = {"id": "cmpl-scripted", "object": "text_completion", "created": 1}
    return msgspec.json.encode({**head, "model": script.model, **said})


__all__ = ["PATH", "REFUSES", "STREAM_TYPE", "broken", "error", "stream", "too_long", "whole"]
