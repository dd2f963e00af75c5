"""What a native Ollama chat request asks for, and the body that passes through."""

from typing import Any

from gateway.dialects.ollama_chat.shapes import Message, Request
from gateway.dialects.ollama_chat.vocabulary import KEEP_ALIVE, LOADING
from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body
from gateway.translation.shaping import shaped

_ROLES = frozenset({"system", "user", "assistant", "tool"})


def admit(body: Body) -> Request:
    """Return the request, checked; Malformed, and CannotExpress for a tool that is no function.

    WHY: whatever else a server may learn to run would work outside the boundary.
    """
    request = shaped(body, Request)
    for number, message in enumerate(request.messages):
        if message.role not in _ROLES:
            raise Malformed(f"messages[{number}].role must be system, user, assistant or tool")
    if any(tool.type not in (None, "", "function") for tool in request.tools or ()):
        raise CannotExpress("a tool must be a function that the client runs")
    if isinstance(request.format, str) and request.format not in ("", "json"):
        raise Malformed("format must be json or a schema")
    return request


def peek(body: Body) -> Ask:
    """Return what is wanted; this dialect streams unless told otherwise. Malformed."""
    request = admit(body)
    limit = request.options.num_predict if request.options else None
    needs = {need for message in request.messages for need in _needs(message)}
    return Ask(
        model=request.model,
        stream=request.stream is not False,
        usage_wanted=True,
        needs=frozenset(needs | {"tools"} if request.tools else needs),
        output_tokens_max=limit if limit is not None and limit > 0 else None,
    )


def rewrite(body: Body, offering: Offering, *, stream: bool) -> Body:
    """Return the body for an Ollama server, with the settings that no client may choose."""
    kept = {name: value for name, value in body.items() if name != KEEP_ALIVE}
    return {**kept, "model": offering.wire_model, "stream": stream, **fixed(offering, body)}


def sheds(body: Body) -> tuple[str, ...]:
    """Return what of the client's settings gives way to the operator's."""
    set_ = [KEEP_ALIVE] if body.get(KEEP_ALIVE) is not None else []
    cut = [name for name in ("truncate", "shift") if body.get(name)]
    options = body.get("options") or {}
    return (*set_, *cut, *(name for name in options if name in LOADING))


def fixed(offering: Offering, body: Body) -> dict[str, Any]:
    """Return the fixed fields.

    WHY: other options of loading reload the model under everybody else, and without these two
    flags the server cuts the front of a long prompt without a word.
    """
    given = body.get("options") or {}
    options = {name: value for name, value in given.items() if name not in LOADING}
    window = offering.settings.get("num_ctx", offering.context_tokens)
    return {"truncate": False, "shift": False, "options": {**options, "num_ctx": window}}


def _needs(message: Message) -> set[str]:
    needs = {"images"} if message.images else set()
    if message.tool_calls or message.role == "tool":
        needs.add("tools")
    return needs
