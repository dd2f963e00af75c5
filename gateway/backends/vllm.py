"""vLLM's own server, on our own GPUs: it speaks OpenAI chat, responses and messages."""

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.transport.backend import Backend, Path
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
    speaks={
        OPENAI_CHAT.name: Path("/v1/chat/completions"),
        ANTHROPIC_MESSAGES.name: Path("/v1/messages"),
        OPENAI_RESPONSES.name: Path("/v1/responses"),
    },
    dialects=(OPENAI_CHAT, ANTHROPIC_MESSAGES, OPENAI_RESPONSES),
    credential=bearer.optional,
    quirks=(refuse_controls,),
    probe_path="/health",
)
