"""vLLM's own server, on our own GPUs: it speaks OpenAI's dialects and Anthropic's messages.

What it takes is listed here: what its request types of version 0.32 hold, less what is not for a
caller to say.
"""

from typing import Any

from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT, ANTHROPIC_MESSAGES
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from gateway.dialects.openai_embeddings import OPENAI_EMBEDDINGS
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.translation.fim import NATIVE, filled_in, left_to_the_engine
from gateway.translation.media import DATA_URL
from gateway.transport import vllm_check
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
        "mm_payload",
        "mm_processor_kwargs",
        "prompt_embeds",
        "request_id",
        "vllm_xargs",
    }
)
# Settings of vLLM's own that a caller may say.
SAMPLING = frozenset(
    {
        "allowed_token_ids",
        "bad_words",
        "include_stop_str_in_output",
        "length_penalty",
        "logit_bias",
        "min_p",
        "min_tokens",
        "repetition_penalty",
        "skip_special_tokens",
        "spaces_between_special_tokens",
        "stop",
        "stop_token_ids",
        "structured_outputs",
        "thinking_token_budget",
        "top_k",
        "truncate_prompt_tokens",
        "use_beam_search",
    }
)
# It takes these and does nothing with them; clients send them all the time.
UNUSED = frozenset({"metadata", "prompt_cache_key", "safety_identifier", "service_tier", "user"})
CHAT = frozenset(
    {
        "add_generation_prompt",
        "continue_final_message",
        "documents",
        "include_reasoning",
    }
)
EMBEDS = frozenset(
    {
        "add_special_tokens",
        "dimensions",
        "encoding_format",
        "input",
        "model",
        "truncate_prompt_tokens",
    }
)
# Where parts stand in parts.
_PARTS = ("content", "output", "source")
UNTAKEN = frozenset({"best_of", "random_seed"})
RESPONSES = frozenset({"frequency_penalty", "include_reasoning", "presence_penalty", "seed"})


def refuse_controls(body: Body, _offering: Offering) -> Body:
    """A quirk: refuse fields that reach past the prompt into the engine."""
    given = sorted(name for name in CONTROLS & body.keys() if body[name] is not None)
    if given:
        raise CannotExpress(f"The engine does not take {', '.join(given)} from a caller.")
    return body


def refuse_references(body: Body, _offering: Offering) -> Body:
    """A quirk: refuse what vLLM would fetch itself, whatever policy lets into its zone.

    WHY: it fetches from wherever it stands, and what stands there is nobody else's to reach.
    """
    todo: list[object] = [body.get("messages"), body.get("input")]
    while todo:
        found = todo.pop()
        if isinstance(found, list):
            todo += found
        elif isinstance(found, dict):
            if _refers(found):
                raise CannotExpress("The engine fetches nothing: send the data itself.")
            todo += [found.get(name) for name in _PARTS]
    return body


def _refers(part: dict[str, Any]) -> bool:
    address, file, source = (part.get(name) for name in ("image_url", "file", "source"))
    url = address.get("url") if isinstance(address, dict) else address
    return (
        any(part.get(name) is not None for name in ("file_id", "file_url"))
        or (isinstance(url, str) and not url.startswith(DATA_URL))
        or (isinstance(file, dict) and file.get("file_id") is not None)
        or (isinstance(source, dict) and source.get("type") in ("url", "file"))
    )


def salted(body: Body, tenant: str) -> Body:
    """Return the body with the salt that keeps the cached prompts of one tenant from another.

    WHY: the time to the first token tells whether somebody else has sent the same prompt.
    """
    return {**body, "cache_salt": tenant}


def fill_in(body: Body, offering: Offering) -> Body:
    """A quirk: put a suffix into the prompt as the model's family wants it.

    WHY: vLLM does that itself for DeepSeek V4 alone (`fim: native`), and takes no empty suffix.
    """
    suffix = body.get("suffix")
    without = {name: value for name, value in body.items() if name != "suffix"}
    if not suffix:
        return without
    given = body["prompt"]
    prefix = given if isinstance(given, str) else given[0]
    if offering.fim == NATIVE:
        left_to_the_engine(prefix, suffix)
        return body
    return {**without, "prompt": filled_in(offering.fim, prefix, suffix)}


VLLM = Backend(
    name="vllm",
    ways=(
        Way(
            dialect=OPENAI_CHAT,
            path="/v1/chat/completions",
            takes=OPENAI_CHAT.may_leave | SAMPLING | UNUSED | CHAT,
            salted=salted,
        ),
        Way(
            dialect=ANTHROPIC_MESSAGES,
            path="/v1/messages",
            takes=ANTHROPIC_MESSAGES.may_leave | UNUSED,
            salted=salted,
        ),
        Way(
            dialect=ANTHROPIC_COUNT,
            path="/v1/messages/count_tokens",
            takes=ANTHROPIC_COUNT.may_leave,
        ),
        Way(
            dialect=OPENAI_RESPONSES,
            path="/v1/responses",
            takes=OPENAI_RESPONSES.may_leave | SAMPLING | UNUSED | RESPONSES,
            salted=salted,
        ),
        Way(
            dialect=OPENAI_EMBEDDINGS,
            path="/v1/embeddings",
            takes=EMBEDS | UNUSED,
            salted=salted,
        ),
        Way(
            dialect=OPENAI_COMPLETIONS,
            path="/v1/completions",
            quirks=(fill_in,),
            takes=(OPENAI_COMPLETIONS.may_leave - UNTAKEN) | SAMPLING | UNUSED,
            salted=salted,
        ),
    ),
    credential=bearer.optional,
    quirks=(refuse_controls, refuse_references),
    probe_path="/health",
    inspect=vllm_check.inspect,
)
