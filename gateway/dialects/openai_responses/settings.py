"""All of a body that is not input: tools, choice, sampling, form of the answer."""

from typing import Any

from msgspec import Struct

from gateway.dialects.openai_responses.losses import Losses
from gateway.dialects.openai_responses.tools import lost_name
from gateway.domain.conversation import EFFORTS, Sampling, ToolChoice, ToolSpec
from gateway.domain.errors import Malformed
from gateway.domain.request import Body
from gateway.translation import fields

_KNOWN = frozenset(
    {
        "background",
        "input",
        "instructions",
        "max_output_tokens",
        "model",
        "parallel_tool_calls",
        "reasoning",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_p",
    }
)
# What says no more than leaving the field out would.
_SILENT = {
    "service_tier": ("auto", "default"),
    "store": (False,),
    "top_logprobs": (0,),
    "truncation": ("disabled",),
}
_MODES = {"auto": "auto", "none": "none", "required": "any"}
_TOOL_FIELDS = frozenset({"type", "name", "description", "parameters", "strict"})


class Answer(Struct, frozen=True):
    """The form of the answer; `schema` is None for free text, {} for any JSON object."""

    schema: dict[str, Any] | None = None
    name: str = ""
    strict: bool | None = None


def tools(body: Body, lost: Losses) -> tuple[ToolSpec, ...]:
    """Return the tools that are functions; others are lost by their type."""
    specs = []
    for at, tool in enumerate(fields.records(body, "tools")):
        path = f"tools[{at}]."
        if tool["type"] != "function":
            lost.note(lost_name(tool["type"]))
            continue
        lost.extras(tool, _TOOL_FIELDS, "tools.")
        specs.append(
            ToolSpec(
                name=fields.named(tool, "name", path),
                description=fields.text(tool, "description", path) or "",
                schema=fields.record(tool, "parameters", path)
                or {"type": "object", "properties": {}},
                strict=fields.flag(tool, "strict", path),
            )
        )
    return tuple(specs)


def tool_choice(body: Body, lost: Losses) -> ToolChoice | None:
    """Return which tools the model must or must not call, and whether several at once."""
    parallel = fields.flag(body, "parallel_tool_calls")
    choice = body.get("tool_choice")
    if choice is None:
        return ToolChoice("auto", parallel=parallel) if parallel is not None else None
    if isinstance(choice, str):
        if choice not in _MODES:
            raise Malformed("tool_choice must be auto, none, required or one named function.")
        return ToolChoice(_MODES[choice], parallel=parallel)
    if choice.get("type") != "function":
        lost.note("tool_choice")
        return ToolChoice("auto", parallel=parallel)
    return ToolChoice("tool", fields.named(choice, "name", "tool_choice."), parallel)


def sampling(body: Body) -> Sampling:
    """Return how the reply is drawn."""
    return Sampling(
        output_tokens_max=fields.positive(body, "max_output_tokens"),
        temperature=fields.number(body, "temperature"),
        top_p=fields.number(body, "top_p"),
    )


def answer(body: Body, lost: Losses) -> Answer:
    """Return the form of the answer: of a JSON Schema, of any JSON object, or free.

    The schema's description is for nobody but its reader, and no loss.
    """
    wanted = fields.record(body, "text") or {}
    lost.extras(wanted, frozenset({"format"}), "text.")
    form = fields.record(wanted, "format", "text.") or {}
    kind = form.get("type", "text")
    if kind == "json_object":
        return Answer({})
    if kind == "json_schema":
        return Answer(
            fields.record(form, "schema", "text.format.") or {},
            fields.text(form, "name", "text.format.") or "",
            fields.flag(form, "strict", "text.format."),
        )
    if kind != "text":
        lost.note("text.format")
    return Answer()


def thinking(body: Body, lost: Losses) -> str | None:
    """Return the effort; a word that nobody knows is a loss."""
    reasoning = fields.record(body, "reasoning") or {}
    lost.extras(reasoning, frozenset({"effort"}), "reasoning.")
    wanted = fields.text(reasoning, "effort", "reasoning.")
    effort = "off" if wanted == "none" else wanted
    if effort is None or effort == "off" or effort in EFFORTS:
        return effort
    lost.note("reasoning.effort")
    return None


def leftovers(body: Body, lost: Losses) -> None:
    """Add the fields that nobody has read; identifying ones among them are not passed on."""
    if body.get("store"):
        lost.note("store")
    silent = {name for name, values in _SILENT.items() if body.get(name) in values}
    lost.extras(body, _KNOWN | silent | {"store"})
