"""All of a request that is not a turn: tools, choice, sampling, form of the answer, thinking."""

from typing import Any

from gateway.dialects.gemini.admit import declarations
from gateway.dialects.gemini.losses import Losses
from gateway.dialects.gemini.schema import as_json_schema
from gateway.dialects.gemini.shapes import (
    CallingConfig,
    Declaration,
    GenerationConfig,
    Request,
    ThinkingConfig,
)
from gateway.domain.conversation import Sampling, ToolChoice, ToolSpec
from gateway.domain.errors import Malformed
from gateway.translation.effort import effort_of
from gateway.translation.shaping import shaped

# What is asked of others where the model itself may say how long it thinks.
DYNAMIC = "medium"
JSON_TYPE = "application/json"
TEXT_TYPE = "text/plain"

_MODES = {"AUTO": "auto", "ANY": "any", "NONE": "none", "VALIDATED": "auto"}
_LEVELS = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "xhigh",
}
_UNSPECIFIED = ("MODE_UNSPECIFIED", "THINKING_LEVEL_UNSPECIFIED")
_DECLARED = ("name", "description", "parameters", "parametersJsonSchema")
# What a function may return, and in which form, is for the client alone.
_RETURNS = ("response", "responseJsonSchema")
_NO_CHOICE = CallingConfig()
_EMPTY: dict[str, Any] = {"type": "object", "properties": {}}


def tools(request: Request, choice: ToolChoice | None, losses: Losses) -> tuple[ToolSpec, ...]:
    """Return the functions; only such as the client allows, where it allows some.

    WHY: no other dialect can allow some of its tools: the others are not shown, or the model might
    call them.
    """
    allowed = set(_calling(request).allowed_function_names or ())
    specs = [_tool(one, losses) for one in declarations(request.tools)]
    kept = tuple(spec for spec in specs if not allowed or spec.name in allowed)
    if len(kept) < len(specs) and (choice is None or choice.mode != "tool"):
        losses.note("allowed_function_names")
        return kept
    return tuple(specs)


def tool_choice(request: Request, losses: Losses) -> ToolChoice | None:
    """Return which tools the model must or must not call; Malformed for another mode."""
    config = _calling(request)
    if config.mode is None or config.mode in _UNSPECIFIED:
        return None
    if config.mode not in _MODES:
        raise Malformed("functionCallingConfig.mode must be AUTO, ANY, NONE or VALIDATED.")
    if config.mode == "VALIDATED":
        losses.note("validated_calls")
    allowed = config.allowed_function_names or []
    if config.mode == "ANY" and len(allowed) == 1:
        return ToolChoice("tool", allowed[0])
    return ToolChoice(_MODES[config.mode])


def sampling(config: GenerationConfig, losses: Losses) -> Sampling:
    """Return how the reply is drawn."""
    if (config.candidate_count or 1) > 1:
        losses.note("candidate_count")
    return Sampling(
        output_tokens_max=config.max_output_tokens,
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=None if config.top_k is None else int(config.top_k),
        seed=config.seed,
        frequency_penalty=config.frequency_penalty,
        presence_penalty=config.presence_penalty,
        stop=tuple(config.stop_sequences or ()),
    )


def answer_schema(config: GenerationConfig, losses: Losses) -> dict[str, Any] | None:
    """Return the JSON Schema of the answer, {} for any object, None for free text."""
    if config.response_mime_type in (None, TEXT_TYPE):
        if config.response_schema or config.response_json_schema:
            losses.note("response_json_schema")
        return None
    if config.response_mime_type != JSON_TYPE:
        losses.note("response_mime_type")
        return None
    if config.response_json_schema is not None:
        return config.response_json_schema
    found: dict[str, Any] = as_json_schema(config.response_schema or {})
    return found


def thinking(config: ThinkingConfig | None, losses: Losses) -> tuple[str | None, int | None]:
    """Return the effort, and its bound in tokens; what is shown of it is not for us to say."""
    if config is None:
        return None, None
    level, budget = config.thinking_level, config.thinking_budget
    if level is not None and level not in _UNSPECIFIED:
        if level.upper() not in _LEVELS:
            losses.note("thinking_level")
        return _LEVELS.get(level.upper()), None
    if budget is not None:
        return _effort(budget), budget if budget > 0 else None
    if config.include_thoughts:
        losses.note("include_thoughts")
    return None, None


def _effort(budget: int) -> str:
    """Return the nearest effort; a negative budget leaves it to the model."""
    if budget > 0:
        return effort_of(budget)
    return "off" if budget == 0 else DYNAMIC


def _calling(request: Request) -> CallingConfig:
    config = request.tool_config
    return (config.function_calling_config if config else None) or _NO_CHOICE


def _tool(declared: dict[str, Any], losses: Losses) -> ToolSpec:
    losses.extras(declared, (*_DECLARED, *_RETURNS))
    spec = shaped(declared, Declaration)
    schema = spec.parameters_json_schema
    if schema is None:
        schema = as_json_schema(spec.parameters or _EMPTY)
    return ToolSpec(spec.name, spec.description or "", schema)
