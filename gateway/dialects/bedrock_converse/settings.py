"""Thinking, sampling and the form of the answer."""

from typing import Any

import msgspec

from gateway.dialects.bedrock_converse.family import Family
from gateway.dialects.bedrock_converse.losses import Losses
from gateway.dialects.bedrock_converse.tools import FORCED
from gateway.domain.conversation import Conversation, Sampling
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.translation import effort

TEMPERATURE_MAX = 1.0
ANSWER_NAME = "answer"

_UNSAID = ("seed", "frequency_penalty", "presence_penalty")


class Thought(msgspec.Struct, frozen=True):
    """How the model is told to think: the field, the effort, and the limit that it needs."""

    field: dict[str, Any] | None = None
    effort: str | None = None
    output_tokens_max: int | None = None

    @property
    def thinks(self) -> bool:
        """Was thinking asked for, in words that the model knows?"""
        return self.field is not None and self.field["type"] != "disabled"


def write_thinking(
    conversation: Conversation,
    messages: list[Body],
    offering: Offering,
    family: Family,
    losses: Losses,
) -> Thought:
    """Return what to say of thinking; a loss where the model, or this request, forbids it."""
    wanted = conversation.thinking
    if wanted is None or (wanted == "off" and family.is_claude and not family.thinks):
        return Thought()
    choice = conversation.tool_choice
    is_forced = choice is not None and choice.mode in FORCED and bool(conversation.tools)
    # WHY: the vendor refuses a forced tool together with thinking; the tool is the order.
    if not family.thinks or (is_forced and wanted != "off"):
        losses.note("thinking")
        return Thought()
    if wanted == "off":
        return Thought({"type": "disabled"})
    if family.thinks == "adaptive":
        return _adaptive(conversation, wanted, family, losses)
    return _budget(conversation, messages, offering, losses)


def _adaptive(conversation: Conversation, wanted: str, family: Family, losses: Losses) -> Thought:
    """Return the effort, or the nearest one that the model knows; it takes no bound."""
    if conversation.thinking_tokens_max is not None:
        losses.note("thinking_tokens_max")
    if wanted not in family.efforts:
        losses.note("effort")
    return Thought({"type": "adaptive"}, effort=effort.nearest(wanted, family.efforts))


def _budget(
    conversation: Conversation, messages: list[Body], offering: Offering, losses: Losses
) -> Thought:
    """Return a budget below the limit of the reply.

    WHY: a call that is answered now must begin with the reasoning that led to it; a history
    without it is refused, so such a request goes without thinking.
    """
    limit = conversation.sampling.output_tokens_max
    if limit is None:
        limit = offering.output_tokens_max
        losses.note("max_tokens_injected")
    wanted = conversation.thinking or ""
    tokens = effort.budget(wanted, conversation.thinking_tokens_max, limit)
    if tokens is None or _answers_unsigned_call(messages):
        losses.note("thinking")
        return Thought(output_tokens_max=limit)
    return Thought({"type": "enabled", "budget_tokens": tokens}, output_tokens_max=limit)


def _answers_unsigned_call(messages: list[Body]) -> bool:
    said = (one["content"] for one in reversed(messages) if one["role"] == "assistant")
    last: list[Body] = next(said, [])
    return any("toolUse" in block for block in last) and "reasoningContent" not in last[0]


def write_sampling(sampling: Sampling, thought: Thought, losses: Losses) -> Body:
    """Return `inferenceConfig`, or nothing."""
    # WHY: the vendor refuses these together with thinking.
    unsaid = (*_UNSAID, "temperature", "top_p") if thought.thinks else _UNSAID
    for name in unsaid:
        if getattr(sampling, name) is not None:
            losses.note(name)
    temperature = None if thought.thinks else sampling.temperature
    if temperature is not None and temperature > TEMPERATURE_MAX:
        losses.note("temperature")
        temperature = TEMPERATURE_MAX
    said = {
        "maxTokens": sampling.output_tokens_max or thought.output_tokens_max,
        "temperature": temperature,
        "topP": None if thought.thinks else sampling.top_p,
        "stopSequences": [stop for stop in sampling.stop if stop] or None,
    }
    said = {name: value for name, value in said.items() if value is not None}
    return {"inferenceConfig": said} if said else {}


def write_extras(sampling: Sampling, family: Family, thought: Thought, losses: Losses) -> Body:
    """Return the fields for Claude alone, or nothing.

    The stop sequence is asked for in both places in which Bedrock may tell it.
    """
    said: dict[str, Any] = {}
    if thought.field is not None:
        said["thinking"] = thought.field
    if sampling.top_k is not None:
        if family.is_claude and not thought.thinks:
            said["top_k"] = sampling.top_k
        else:
            losses.note("top_k")
    extras: Body = {"additionalModelRequestFields": said} if said else {}
    if family.is_claude and any(sampling.stop):
        extras["additionalModelResponseFieldPaths"] = ["/stop_sequence", "/delta/stop_sequence"]
    return extras


def write_output(
    conversation: Conversation, thought: Thought, offering: Offering, losses: Losses
) -> Body:
    """Return `outputConfig`, or nothing; a schema only where the catalogue says `json`."""
    said: Body = {"effort": thought.effort} if thought.effort is not None else {}
    schema = conversation.answer_schema
    if schema is not None and "json" in offering.capabilities:
        written = msgspec.json.encode(schema or {"type": "object"}).decode()
        name = conversation.answer_name or ANSWER_NAME
        named = {"jsonSchema": {"name": name, "schema": written}}
        said["textFormat"] = {"type": "json_schema", "structure": named}
    elif schema is not None:
        losses.note("answer_schema")
    return {"outputConfig": said} if said else {}
