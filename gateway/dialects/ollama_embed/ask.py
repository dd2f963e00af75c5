"""What a request asks for, the body that passes through, and the texts that are to be embedded."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.dialects.ollama_embed.vocabulary import FIELDS
from gateway.domain.embedding import Embedding
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body
from gateway.translation.shaping import leftovers, shaped

INPUTS_MAX = 2_048
# WHY: the server ignores it here; a stream that nobody gets is not asked for.
IGNORED = "stream"


class Request(Struct, frozen=True):
    """The fields of a request that this dialect reads."""

    model: Annotated[str, Meta(min_length=1)]
    input: str | Annotated[list[str], Meta(min_length=1, max_length=INPUTS_MAX)]
    truncate: bool | None = None
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    options: dict[str, Any] | None = None


def peek(body: Body) -> Ask:
    """Return what is asked for; Malformed for missing fields and wrong types."""
    return Ask(model=shaped(body, Request).model)


def rewrite(body: Body, offering: Offering, _stream: bool) -> Body:  # noqa: FBT001
    """Return the body for an Ollama server, with the settings that no client may choose."""
    kept = {name: value for name, value in body.items() if name != IGNORED}
    options = {**(body.get("options") or {}), **_fixed(offering)}
    cut = body.get("truncate") is True
    return {**kept, "model": offering.wire_model, "truncate": cut, "options": options}


def sheds(body: Body) -> tuple[str, ...]:
    """Return the names of what `rewrite` takes out of that body."""
    return (IGNORED,) if body.get(IGNORED) else ()


def read(body: Body) -> tuple[Embedding, tuple[str, ...]]:
    """Return the texts, and what no other dialect can say."""
    request = shaped(body, Request)
    inputs = (request.input,) if isinstance(request.input, str) else tuple(request.input)
    known = ("model", "input", "truncate", "dimensions")
    losses = leftovers(body, known, (*FIELDS, IGNORED))
    return Embedding(inputs, request.dimensions, may_cut=request.truncate is True), losses


def write(
    embedding: Embedding,
    offering: Offering,
    _stream: bool,  # noqa: FBT001
) -> tuple[Body, tuple[str, ...]]:
    """Return the body for an Ollama server, and what it cannot say."""
    body: Body = {
        "model": offering.wire_model,
        "input": list(embedding.inputs),
        "truncate": embedding.may_cut,
        "options": _fixed(offering),
    }
    if embedding.dimensions is not None:
        body["dimensions"] = embedding.dimensions
    return body, ()


def _fixed(offering: Offering) -> dict[str, Any]:
    return {"num_ctx": offering.settings.get("num_ctx", offering.context_tokens)}
