"""Mistral's platform. It refuses every field that its OpenAPI document does not know.

Read in that document (ChatCompletionRequest, FimCompletionRequest), and in reports of its 422
`extra_forbidden`; an id of a call is nine letters and digits there.
"""

from msgspec.structs import replace

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_completions import MISTRAL_FIM
from gateway.dialects.openai_embeddings import OPENAI_EMBEDDINGS
from gateway.domain.conversation import Conversation
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.translation.call_ids import in_nine
from gateway.transport.backend import ABROAD, Backend, Way
from gateway.transport.credentials import bearer

RENAMED = {"seed": "random_seed", "max_completion_tokens": "max_tokens"}
UNKNOWN = frozenset(
    {
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "min_p",
        "min_tokens",
        "reasoning_effort",
        "repetition_penalty",
        "store",
        "structured_outputs",
        "top_k",
        "top_logprobs",
        "verbosity",
    }
)
EMBEDS = frozenset({"model", "input", "encoding_format"})


def own_words(body: Body, _offering: Offering) -> Body:
    """A quirk: say fields by Mistral's names, and leave out our own wish for usage: it is given."""
    said = {RENAMED[name]: value for name, value in body.items() if name in RENAMED}
    kept = {name: value for name, value in body.items() if name not in RENAMED}
    return {name: value for name, value in {**kept, **said}.items() if name != "stream_options"}


def short_ids(body: Body, _offering: Offering) -> Body:
    """A quirk: give calls ids of the one form that is taken."""
    return in_nine(body)


def without_thoughts(
    conversation: Conversation,
    offering: Offering,
    stream: bool,  # noqa: FBT001
) -> tuple[Body, tuple[str, ...]]:
    """Return the body and losses: earlier thoughts have no field there."""
    body, losses = OPENAI_CHAT.write(conversation, offering, stream)
    plain = [{k: v for k, v in one.items() if k != "reasoning"} for one in body["messages"]]
    lost = ("thinking",) if plain != body["messages"] else ()
    return {**body, "messages": plain}, (*losses, *lost)


MISTRAL = Backend(
    name="mistral",
    ways=(
        Way(
            dialect=replace(OPENAI_CHAT, write=without_thoughts),
            path="/v1/chat/completions",
            quirks=(own_words, short_ids),
            takes=(OPENAI_CHAT.may_leave - UNKNOWN - RENAMED.keys()) | {"random_seed"},
        ),
        Way(dialect=MISTRAL_FIM, path="/v1/fim/completions"),
        Way(dialect=OPENAI_EMBEDDINGS, path="/v1/embeddings", takes=EMBEDS),
    ),
    credential=bearer.required,
    probe_path="",
    residency=ABROAD,
    is_cloud=True,
)
