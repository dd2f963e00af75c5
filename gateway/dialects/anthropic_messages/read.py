"""A Messages request as a conversation."""

from typing import Any

from gateway.dialects.anthropic_messages import shapes
from gateway.dialects.anthropic_messages.losses import Losses
from gateway.dialects.anthropic_messages.parts import PartReader
from gateway.dialects.anthropic_messages.shapes import Prompt, Request, admit
from gateway.domain.conversation import (
    EFFORTS,
    Conversation,
    Sampling,
    Text,
    ToolChoice,
    ToolSpec,
    Turn,
)
from gateway.domain.errors import Malformed
from gateway.domain.request import Body
from gateway.translation import marks
from gateway.translation.effort import effort_of
from gateway.translation.shaping import shaped

# The vendor's own default.
USUAL = "high"

_FIELDS = Request.__struct_fields__
_TOOL_FIELDS = (*shapes.Tool.__struct_fields__, marks.FIELD)
_MODES = frozenset({"auto", "any", "none", "tool"})


def read(body: Body, shape: type[Prompt] = Request) -> tuple[Conversation, tuple[str, ...]]:
    """Return the conversation and what it cannot hold; Malformed or CannotExpress."""
    request = admit(body, shape=shape).request
    losses = Losses()
    parts = PartReader(losses)
    system = parts.words(request.system)
    promoted, turns = _turns(request, parts, losses)
    thinking, budget_tokens = _thinking(request, losses)
    conversation = Conversation(
        system=(*system, *promoted),
        turns=turns,
        tools=tuple(_tool(tool, losses) for tool in request.tools or ()),
        tool_choice=_choice(request.tool_choice),
        sampling=_sampling(request),
        answer_schema=_schema(request, losses),
        thinking=thinking,
        thinking_tokens_max=budget_tokens,
    )
    losses.extras(body, _FIELDS)
    return conversation, losses.names


def _turns(
    request: Prompt, parts: PartReader, losses: Losses
) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
    promoted: list[Text] = []
    turns: list[Turn] = []
    for message in request.messages:
        if message.role == "system":
            promoted.extend(parts.words(message.content))
            if turns:
                losses.note("system_position")
        else:
            turns.append(Turn(message.role, parts.read(message.role, message.content)))
    return tuple(promoted), tuple(turns)


def _tool(tool: dict[str, Any], losses: Losses) -> ToolSpec:
    losses.extras(tool, _TOOL_FIELDS)
    spec = shaped(tool, shapes.Tool)
    lasts = marks.read(tool, losses)
    return ToolSpec(spec.name, spec.description or "", spec.input_schema, spec.strict, lasts)


def _choice(choice: shapes.ToolChoice | None) -> ToolChoice | None:
    if choice is None:
        return None
    if choice.type not in _MODES or (choice.type == "tool") != bool(choice.name):
        raise Malformed("tool_choice must be auto, any, none, or tool with a name")
    alone = choice.disable_parallel_tool_use
    return ToolChoice(choice.type, choice.name, None if alone is None else not alone)


def _sampling(request: Prompt) -> Sampling:
    return Sampling(
        output_tokens_max=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop=tuple(request.stop_sequences or ()),
    )


def _schema(request: Prompt, losses: Losses) -> dict[str, Any] | None:
    wanted = request.output_config.format if request.output_config else None
    if wanted is None:
        return None
    if wanted.type != "json_schema" or wanted.schema is None:
        losses.note("output_format")
        return None
    return wanted.schema


def _thinking(request: Prompt, losses: Losses) -> tuple[str | None, int | None]:
    """Return effort and bound of thinking; without an effort the bound says it."""
    wanted = request.thinking
    said = request.output_config.effort if request.output_config else None
    if wanted is not None and wanted.display is not None:
        losses.note("display")
    if wanted is None or wanted.type == "disabled":
        if said is not None:
            losses.note("effort")
        return (None if wanted is None else "off"), None
    if wanted.type not in ("enabled", "adaptive"):
        losses.note("thinking")
        return None, None
    budget_tokens = wanted.budget_tokens
    if said in EFFORTS:
        return said, budget_tokens
    if said is not None:
        losses.note("effort")
    return (USUAL if budget_tokens is None else effort_of(budget_tokens)), budget_tokens
