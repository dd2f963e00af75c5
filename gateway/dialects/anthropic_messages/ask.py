"""What a Messages request asks for, and the body that passes through."""

from msgspec import UNSET

from gateway.dialects.anthropic_messages.shapes import Prompt, Request, admit
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body

_NEEDS = {
    "image": "images",
    "document": "documents",
    "tool_use": "tools",
    "tool_result": "tools",
}


def peek(body: Body, passed: frozenset[str] = frozenset(), shape: type[Prompt] = Request) -> Ask:
    """Return what is wanted; Malformed or CannotExpress for what is not in `passed`."""
    admitted = admit(body, passed, shape)
    request = admitted.request
    needs = {_NEEDS[kind] for kind in admitted.kinds if kind in _NEEDS}
    return Ask(
        model=request.model,
        stream=bool(request.stream),
        usage_wanted=True,
        needs=frozenset(needs | {"tools"} if request.tools else needs),
        output_tokens_max=request.max_tokens,
        reaches=admitted.reaches or UNSET,
    )


def rewrite(body: Body, offering: Offering, *, stream: bool) -> Body:
    """Return the body for an engine that speaks this dialect: every field in its place."""
    passed = {**body, "model": offering.wire_model}
    if stream or "stream" in body:
        passed["stream"] = stream
    return passed
