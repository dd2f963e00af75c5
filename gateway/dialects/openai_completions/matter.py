"""A text to go on with, read from a body in this dialect and written as one."""

from gateway.dialects.openai_completions.ask import Request, admit
from gateway.dialects.openai_completions.vocabulary import FIELDS
from gateway.domain.completion import Completion
from gateway.domain.conversation import Sampling
from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.translation.shaping import leftovers, once

_READ = frozenset(
    {
        "frequency_penalty",
        "max_tokens",
        "model",
        "presence_penalty",
        "prompt",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "suffix",
        "temperature",
        "top_k",
        "top_p",
    }
)


def read(body: Body) -> tuple[Completion, tuple[str, ...]]:
    """Return the text, and what no other dialect can say; CannotExpress for ids of tokens."""
    request = admit(body)
    text = request.text
    if text is None:
        raise CannotExpress("The engine that may see this request takes words, no ids of tokens.")
    ones = {name: value for name, value in body.items() if name in ("n", "best_of") and value == 1}
    losses = leftovers(body, _READ | ones.keys(), FIELDS)
    return Completion(text, request.suffix or "", sampling=_sampling(request)), losses


def write(
    completion: Completion,
    offering: Offering,
    stream: bool,  # noqa: FBT001
) -> tuple[Body, tuple[str, ...]]:
    """Return the body for that engine, and what it cannot say.

    CannotExpress for a question that wants the template of its model: gone on with as it stands, it
    would be another request.
    """
    if completion.is_chat and not completion.suffix:
        raise CannotExpress(
            "The engine that may see this request goes on with a text and answers no question: "
            "ask by a chat, or send raw: true."
        )
    body: Body = {
        "model": offering.wire_model,
        "prompt": completion.prompt,
        "stream": stream,
        **_said(completion.sampling),
    }
    if completion.suffix:
        body["suffix"] = completion.suffix
    if stream:
        body["stream_options"] = {"include_usage": True}
    return body, _unsaid(completion)


def _unsaid(completion: Completion) -> tuple[str, ...]:
    asked = {
        "system": completion.system,
        "images": completion.images,
        "format": completion.answer_schema is not None,
        "thinking": completion.thinking not in (None, "off"),
    }
    return once(name for name, said in asked.items() if said)


def _sampling(request: Request) -> Sampling:
    stop = request.stop
    return Sampling(
        output_tokens_max=request.max_tokens or None,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        seed=request.seed,
        frequency_penalty=request.frequency_penalty,
        presence_penalty=request.presence_penalty,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
    )


def _said(sampling: Sampling) -> Body:
    said = {
        "max_tokens": sampling.output_tokens_max,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "seed": sampling.seed,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "stop": list(sampling.stop) or None,
    }
    return {name: value for name, value in said.items() if value is not None}
