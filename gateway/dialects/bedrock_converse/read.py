"""A request of Converse as a conversation."""

from typing import Any

from gateway.dialects.bedrock_converse import shapes
from gateway.dialects.bedrock_converse.admit import admit
from gateway.dialects.bedrock_converse.extras import Extras, read_extras
from gateway.dialects.bedrock_converse.losses import Losses
from gateway.dialects.bedrock_converse.parts import PartReader
from gateway.dialects.bedrock_converse.shapes import Request, member
from gateway.domain.conversation import Conversation, Sampling, Text, ToolChoice, ToolSpec, Turn
from gateway.domain.errors import Malformed
from gateway.domain.field_kind import spelled
from gateway.domain.request import Body
from gateway.translation.shaping import shaped
from gateway.wire import body as wire_body

STOP_PATHS = frozenset({"/stop_sequence", "/delta/stop_sequence"})
_READ = frozenset(
    {
        "additionalModelRequestFields",
        "additionalModelResponseFieldPaths",
        "inferenceConfig",
        "messages",
        "outputConfig",
        "system",
        "toolConfig",
    }
)
_SPEC = ("name", "description", "inputSchema", "strict")


def read(body: Body) -> tuple[Conversation, tuple[str, ...]]:
    """Return the conversation and what it cannot hold; Malformed or CannotExpress."""
    request = admit(body).request
    losses = Losses()
    parts = PartReader(losses)
    system = parts.words(request.system)
    promoted, turns = _turns(request, parts, losses)
    extras = read_extras(request, losses)
    schema, name = _answer(request.output_config)
    conversation = Conversation(
        system=(*system, *promoted),
        turns=turns,
        tools=_tools(request.tool_config, parts, losses),
        tool_choice=_choice(request.tool_config, extras),
        sampling=_sampling(request.inference_config or shapes.Inference(), extras),
        answer_schema=schema,
        answer_name=name,
        thinking=extras.thinking,
        thinking_tokens_max=extras.thinking_tokens_max,
    )
    if not STOP_PATHS.issuperset(request.additional_model_response_field_paths or ()):
        losses.note("additionalModelResponseFieldPaths")
    losses.extras(body, _READ)
    return conversation, tuple(map(spelled, losses.names))


def _turns(
    request: Request, parts: PartReader, losses: Losses
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


def _tools(config: shapes.Tools | None, parts: PartReader, losses: Losses) -> tuple[ToolSpec, ...]:
    tools: list[ToolSpec] = []
    for tool in config.tools if config is not None else ():
        kind, value = member(tool)
        if kind == "toolSpec":
            losses.extras(value, _SPEC)
            tools.append(_tool(shaped(value, shapes.Spec)))
        elif tools:
            tools[-1] = _kept(tools[-1], parts.cache(value))
        else:
            losses.note("cachePoint")
    return tuple(tools)


def _tool(spec: shapes.Spec) -> ToolSpec:
    return ToolSpec(spec.name, spec.description or "", spec.input_schema.json, spec.strict)


def _kept(tool: ToolSpec, cache: str) -> ToolSpec:
    return ToolSpec(tool.name, tool.description, tool.schema, tool.strict, cache)


def _choice(config: shapes.Tools | None, extras: Extras) -> ToolChoice | None:
    choice = config.tool_choice if config is not None else None
    if choice is None:
        return None if extras.parallel is None else ToolChoice("auto", None, extras.parallel)
    if choice.tool is not None:
        return ToolChoice("tool", choice.tool.name, extras.parallel)
    return ToolChoice("auto" if choice.any is None else "any", None, extras.parallel)


def _sampling(said: shapes.Inference, extras: Extras) -> Sampling:
    return Sampling(
        output_tokens_max=said.max_tokens,
        temperature=said.temperature,
        top_p=said.top_p,
        top_k=extras.top_k,
        stop=tuple(said.stop_sequences or ()),
    )


def _answer(output: shapes.Output | None) -> tuple[dict[str, Any] | None, str]:
    """Return the schema of the answer, which is said as JSON text, and its name."""
    wanted = output.text_format if output is not None else None
    if wanted is None:
        return None, ""
    schema = wanted.structure.json_schema
    if wanted.type != "json_schema" or schema is None:
        raise Malformed("outputConfig.textFormat holds a json_schema")
    return wire_body.parse(schema.schema.encode()), schema.name or ""
