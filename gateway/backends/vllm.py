"""vLLM's own server, on our own GPUs: it speaks OpenAI chat, responses and messages."""

from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT, ANTHROPIC_MESSAGES
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.transport.backend import Backend, Way
from gateway.transport.credentials import bearer

# WHY: vLLM takes these in a body of any dialect. Templates run code, embeddings and transfer
# parameters are loaded or dialled as they are, ids and salts are for the operator to set.
CONTROLS = frozenset(
    {
        "cache_salt",
        "chat_template",
        "chat_template_kwargs",
        "ec_transfer_params",
        "kv_transfer_params",
        "logits_processors",
        "media_io_kwargs",
        "mm_processor_kwargs",
        "prompt_embeds",
        "request_id",
        "vllm_xargs",
    }
)


def refuse_controls(body: Body, _offering: Offering) -> Body:
    """A quirk: refuse fields that reach past the prompt into the engine."""
    given = sorted(name for name in CONTROLS & body.keys() if body[name] is not None)
    if given:
        raise CannotExpress(f"The engine does not take {', '.join(given)} from a caller.")
    return body


VLLM = Backend(
    name="vllm",
    ways=(
        Way(dialect=OPENAI_CHAT, path="/v1/chat/completions"),
        Way(dialect=ANTHROPIC_MESSAGES, path="/v1/messages"),
        Way(dialect=ANTHROPIC_COUNT, path="/v1/messages/count_tokens"),
        Way(dialect=OPENAI_RESPONSES, path="/v1/responses"),
    ),
    credential=bearer.optional,
    quirks=(refuse_controls,),
    probe_path="/health",
)
