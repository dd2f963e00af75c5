"""What a request asks for, and the body that passes through to an engine of the same dialect."""

from typing import Any

from msgspec import UNSET

from gateway.dialects.openai_chat.media import needs_of
from gateway.dialects.openai_chat.offered import refuse_provider_tools
from gateway.dialects.openai_chat.references import refuse_references
from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body
from gateway.translation import fields

N_MAX = 8
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
# WHY: each of these reaches past the prompt into the engine: templates run code, embeddings and
# transfer parameters are loaded as they are, a salt or a processor is for the operator to set.
REFUSED = (
    "chat_template",
    "chat_template_kwargs",
    "prompt_embeds",
    "vllm_xargs",
    "kv_transfer_params",
    "ec_transfer_params",
    "mm_processor_kwargs",
    "media_io_kwargs",
    "logits_processors",
    "cache_salt",
)


def peek(body: Body, passed: frozenset[str] = frozenset()) -> Ask:
    """Return what is asked for; Malformed for missing fields and wrong types.

    Malformed or CannotExpress for what would make the provider fetch or run something and is not in
    `passed`.
    """
    model = fields.required(fields.text(body, "model"), "model")
    found, reaches = messages_needs(body, passed)
    needs = set(found)
    refuse_provider_tools(body)
    _inspect_prediction(body)
    if fields.records(body, "tools"):
        needs.add("tools")
    replies = fields.positive(body, "n") or 1
    if replies > N_MAX:
        raise Malformed(f"n must be at most {N_MAX}.")
    stream = bool(fields.flag(body, "stream"))
    options = fields.record(body, "stream_options") or {}
    include_usage = bool(fields.flag(options, "include_usage", "stream_options."))
    return Ask(
        model=model,
        stream=stream,
        usage_wanted=include_usage or not stream,
        needs=frozenset(needs),
        output_tokens_max=output_tokens_max(body),
        reaches=reaches or UNSET,
        replies=replies if replies > 1 else UNSET,
    )


def output_tokens_max(body: Body) -> int | None:
    """Return the limit of the reply; the newer of the two field names wins."""
    older = fields.positive(body, "max_tokens")
    newer = fields.positive(body, "max_completion_tokens")
    return older if newer is None else newer


def messages_needs(
    body: Body, passed: frozenset[str] = frozenset()
) -> tuple[frozenset[str], frozenset[str]]:
    """Check every message; return the capabilities that their parts call for, and what passes."""
    messages = fields.records(body, "messages")
    if not messages:
        raise Malformed("messages must not be empty.")
    needs: frozenset[str] = frozenset()
    reaches: frozenset[str] = frozenset()
    for at, message in enumerate(messages):
        if message.get("role") not in ROLES:
            raise Malformed(f"messages[{at}].role must be one of {', '.join(ROLES)}.")
        content = message.get("content")
        if content is not None and not isinstance(content, str):
            found, reached = needs_of(content, f"messages[{at}].content", passed)
            needs, reaches = needs | found, reaches | reached
        refuse_references({**message, "content": None}, f"messages[{at}]")
        if message.get("audio") is not None:
            raise Malformed(f"messages[{at}].audio names what the provider keeps; send words.")
    return needs, reaches


def _inspect_prediction(body: Body) -> None:
    prediction = fields.record(body, "prediction") or {}
    content = prediction.get("content")
    if content is not None and not isinstance(content, str):
        needs_of(content, "prediction.content")
    refuse_references({**prediction, "content": None}, "prediction")


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
        changed["stream_options"] = _with_usage(body.get("stream_options") or {})
    if body.get("store") is not None:
        changed["store"] = False
    return {**body, **changed}


def _with_usage(options: dict[str, Any]) -> dict[str, Any]:
    """Ask for one usage event at the end, which the tap can remove again."""
    forced: dict[str, Any] = {"include_usage": True}
    if not options.get("include_usage") and "continuous_usage_stats" in options:
        forced["continuous_usage_stats"] = False
    return {**options, **forced}
