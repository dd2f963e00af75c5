"""Bodies of requests: sound ones in both surfaces' dialects, and ones that cannot be read."""

from collections.abc import Callable
from typing import Any

from tests.simulation.scenario import Asked

Shape = Callable[[dict[str, Any], Asked, bool], dict[str, Any]]

DIALECT = {"chat_completions": "openai_chat", "messages": "anthropic_messages"}
SOUND = ("plain", "tools", "image", "odd", "refused")
MALFORMED = ("empty", "role", "type", "nameless", "nothing")
NEEDS = {"tools": ["tools"], "image": ["images"]}
PIXEL = "iVBORw0KGgo="


def body_of(asked: Asked) -> dict[str, Any]:
    """Return the body; whatever its shape, the prompt's canary stands in it."""
    is_chat = asked.surface == "chat_completions"
    words = f"{asked.canary} explain this"
    body: dict[str, Any] = {
        "model": asked.name,
        "messages": [{"role": "user", "content": words}],
    }
    if asked.stream:
        body["stream"] = True
    limit = asked.output_max if asked.output_max is not None or is_chat else 64
    if limit is not None:
        body["max_tokens"] = limit
    return _SHAPES[asked.body](body, asked, is_chat)


def _tools(body: dict[str, Any], asked: Asked, is_chat: bool) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"path": {"type": "string", "title": asked.canary}}}
    function = {"name": "read", "description": asked.canary, "parameters": schema}
    tool = {"name": "read", "description": asked.canary, "input_schema": schema}
    return {**body, "tools": [{"type": "function", "function": function} if is_chat else tool]}


def _image(body: dict[str, Any], asked: Asked, is_chat: bool) -> dict[str, Any]:
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    part = url if is_chat else {"type": "image", "source": source}
    content = [{"type": "text", "text": asked.canary}, part]
    return {**body, "messages": [{"role": "user", "content": content}]}


def _odd(body: dict[str, Any], asked: Asked, is_chat: bool) -> dict[str, Any]:
    odd = {f"X-{asked.canary}": asked.canary, "metadata": {"user_id": asked.canary}}
    return {**body, **odd, **({"logit_bias": {"7": 1}} if is_chat else {"top_k": 3})}


def _changed(**fields: Callable[[Asked], Any]) -> Shape:
    def shape(body: dict[str, Any], asked: Asked, is_chat: bool) -> dict[str, Any]:
        return {**body, **{name: make(asked) for name, make in fields.items()}}

    return shape


_SHAPES: dict[str, Shape] = {
    "plain": lambda body, _asked, _chat: body,
    "tools": _tools,
    "image": _image,
    "odd": _odd,
    "refused": _changed(chat_template=lambda asked: asked.canary),
    "empty": _changed(messages=lambda _: []),
    "role": _changed(messages=lambda a: [{"role": a.canary, "content": "hello"}]),
    "type": _changed(messages=lambda a: a.canary),
    "nameless": lambda body, _asked, _chat: {k: v for k, v in body.items() if k != "model"},
    "nothing": lambda _body, asked, _chat: {"prompt": asked.canary},
}
