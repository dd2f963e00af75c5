"""Mistral's FIM endpoint: fewer fields, a seed of another name, replies in the form of a chat.

The fields are those of Mistral's published OpenAPI document (FimCompletionRequest); any other one
is an error there (`extra_forbidden`).
"""

from gateway.dialects.openai_completions import matter
from gateway.domain.completion import Completion
from gateway.domain.fleet import Offering
from gateway.domain.request import Body

FIELDS = ("max_tokens", "model", "prompt", "stop", "stream", "suffix", "temperature", "top_p")
SEED = "seed"


def write(
    completion: Completion,
    offering: Offering,
    stream: bool,  # noqa: FBT001
) -> tuple[Body, tuple[str, ...]]:
    """Return the body for that engine, and what it cannot say."""
    body, losses = matter.write(completion, offering, stream)
    kept = {name: body[name] for name in FIELDS if name in body}
    if SEED in body:
        kept["random_seed"] = body[SEED]
    unsaid = (name for name in body if name not in (*FIELDS, SEED, "stream_options"))
    return kept, (*losses, *unsaid)
