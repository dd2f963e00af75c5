"""What a Messages request asks for, and the body that passes through."""

from gateway.dialects.anthropic_messages.shapes import Request, admit, blocks
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body

_NEEDS = {
    "image": "images",
    "document": "documents",
    "tool_use": "tools",
    "tool_result": "tools",
}


def peek(body: Body) -> Ask:
    """Return what is wanted; Malformed or CannotExpress."""
    request = admit(body)
    return Ask(
        model=request.model,
        stream=bool(request.stream),
        usage_wanted=True,
        needs=_needs(request),
        output_tokens_max=request.max_tokens,
    )


def rewrite(body: Body, offering: Offering, *, stream: bool) -> Body:
    """Return the body for an engine that speaks this dialect: every field in its place."""
    passed = {**body, "model": offering.wire_model}
    if stream or "stream" in body:
        passed["stream"] = stream
    return passed


def _needs(request: Request) -> frozenset[str]:
    found = {_NEEDS[kind] for block in blocks(request) if (kind := block["type"]) in _NEEDS}
    return frozenset(found | {"tools"} if request.tools else found)
