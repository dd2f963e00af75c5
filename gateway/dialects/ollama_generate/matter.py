"""A text to go on with, read from a body in this dialect and written as one."""

from typing import Any

from gateway.dialects.ollama_generate.ask import Options, Request, admit, fixed
from gateway.dialects.ollama_generate.vocabulary import FIELDS, OPTIONS
from gateway.domain.completion import Completion
from gateway.domain.conversation import EFFORTS, Media, Sampling
from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.translation.shaping import leftovers, once

_IMAGES = {
    "iVBOR": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
}
_STRONGEST = frozenset({"xhigh", "max"})


def read(body: Body) -> tuple[Completion, tuple[str, ...]]:
    """Return the text, and what no other dialect can say.

    CannotExpress for an empty prompt, which asks an Ollama server to load the model.
    """
    request = admit(body)
    if not request.prompt:
        raise CannotExpress("The engine that may see this request has nothing to load; say more.")
    losses = once(
        leftovers(body, Request.__struct_fields__, FIELDS),
        leftovers(body.get("options"), Options.__struct_fields__, OPTIONS),
    )
    return Completion(
        prompt=request.prompt,
        suffix=request.suffix or "",
        is_chat=not request.raw and not request.suffix,
        system=request.system or "",
        images=tuple(_image(data) for data in request.images or ()),
        sampling=_sampling(request.options or Options()),
        answer_schema=_schema(request.format),
        thinking=_thinking(request.think),
    ), losses


def write(
    completion: Completion,
    offering: Offering,
    stream: bool,  # noqa: FBT001
) -> tuple[Body, tuple[str, ...]]:
    """Return the body for an Ollama server, and what it cannot say.

    WHY: `raw` where a text is gone on with: else the server would put it into the template of a
    chat. What fills in is left to the template, which knows the model's tokens.
    """
    images = [one.data for one in completion.images if one.media_type.startswith("image/")]
    body: Body = {"model": offering.wire_model, "prompt": completion.prompt, "stream": stream}
    if completion.suffix:
        body["suffix"] = completion.suffix
    elif not completion.is_chat:
        body["raw"] = True
    body |= {"system": completion.system} if completion.system else {}
    body |= {"images": images} if images else {}
    if completion.answer_schema is not None:
        body["format"] = completion.answer_schema or "json"
    body["think"] = _effort(completion.thinking)
    body |= fixed(offering, _options(completion.sampling))
    lost = {
        "documents": len(images) < len(completion.images),
        "effort": completion.thinking in _STRONGEST,
    }
    return body, tuple(name for name, said in lost.items() if said)


def _image(data: str) -> Media:
    kinds = (kind for mark, kind in _IMAGES.items() if data.startswith(mark))
    return Media(next(kinds, "application/octet-stream"), data)


def _schema(wanted: str | dict[str, Any] | None) -> dict[str, Any] | None:
    if isinstance(wanted, str):
        return {} if wanted else None
    return wanted


def _thinking(wanted: bool | str | None) -> str | None:  # noqa: FBT001 - the vendor's own field
    """Return the effort; a bare yes is the vendor's own default, medium."""
    if isinstance(wanted, str):
        return wanted if wanted in EFFORTS else "high"
    return None if wanted is None else "medium" if wanted else "off"


def _effort(thinking: str | None) -> bool | str:
    if thinking is None or thinking == "off":
        return False
    known = {"minimal": "low", "xhigh": "high", "max": "high"}
    return known.get(thinking, thinking)


def _sampling(options: Options) -> Sampling:
    limit = options.num_predict
    return Sampling(
        output_tokens_max=limit if limit is not None and limit > 0 else None,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        seed=options.seed,
        frequency_penalty=options.frequency_penalty,
        presence_penalty=options.presence_penalty,
        stop=tuple(options.stop or ()),
    )


def _options(sampling: Sampling) -> Body:
    said = {
        "num_predict": sampling.output_tokens_max,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "seed": sampling.seed,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "stop": list(sampling.stop) or None,
    }
    return {name: value for name, value in said.items() if value is not None}
