"""What a request asks for, and the body that passes through to an engine of the same dialect."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct

from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body
from gateway.translation.shaping import shaped

N_MAX = 8
LOGPROBS_MAX = 20
FILLS = "fim"
# WHY: each of these reaches past the prompt into the engine, or is a prompt that nobody can read.
REFUSED = (
    "cache_salt",
    "chat_template",
    "chat_template_kwargs",
    "ec_transfer_params",
    "kv_transfer_params",
    "logits_processors",
    "mm_processor_kwargs",
    "prompt_embeds",
    "request_id",
    "vllm_xargs",
)

Count = Annotated[int, Meta(ge=0)]
Few = Annotated[int, Meta(ge=1, le=N_MAX)]


class StreamOptions(Struct, frozen=True):
    """What a stream says besides."""

    include_usage: bool | None = None


class Request(Struct, frozen=True):
    """The fields of a request that this dialect reads."""

    model: Annotated[str, Meta(min_length=1)]
    prompt: str | Annotated[list[Any], Meta(min_length=1)]
    suffix: str | None = None
    max_tokens: Count | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    n: Few | None = None
    best_of: Few | None = None
    logprobs: Annotated[int, Meta(ge=0, le=LOGPROBS_MAX)] | None = None
    echo: bool | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def text(self) -> str | None:
        """The one text of the prompt; None where it is ids of tokens."""
        given = self.prompt[0] if isinstance(self.prompt, list) else self.prompt
        return given if isinstance(given, str) else None


def admit(body: Body) -> Request:
    """Return the request, checked; Malformed for wrong types, and for more than one prompt."""
    request = shaped(body, Request)
    if isinstance(request.prompt, list) and not _is_one(request.prompt):
        raise Malformed("prompt must be one text, or the ids of its tokens.")
    if request.suffix and (request.echo or request.text is None):
        raise Malformed("suffix goes with a prompt of words, and without echo.")
    return request


def peek(body: Body) -> Ask:
    """Return what is asked for; Malformed."""
    request = admit(body)
    stream = bool(request.stream)
    options = request.stream_options or StreamOptions()
    # WHY: of the best of several all are drawn, and paid for.
    drawn = max(request.n or 1, request.best_of or 1)
    return Ask(
        model=request.model,
        stream=stream,
        usage_wanted=bool(options.include_usage) or not stream,
        needs=frozenset({FILLS} if request.suffix else ()),
        output_tokens_max=request.max_tokens or None,
        replies=drawn if drawn > 1 else UNSET,
    )


def rewrite(body: Body, offering: Offering, stream: bool) -> Body:  # noqa: FBT001
    """Return the body to pass through: the engine's own model name, and usage asked for.

    Keys keep their order. CannotExpress for a field in REFUSED.
    """
    for name in REFUSED:
        if body.get(name) is not None:
            raise CannotExpress(f"{name} is not accepted.")
    changed: dict[str, Any] = {"model": offering.wire_model}
    if bool(body.get("stream")) != stream:
        changed["stream"] = stream
    if stream:
        changed["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    return {**body, **changed}


def unseen(body: Body) -> tuple[str, ...]:
    """Return `prompt` when it is ids of tokens, in which no detector can read."""
    return ("prompt",) if admit(body).text is None else ()


def _is_one(items: list[Any]) -> bool:
    alone = items[0] if len(items) == 1 else None
    return isinstance(alone, str) or _are_tokens(alone) or _are_tokens(items)


def _are_tokens(items: object) -> bool:
    if not isinstance(items, list) or not items:
        return False
    return all(type(item) is int and item >= 0 for item in items)
