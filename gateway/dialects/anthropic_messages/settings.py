"""What a conversation asks of the engine beside its words: thinking, sampling, form, tools."""

from msgspec import Struct

from gateway.dialects.anthropic_messages.losses import Losses
from gateway.domain.conversation import Conversation, Sampling, ToolChoice, ToolSpec
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.translation import claude, effort, marks
from gateway.translation.names import Names
from gateway.translation.schemas import arguments_schema, simplified

TEMPERATURE_MAX = 1.0
NAMES = Names(name_chars_max=128, id_chars_max=128)

_UNSAID = ("seed", "frequency_penalty", "presence_penalty")
_FORCED = ("any", "tool")


class Thought(Struct, frozen=True):
    """How the model is told to think: the field, and the effort that stands elsewhere."""

    field: Body | None = None
    effort: str | None = None

    @property
    def thinks(self) -> bool:
        """Was thinking asked for?"""
        return self.field is not None and self.field["type"] != "disabled"


def max_tokens(sampling: Sampling, offering: Offering, losses: Losses) -> int:
    """Return the limit of the reply, which this dialect demands."""
    if sampling.output_tokens_max is not None:
        return sampling.output_tokens_max
    losses.note("max_tokens_injected")
    return offering.output_tokens_max


def write_thinking(
    conversation: Conversation, messages: list[Body], offering: Offering, losses: Losses
) -> Thought:
    """Return what to say of thinking; a loss where the model, or this request, forbids it."""
    wanted = conversation.thinking
    if wanted is None:
        return Thought()
    if wanted == "off":
        return Thought({"type": "disabled"})
    # WHY: the vendor refuses a forced tool together with thinking; the tool is the order.
    way = "" if _is_forced(conversation) else _way(offering)
    if way == "adaptive":
        if conversation.thinking_tokens_max is not None:
            losses.note("thinking_tokens_max")
        return Thought({"type": "adaptive"}, claude.effort_for(wanted, losses))
    limit = conversation.sampling.output_tokens_max or offering.output_tokens_max
    budget = effort.budget(wanted, conversation.thinking_tokens_max, limit)
    if way != "budget" or budget is None or _answers_unsigned_call(messages):
        losses.note("thinking")
        return Thought()
    return Thought({"type": "enabled", "budget_tokens": budget})


def write_sampling(
    sampling: Sampling, thought: Thought, offering: Offering, losses: Losses
) -> Body:
    """Return how the reply is drawn."""
    for name in _UNSAID:
        if getattr(sampling, name) is not None:
            losses.note(name)
    said = _stops(sampling, losses)
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(sampling, name)
        if value is None:
            continue
        if thought.thinks:
            # WHY: the vendor refuses these together with thinking.
            losses.note(name)
        else:
            said[name] = value
    if said.get("temperature", 0) > TEMPERATURE_MAX:
        losses.note("temperature")
        said["temperature"] = TEMPERATURE_MAX
    if {"temperature", "top_p"} <= said.keys() and _version(offering) >= claude.SCHEMA_FROM:
        # WHY: newer models refuse both at once.
        losses.note("top_p")
        del said["top_p"]
    return said


def _stops(sampling: Sampling, losses: Losses) -> Body:
    # WHY: the vendor refuses a sequence of blanks.
    stops = [stop for stop in sampling.stop if stop.strip()]
    if len(stops) < len(sampling.stop):
        losses.note("stop")
    return {"stop_sequences": stops} if stops else {}


def write_output(
    conversation: Conversation, thought: Thought, offering: Offering, losses: Losses
) -> Body:
    """Return form and effort of the answer; the name of a schema is a handle, and no loss."""
    said: Body = {"effort": thought.effort} if thought.effort is not None else {}
    if conversation.answer_schema is not None:
        schema = _answer(conversation.answer_schema, offering, losses)
        said |= {"format": {"type": "json_schema", "schema": schema}} if schema else {}
    return {"output_config": said} if said else {}


def write_tools(conversation: Conversation, losses: Losses) -> Body:
    """Return the tools, and which of them must be called."""
    choice = conversation.tool_choice
    if not conversation.tools:
        if choice is not None and choice.mode in _FORCED:
            losses.note("tool_choice")
        return {}
    said: Body = {"tools": [_tool(tool) for tool in conversation.tools]}
    if choice is not None:
        said["tool_choice"] = _choice(choice)
    return said


def _answer(schema: Body, offering: Offering, losses: Losses) -> Body | None:
    """Return the schema of the answer; None, as a loss, where the model knows no such thing.

    WHY: a Claude takes schemas of its own subset alone, in which every object is closed; an object
    of any form, which other vendors have a word for, is none of them.
    """
    found = _version(offering)
    if not _is_claude(offering):
        return schema or {"type": "object"}
    if not schema or found < claude.SCHEMA_FROM:
        losses.note("answer_schema")
        return None
    return simplified(schema, losses)


def _is_claude(offering: Offering) -> bool:
    return "claude" in offering.wire_model or "claude" in offering.model


def _version(offering: Offering) -> tuple[int, int]:
    return max(claude.version(offering.wire_model), claude.version(offering.model))


def _is_forced(conversation: Conversation) -> bool:
    choice = conversation.tool_choice
    return choice is not None and choice.mode in _FORCED and bool(conversation.tools)


def _way(offering: Offering) -> str:
    """Return how that model is told to think; of another maker's model we know nothing."""
    if not _is_claude(offering):
        return "adaptive"
    return claude.thinks(offering.wire_model) or claude.thinks(offering.model)


def _answers_unsigned_call(messages: list[Body]) -> bool:
    """Does the last thing that the model said call a tool, without reasoning before it?

    WHY: the vendor refuses such a history where thinking has a budget.
    """
    said = (one["content"] for one in reversed(messages) if one["role"] == "assistant")
    last: list[Body] = next(said, [])
    kinds = [block["type"] for block in last]
    return "tool_use" in kinds and kinds[0] not in {"thinking", "redacted_thinking"}


def _tool(tool: ToolSpec) -> Body:
    said: Body = {"name": NAMES.name(tool.name)}
    if tool.description:
        said["description"] = tool.description
    said["input_schema"] = arguments_schema(tool.schema)
    if tool.strict:
        said["strict"] = True
    return {**said, **marks.write(tool.cache)}


def _choice(choice: ToolChoice) -> Body:
    said: Body = {"type": choice.mode}
    if choice.name is not None:
        said["name"] = NAMES.name(choice.name)
    if choice.parallel is not None and choice.mode != "none":
        said["disable_parallel_tool_use"] = not choice.parallel
    return said
