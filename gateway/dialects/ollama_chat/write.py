"""A conversation as a native Ollama chat request."""

from itertools import groupby
from operator import attrgetter
from typing import Any

from gateway.dialects.ollama_chat.ask import fixed
from gateway.dialects.ollama_chat.losses import Losses
from gateway.domain.conversation import (
    Conversation,
    Media,
    Opaque,
    Part,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSpec,
    Turn,
)
from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.part_names import part_name
from gateway.domain.request import Body
from gateway.translation import marks
from gateway.translation.effort import EVERYWHERE, nearest
from gateway.translation.names import Names
from gateway.translation.schemas import arguments_schema

_OPTIONS = (
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "frequency_penalty",
    "presence_penalty",
)
# What servers take for every model that thinks.
EFFORTS = frozenset({*EVERYWHERE, "max"})
# WHY: templates write names into a prompt as they are; only plain ones survive every template.
NAMES = Names()
_BARE = frozenset({"role", "content"})


def write(
    conversation: Conversation, offering: Offering, *, stream: bool
) -> tuple[Body, tuple[str, ...]]:
    """Return the body and what this dialect cannot say; CannotExpress without any turn."""
    losses = Losses()
    messages = _Messages(losses).write(conversation.turns)
    if not messages:
        raise CannotExpress("the engine needs at least one turn that is not blank")
    body: Body = {
        "model": offering.wire_model,
        "messages": [*_system(conversation.system), *messages],
        "stream": stream,
    }
    body |= fixed(offering, {"options": _options(conversation.sampling)})
    body |= _tools(conversation.tools, conversation.tool_choice, losses)
    if conversation.answer_schema is not None:
        body["format"] = conversation.answer_schema or "json"
    body |= _think(conversation, offering, losses)
    if marks.is_marked(conversation):
        losses.note(marks.FIELD)
    return body, losses.names


def _system(system: tuple[Text, ...]) -> list[Body]:
    """Return one system message: servers reject or ignore one that is not the first."""
    said = "\n\n".join(one.text for one in system if one.text.strip())
    return [{"role": "system", "content": said}] if said else []


def _options(sampling: Sampling) -> dict[str, Any]:
    values = {name: getattr(sampling, name) for name in _OPTIONS}
    options = {name: value for name, value in values.items() if value is not None}
    if sampling.output_tokens_max is not None:
        options["num_predict"] = sampling.output_tokens_max
    if sampling.stop:
        options["stop"] = list(sampling.stop)
    return options


def _tools(tools: tuple[ToolSpec, ...], choice: ToolChoice | None, losses: Losses) -> Body:
    mode = choice.mode if choice else "auto"
    if mode in ("any", "tool"):
        losses.note("tool_choice")
    if choice is not None and choice.parallel is False:
        losses.note("parallel_tool_calls")
    # WHY: there is no word for "call nothing"; a model that is shown no tool calls none.
    if not tools or mode == "none":
        return {}
    if any(tool.strict for tool in tools):
        losses.note("strict")
    return {"tools": [_tool(tool) for tool in tools]}


def _tool(tool: ToolSpec) -> Body:
    function = {
        "name": NAMES.name(tool.name),
        "description": tool.description,
        "parameters": arguments_schema(tool.schema),
    }
    return {"type": "function", "function": function}


def _think(conversation: Conversation, offering: Offering, losses: Losses) -> Body:
    wanted = conversation.thinking
    if wanted is None:
        return {}
    if wanted == "off":
        return {"think": False}
    # WHY: a server refuses an effort for a model that cannot think, and takes `false` for any.
    if "thinking" not in offering.capabilities:
        losses.note("thinking")
        return {}
    if conversation.thinking_tokens_max is not None:
        losses.note("thinking_tokens_max")
    if wanted not in EFFORTS:
        losses.note("effort")
    return {"think": wanted if wanted in EFFORTS else nearest(wanted, EFFORTS)}


class _Messages:
    """Writes the turns of one conversation; remembers the order of calls, which links answers."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._calls: dict[str, tuple[int, str]] = {}

    def write(self, turns: tuple[Turn, ...]) -> list[Body]:
        """Return the messages; blank ones are left out."""
        messages: list[Body] = []
        for role, group in groupby(turns, attrgetter("role")):
            together = list(group)
            messages.extend(self._answers(together))
            messages.extend(
                message for turn in together if (message := self._said(role, turn.parts))
            )
        return messages

    def _answers(self, turns: list[Turn]) -> list[Body]:
        """Return the tool messages in the order of the calls, and their images after them."""
        results = [part for turn in turns for part in turn.parts if isinstance(part, ToolResult)]
        results.sort(key=lambda result: self._calls.get(result.call_id, (len(self._calls), ""))[0])
        images = [
            image
            for result in results
            for part in result.parts
            if isinstance(part, Media) and (image := self._image(part))
        ]
        if images:
            self._losses.note("tool_result_media_moved")
        lifted = [{"role": "user", "content": "", "images": images}] if images else []
        return [*(self._answer(result) for result in results), *lifted]

    def _answer(self, result: ToolResult) -> Body:
        if result.failed:
            self._losses.note("tool_result_failed")
        words = [part.text for part in result.parts if isinstance(part, Text)]
        message: Body = {"role": "tool", "content": "\n".join(words)}
        name = result.name or self._calls.get(result.call_id, (0, ""))[1]
        return {**message, "tool_name": NAMES.name(name)} if name else message

    def _said(self, role: str, parts: tuple[Part, ...]) -> Body | None:
        words: list[str] = []
        thoughts: list[str] = []
        images: list[str] = []
        calls: list[Body] = []
        for part in parts:
            match part:
                case Text():
                    words.append(part.text)
                case Thinking():
                    thoughts.append(self._thought(part))
                case ToolCall():
                    calls.append(self._call(part))
                case Media():
                    images.append(self._image(part))
                case Opaque():
                    self._losses.note(part_name(part.kind))
        content = "\n".join(words)
        message: Body = {"role": role, "content": content}
        message |= _set(thinking="\n".join(filter(None, thoughts)))
        message |= _set(images=list(filter(None, images)), tool_calls=calls)
        return message if content.strip() or message.keys() > _BARE else None

    def _thought(self, part: Thinking) -> str:
        if part.signature is not None:
            self._losses.note("thinking_signature")
        if part.redacted is not None:
            self._losses.note("redacted_thinking")
        return part.text

    def _call(self, part: ToolCall) -> Body:
        self._losses.note("tool_call_id")
        if part.signature is not None:
            self._losses.note("thought_signature")
        self._calls[part.id] = (len(self._calls), part.name)
        return {"function": {"name": NAMES.name(part.name), "arguments": part.arguments}}

    def _image(self, part: Media) -> str:
        if part.media_type.startswith("image/"):
            if part.name:
                self._losses.note("filename")
            return part.data
        self._losses.note("documents")
        return ""


def _set(**fields: object) -> Body:
    return {name: value for name, value in fields.items() if value}
