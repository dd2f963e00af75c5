"""What a request says to the model itself, beside the fields of Converse."""

from typing import Any

from msgspec import Struct

from gateway.dialects.bedrock_converse.losses import Losses
from gateway.dialects.bedrock_converse.shapes import Request
from gateway.dialects.bedrock_converse.vocabulary import EXTRAS_FIELD
from gateway.domain.conversation import EFFORTS

LOW_TOKENS_MAX = 4_096
MEDIUM_TOKENS_MAX = 16_384
DEFAULT_EFFORT = "high"

_REASONING = ("reasoningConfig", "reasoning_config")


class Extras(Struct, frozen=True):
    """The part of it that any model may understand."""

    top_k: int | None = None
    parallel: bool | None = None
    thinking: str | None = None
    thinking_tokens_max: int | None = None


def read_extras(request: Request, losses: Losses) -> Extras:
    """Return what a conversation can hold, and note the rest."""
    said = dict(request.additional_model_request_fields or {})
    top_k = _top_k(said)
    parallel = _parallel(said)
    thinking, tokens = _thinking(said, _effort(request, said, losses), losses)
    if said.pop("anthropic_beta", None):
        losses.note("anthropic_beta")
    if any(value is not None for value in said.values()):
        losses.note(EXTRAS_FIELD)
    return Extras(top_k, parallel, thinking, tokens)


def _top_k(said: dict[str, Any]) -> int | None:
    """Return `top_k` by any of its three names; what is no number stays, and is lost."""
    nested = said.get("inferenceConfig")
    for name in ("top_k", "topK"):
        if _is_count(said.get(name)):
            return int(said.pop(name))
    if isinstance(nested, dict) and nested.keys() == {"topK"} and _is_count(nested["topK"]):
        return int(said.pop("inferenceConfig")["topK"])
    return None


def _parallel(said: dict[str, Any]) -> bool | None:
    """Return whether calls may be parallel: Claude is told so in a choice of its own."""
    choice = said.get("tool_choice")
    alone = choice.get("disable_parallel_tool_use") if isinstance(choice, dict) else None
    if not isinstance(alone, bool):
        return None
    del said["tool_choice"]
    return not alone


def _effort(request: Request, said: dict[str, Any], losses: Losses) -> str | None:
    output = said.get("output_config")
    given = request.output_config.effort if request.output_config is not None else None
    if given is None and isinstance(output, dict) and output.keys() == {"effort"}:
        given = said.pop("output_config")["effort"]
    if given is None:
        given = said.pop("reasoning_effort", None)
    if given is None or given in EFFORTS:
        return given
    losses.note("effort")
    return None


def _thinking(
    said: dict[str, Any], effort: str | None, losses: Losses
) -> tuple[str | None, int | None]:
    """Return effort and bound: of Claude's `thinking`, or of Nova's `reasoningConfig`."""
    found = [(name, said[name]) for name in ("thinking", *_REASONING) if name in said]
    if not found:
        return effort, None
    name, wanted = found[0]
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in ("enabled", "adaptive", "disabled"):
        return effort, None
    del said[name]
    if kind == "disabled":
        if effort is not None:
            losses.note("effort")
        return "off", None
    if wanted.get("display") is not None:
        losses.note("display")
    nova = wanted.get("maxReasoningEffort")
    return _bounded(effort or (nova if nova in EFFORTS else None), wanted.get("budget_tokens"))


def _bounded(effort: str | None, tokens: object) -> tuple[str, int | None]:
    """Return the effort, the nearest to the bound where only that is said."""
    if not _is_count(tokens) or not isinstance(tokens, int):
        return effort or DEFAULT_EFFORT, None
    nearest = DEFAULT_EFFORT if tokens > MEDIUM_TOKENS_MAX else "medium"
    return effort or ("low" if tokens <= LOW_TOKENS_MAX else nearest), tokens


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
