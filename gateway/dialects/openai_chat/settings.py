"""All of a body that is not a message: tools, choice, sampling, form of the answer."""

from typing import Any

from msgspec import Struct

from gateway.dialects.openai_chat.ask import output_tokens_max
from gateway.dialects.openai_chat.losses import Losses
from gateway.domain.conversation import EFFORTS, Sampling, ToolChoice, ToolSpec
from gateway.domain.errors import Malformed
from gateway.domain.request import Body
from gateway.translation import fields, marks

STOPS_MAX = 64

_KNOWN = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "stop",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "reasoning_effort",
    }
)
# What says no more than leaving the field out would.
_SILENT = {
    "n": (1,),
    "store": (False,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "service_tier": ("auto", "default"),
    "modalities": (["text"],),
}
_MODES = {"auto": "auto", "none": "none", "required": "any"}
_SPEC_FIELDS = frozenset({"type", "function", marks.FIELD})
_FUNCTION_FIELDS = frozenset({"name", "description", "parameters", "strict"})
_ANSWER_FIELDS = frozenset({"name", "schema", "strict"})


class Answer(Struct, frozen=True):
    """The form of the answer; `schema` is None for free text, {} for any JSON object."""

    schema: dict[str, Any] | None = None
    name: str = ""
    strict: bool | None = None


def tools(body: Body, lost: Losses) -> tuple[ToolSpec, ...]:
    """Return the tools that are functions; custom ones are lost, and there are no others."""
    specs = []
    for at, tool in enumerate(fields.records(body, "tools")):
        if tool.get("type", "function") != "function":
            lost.note("tools.custom")
            continue
        lost.extras(tool, _SPEC_FIELDS, "tools.")
        path = f"tools[{at}].function"
        function = fields.record(tool, "function", f"tools[{at}].") or {}
        lost.extras(function, _FUNCTION_FIELDS, "tools.function.")
        specs.append(
            ToolSpec(
                name=fields.required(fields.text(function, "name", f"{path}."), f"{path}.name"),
                description=fields.text(function, "description", f"{path}.") or "",
                schema=fields.record(function, "parameters", f"{path}.")
                or {"type": "object", "properties": {}},
                strict=fields.flag(function, "strict", f"{path}."),
                cache=marks.read(tool, lost),
            )
        )
    return tuple(specs)


def tool_choice(body: Body, lost: Losses) -> ToolChoice | None:
    """Return which tools the model must or must not call, and whether several at once."""
    parallel = fields.flag(body, "parallel_tool_calls")
    choice = body.get("tool_choice")
    if choice is None:
        return ToolChoice("auto", parallel=parallel) if parallel is not None else None
    if isinstance(choice, str) and choice in _MODES:
        return ToolChoice(_MODES[choice], parallel=parallel)
    if not isinstance(choice, dict):
        raise Malformed("tool_choice must be auto, none, required or one named function.")
    if choice.get("type", "function") != "function":
        lost.note("tool_choice")
        return ToolChoice("auto", parallel=parallel)
    function = fields.record(choice, "function", "tool_choice.") or {}
    name = fields.text(function, "name", "tool_choice.function.")
    return ToolChoice("tool", fields.required(name, "tool_choice.function.name"), parallel)


def sampling(body: Body) -> Sampling:
    """Return how the reply is drawn."""
    return Sampling(
        output_tokens_max=output_tokens_max(body),
        temperature=fields.number(body, "temperature"),
        top_p=fields.number(body, "top_p"),
        top_k=fields.integer(body, "top_k"),
        seed=fields.integer(body, "seed"),
        frequency_penalty=fields.number(body, "frequency_penalty"),
        presence_penalty=fields.number(body, "presence_penalty"),
        stop=_stop(body.get("stop")),
    )


def answer(body: Body, lost: Losses) -> Answer:
    """Return the form of the answer: of a JSON Schema, of any JSON object, or free."""
    wanted = fields.record(body, "response_format")
    kind = wanted.get("type", "text") if wanted is not None else "text"
    if wanted is None or kind == "text":
        return Answer()
    if kind == "json_object":
        return Answer({})
    if kind != "json_schema":
        lost.note("response_format")
        return Answer()
    path = "response_format.json_schema."
    holder = fields.record(wanted, "json_schema", "response_format.") or {}
    lost.extras(holder, _ANSWER_FIELDS, "response_format.")
    return Answer(
        fields.record(holder, "schema", path) or {},
        fields.text(holder, "name", path) or "",
        fields.flag(holder, "strict", path),
    )


def thinking(body: Body, lost: Losses) -> str | None:
    """Return the effort; a word that nobody knows is a loss."""
    wanted = fields.text(body, "reasoning_effort")
    effort = "off" if wanted == "none" else wanted
    if effort is None or effort == "off" or effort in EFFORTS:
        return effort
    lost.note("reasoning_effort")
    return None


def leftovers(body: Body, lost: Losses) -> None:
    """Add the fields that nobody has read; identifying ones among them are not passed on."""
    silent = {name for name, values in _SILENT.items() if body.get(name) in values}
    lost.extras(body, _KNOWN | silent)
    options = body.get("stream_options") or {}
    lost.extras(options, frozenset({"include_usage"}), "stream_options.")


def _stop(stop: object) -> tuple[str, ...]:
    if stop is None:
        return ()
    stops = [stop] if isinstance(stop, str) else stop
    if not isinstance(stops, list) or len(stops) > STOPS_MAX:
        raise Malformed(f"stop must be a string or a list of at most {STOPS_MAX} strings.")
    if not all(isinstance(text, str) for text in stops):
        raise Malformed("stop must hold strings only.")
    return tuple(stops)
