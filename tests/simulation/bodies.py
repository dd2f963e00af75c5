"""Bodies of requests: sound ones in every surface's dialect, and ones that cannot be read."""

from collections.abc import Callable
from typing import Any

from tests.simulation.scenario import Asked

DIALECT = {
    "chat_completions": "openai_chat",
    "messages": "anthropic_messages",
    "responses": "openai_responses",
}
MALFORMED = ("empty", "role", "type", "nameless", "nothing")
NEEDS = {"tools": ["tools"], "image": ["images"]}
LIMIT_OF_MESSAGES = 64
PIXEL = "iVBORw0KGgo="

Body = dict[str, Any]
Shape = Callable[[Body, Asked], Body]


def body_of(asked: Asked) -> Body:
    """Return the body; in all but some malformed ones the prompt's canary stands in it."""
    is_responses = asked.surface == "responses"
    words = f"{asked.canary} explain this"
    body: Body = {"model": asked.name}
    body |= {"input": words} if is_responses else {"messages": [_said(words)]}
    if asked.stream:
        body["stream"] = True
    limit = asked.output_max
    if limit is None and asked.surface == "messages":
        limit = LIMIT_OF_MESSAGES
    if limit is not None:
        body["max_output_tokens" if is_responses else "max_tokens"] = limit
    return _repeating(_SHAPES[asked.body](body, asked), asked)


def _repeating(body: Body, asked: Asked) -> Body:
    """Return the body with the turn that it repeats in front, where it has turns at all."""
    name = "input" if asked.surface == "responses" else "messages"
    turns = body.get(name)
    if not asked.turn or asked.body in MALFORMED or turns is None:
        return body
    later = [_said(turns)] if isinstance(turns, str) else turns
    return {**body, name: [_said(f"the {asked.turn} turn says so. " * 20), *later]}


def unknown_field(asked: Asked) -> str:
    """Return the name of the field that no dialect knows."""
    return f"X-{asked.canary}"


def _said(content: Any, role: str = "user") -> Body:
    return {"role": role, "content": content}


def _with(body: Body, asked: Asked, turns: Any) -> Body:
    return {**body, "input" if asked.surface == "responses" else "messages": turns}


def _tools(body: Body, asked: Asked) -> Body:
    schema = {"type": "object", "properties": {"path": {"type": "string", "title": asked.canary}}}
    told = {"name": "read", "description": asked.canary}
    tools = {
        "chat_completions": {"type": "function", "function": {**told, "parameters": schema}},
        "messages": {**told, "input_schema": schema},
        "responses": {**told, "type": "function", "parameters": schema},
    }
    return {**body, "tools": [tools[asked.surface]]}


def _image(body: Body, asked: Asked) -> Body:
    url = f"data:image/png;base64,{PIXEL}"
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    images: dict[str, Body] = {
        "chat_completions": {"type": "image_url", "image_url": {"url": url}},
        "messages": {"type": "image", "source": source},
        "responses": {"type": "input_image", "image_url": url},
    }
    kind = "input_text" if asked.surface == "responses" else "text"
    parts = [{"type": kind, "text": asked.canary}, images[asked.surface]]
    return _with(body, asked, [_said(parts)])


def _odd(body: Body, asked: Asked) -> Body:
    odd: Body = {unknown_field(asked): asked.canary, "metadata": {"user_id": asked.canary}}
    more: dict[str, Body] = {
        "chat_completions": {"logit_bias": {"7": 1}, "user": asked.canary},
        "messages": {"top_k": 3},
        "responses": {"client_metadata": {"cwd": asked.canary}, "store": True},
    }
    return {**body, **odd, **more[asked.surface]}


_SHAPES: dict[str, Shape] = {
    "plain": lambda body, _: body,
    "tools": _tools,
    "image": _image,
    "odd": _odd,
    "refused": lambda body, asked: {**body, "chat_template": asked.canary},
    "empty": lambda body, asked: _with(body, asked, []),
    "role": lambda body, asked: _with(body, asked, [_said("hello", asked.canary)]),
    "type": lambda body, asked: _with(body, asked, {"said": asked.canary}),
    "nameless": lambda body, _: {name: body[name] for name in body if name != "model"},
    "nothing": lambda _, asked: {"text": asked.canary},
}
