"""One request for each surface, as its clients send it."""

import base64
from typing import Any
from urllib.parse import quote

import msgspec

from gateway.surfaces.surface import SURFACES, Surface

Body = dict[str, Any]
STREAMED = frozenset(
    {
        "openai_chat",
        "anthropic_messages",
        "openai_responses",
        "openai_completions",
        "ollama_chat",
        "ollama_generate",
    }
)


def asks(model: str, text: str) -> list[tuple[str, str, Body]]:
    """Return name, path and body for every surface, streamed and whole where it has both."""
    return [
        (f"{surface.name} {path} {'stream' if streams else 'whole'}", _filled(path, model), body)
        for path, surface in SURFACES.items()
        for streams in ((False, True) if surface.dialect in STREAMED else (False,))
        if (body := _body(surface, model, text, streams=streams))
    ]


def _filled(path: str, model: str) -> str:
    for hole, word in (("model", quote(model, safe="")), ("project", "p"), ("location", "eu")):
        path = path.replace(f"{{{hole}}}", word)
    return path


def _body(surface: Surface, model: str, text: str, *, streams: bool) -> Body:
    """Return the body; KeyError for a dialect that is not known here."""
    body = _BODIES[surface.dialect](model, text)
    return {**body, "stream": streams} if surface.dialect in STREAMED else body


def _turns(text: str) -> Body:
    return {"messages": [{"role": "user", "content": text}]}


def _claude(text: str) -> Body:
    return {"max_tokens": 16, **_turns(text)}


def _converse(text: str) -> Body:
    return {"messages": [{"role": "user", "content": [{"text": text}]}]}


def _google(text: str) -> Body:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def _invoked(text: str) -> Body:
    body = {"anthropic_version": "bedrock-2023-05-31", **_claude(text)}
    packed = base64.b64encode(msgspec.json.encode(body)).decode()
    return {"input": {"invokeModel": {"body": packed}}}


_BODIES = {
    "openai_chat": lambda model, text: {"model": model, **_turns(text)},
    "anthropic_messages": lambda model, text: {"model": model, **_claude(text)},
    "anthropic_count": lambda model, text: {"model": model, **_turns(text)},
    "openai_responses": lambda model, text: {"model": model, "input": text},
    "openai_input_tokens": lambda model, text: {"model": model, "input": text},
    "openai_embeddings": lambda model, text: {"model": model, "input": text},
    "openai_completions": lambda model, text: {"model": model, "prompt": text},
    "bedrock_converse": lambda _model, text: _converse(text),
    "bedrock_invoke": lambda _model, text: {
        "anthropic_version": "bedrock-2023-05-31",
        **_claude(text),
    },
    "bedrock_count": lambda _model, text: _invoked(text),
    "anthropic_vertex": lambda _model, text: {
        "anthropic_version": "vertex-2023-10-16",
        **_claude(text),
    },
    "anthropic_vertex_count": lambda model, text: {
        "anthropic_version": "vertex-2023-10-16",
        "model": model,
        **_turns(text),
    },
    "gemini": lambda _model, text: _google(text),
    "gemini_count": lambda _model, text: _google(text),
    "ollama_chat": lambda model, text: {"model": model, **_turns(text)},
    "ollama_generate": lambda model, text: {"model": model, "prompt": text},
    "ollama_embed": lambda model, text: {"model": model, "input": text},
}
