"""What a request asks for, and the body that passes through."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.domain.errors import Malformed
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body
from gateway.translation.shaping import shaped

FILLS = "fim"
TEMPLATE = "template"
IMAGES_MAX = 1_000
# WHY: a template is a program that runs in the server, and ids of tokens nobody here can read.
REFUSED = {
    "context": "send the earlier words in prompt",
    "template": "the model has one of its own",
}


class Options(Struct, frozen=True):
    """The options that another dialect may understand."""

    num_predict: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: list[str] | None = None


class Request(Struct, frozen=True):
    """The fields of a request that this dialect reads."""

    model: Annotated[str, Meta(min_length=1)]
    prompt: str | None = None
    suffix: str | None = None
    system: str | None = None
    raw: bool | None = None
    images: Annotated[list[str], Meta(max_length=IMAGES_MAX)] | None = None
    format: str | dict[str, Any] | None = None
    options: Options | None = None
    think: bool | str | None = None
    stream: bool | None = None


def admit(body: Body) -> Request:
    """Return the request, checked; Malformed."""
    request = shaped(body, Request)
    for name, instead in REFUSED.items():
        if body.get(name):
            raise Malformed(f"{name} is not accepted: {instead}.")
    if request.raw and request.system:
        raise Malformed("raw takes no system: there is no template to put it in.")
    if isinstance(request.format, str) and request.format not in ("", "json"):
        raise Malformed("format must be json or a schema.")
    return request


def peek(body: Body) -> Ask:
    """Return what is wanted; this dialect streams unless told otherwise. Malformed.

    An empty prompt asks the server to load the model; it answers that whole, whatever was asked.
    """
    request = admit(body)
    limit = request.options.num_predict if request.options else None
    needs = {
        FILLS: bool(request.suffix),
        TEMPLATE: not request.raw and not request.suffix,
        "images": bool(request.images),
    }
    return Ask(
        model=request.model,
        stream=request.stream is not False and bool(request.prompt),
        needs=frozenset(name for name, asked in needs.items() if asked),
        output_tokens_max=limit if limit is not None and limit > 0 else None,
    )


def rewrite(body: Body, offering: Offering, stream: bool) -> Body:  # noqa: FBT001
    """Return the body for an Ollama server, with the settings that no client may choose."""
    fixed_fields = fixed(offering, body.get("options"))
    return {**body, "model": offering.wire_model, "stream": stream, **fixed_fields}


def fixed(offering: Offering, options: dict[str, Any] | None) -> Body:
    """Return the fixed fields.

    WHY: another `num_ctx` reloads the model, and without these two flags the server cuts the
    front of a long prompt without a word.
    """
    window = offering.settings.get("num_ctx", offering.context_tokens)
    return {"truncate": False, "shift": False, "options": {**(options or {}), "num_ctx": window}}
