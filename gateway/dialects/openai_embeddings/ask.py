"""What a request asks for, the body that passes through, and the texts that are to be embedded."""

from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from gateway.dialects.openai_embeddings.reply import write_packed
from gateway.dialects.openai_embeddings.vocabulary import FIELDS
from gateway.domain.dialect import Dialect
from gateway.domain.embedding import Embedding
from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body
from gateway.translation.shaping import leftovers, shaped

INPUTS_MAX = 2_048
FORMATS = ("float", "base64")
# WHY: each of these reaches past the texts into the engine, or names what it is to fetch.
REFUSED = (
    "cache_salt",
    "chat_template",
    "chat_template_kwargs",
    "messages",
    "mm_processor_kwargs",
    "request_id",
)


class Request(Struct, frozen=True):
    """The fields of a request that this dialect reads."""

    model: Annotated[str, Meta(min_length=1)]
    input: str | Annotated[list[Any], Meta(min_length=1, max_length=INPUTS_MAX)]
    encoding_format: str | None = None
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    stream: bool | None = None


def peek(body: Body) -> Ask:
    """Return what is asked for; Malformed for wrong types, and for a stream, which there is not."""
    return Ask(model=_admitted(body).model)


def rewrite(body: Body, offering: Offering, _stream: bool) -> Body:  # noqa: FBT001
    """Return the body to pass through; CannotExpress for a field in REFUSED."""
    for name in REFUSED:
        if body.get(name) is not None:
            raise CannotExpress(f"{name} is not accepted.")
    return {**body, "model": offering.wire_model}


def read(body: Body) -> tuple[Embedding, tuple[str, ...]]:
    """Return the texts, and what no other dialect can say; CannotExpress for ids of tokens."""
    request = _admitted(body)
    if unseen(body):
        raise CannotExpress("The engine that may see this request takes words, no ids of tokens.")
    given = request.input
    inputs = (given,) if isinstance(given, str) else tuple(given)
    losses = leftovers(body, Request.__struct_fields__, FIELDS)
    return Embedding(inputs, request.dimensions), losses


def write(
    embedding: Embedding,
    offering: Offering,
    _stream: bool,  # noqa: FBT001
) -> tuple[Body, tuple[str, ...]]:
    """Return the body for that engine; a text that is too long is an error here, never cut."""
    body: Body = {
        "model": offering.wire_model,
        "input": list(embedding.inputs),
        "encoding_format": "float",
    }
    if embedding.dimensions is not None:
        body["dimensions"] = embedding.dimensions
    return body, ("truncate",) if embedding.may_cut else ()


def unseen(body: Body) -> tuple[str, ...]:
    """Return `input` when it holds ids of tokens, in which no detector can read."""
    given = body.get("input")
    words = isinstance(given, str) or all(isinstance(item, str) for item in given or ())
    return () if words else ("input",)


def answering(dialect: Dialect, body: Body) -> Dialect:
    """Return the dialect whose vectors have the form that the request asks for."""
    packed = body.get("encoding_format") == "base64"
    return replace(dialect, write_reply=write_packed) if packed else dialect


def _admitted(body: Body) -> Request:
    request = shaped(body, Request)
    if request.stream:
        raise Malformed("stream is not accepted: vectors come whole.")
    if request.encoding_format not in (None, *FORMATS):
        raise Malformed(f"encoding_format must be one of {', '.join(FORMATS)}.")
    if isinstance(request.input, list) and not _is_of_one_kind(request.input):
        raise Malformed("input must be a text, texts, ids of tokens, or lists of them.")
    if "" in ([request.input] if isinstance(request.input, str) else request.input):
        raise Malformed("input must not hold an empty text.")
    return request


def _is_of_one_kind(items: list[Any]) -> bool:
    return (
        all(isinstance(item, str) for item in items)
        or _are_tokens(items)
        or all(isinstance(item, list) and item and _are_tokens(item) for item in items)
    )


def _are_tokens(items: list[Any]) -> bool:
    return all(type(item) is int and item >= 0 for item in items)
