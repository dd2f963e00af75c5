"""A native Ollama chat request as a conversation."""

from typing import Any

from gateway.dialects.ollama_chat.ask import admit
from gateway.dialects.ollama_chat.losses import Losses
from gateway.dialects.ollama_chat.shapes import Message, Options, Request, Tool
from gateway.domain.conversation import (
    EFFORTS,
    Conversation,
    Media,
    Part,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
    Turn,
)
from gateway.domain.errors import Malformed
from gateway.domain.request import Body
from gateway.translation import media


def read(body: Body) -> tuple[Conversation, tuple[str, ...]]:
    """Return the conversation and what it cannot hold; Malformed."""
    request = admit(body)
    losses = Losses()
    losses.extras(body, Request.__struct_fields__)
    losses.extras(body.get("options") or {}, Options.__struct_fields__)
    for message in body["messages"]:
        losses.extras(message, Message.__struct_fields__)
    calls = _Calls()
    said = [message for message in request.messages if message.role != "system"]
    conversation = Conversation(
        system=tuple(Text(m.content or "") for m in request.messages if m.role == "system"),
        turns=tuple(_turn(message, calls, losses) for message in said),
        tools=tuple(_tool(tool) for tool in request.tools or ()),
        sampling=_sampling(request.options or Options()),
        answer_schema=_schema(request.format),
        thinking=_thinking(request, losses),
    )
    return conversation, losses.names


class _Calls:
    """Remembers calls, so that an answer without id finds the one that it answers."""

    def __init__(self) -> None:
        self._open: list[ToolCall] = []
        self._count = 0

    def made(self, call: ToolCall) -> ToolCall:
        """Note a call; give it an id if it has none."""
        known = call.id or f"call_{self._count}"
        self._count += 1
        self._open.append(ToolCall(known, call.name, call.arguments))
        return self._open[-1]

    def answered(self, message: Message) -> ToolCall | None:
        """Return the oldest open call that the message answers.

        Malformed when it names one that is not there; None when it names none, and none is open.
        """
        for call in self._open:
            if message.tool_call_id in (call.id, None) and message.tool_name in (call.name, None):
                self._open.remove(call)
                return call
        if message.tool_call_id is None and message.tool_name is None:
            return None
        raise Malformed("a tool message answers no tool call before it")


def _turn(message: Message, calls: _Calls, losses: Losses) -> Turn:
    words = (Text(message.content),) if message.content else ()
    images = tuple(Media(media.sniffed(data), data) for data in message.images or ())
    if message.role == "tool":
        call = calls.answered(message)
        if call is None:
            # WHY: litellm leaves the calls themselves out; the vendor's server takes that as well.
            losses.note("tool_call")
            return Turn("user", (*words, *images))
        return Turn("user", (ToolResult(call.id, (*words, *images), call.name),))
    thoughts: tuple[Part, ...] = (Thinking(message.thinking),) if message.thinking else ()
    made = tuple(
        calls.made(ToolCall(call.id or "", call.function.name, call.function.arguments or {}))
        for call in message.tool_calls or ()
    )
    return Turn(message.role, (*thoughts, *words, *images, *made))


def _tool(tool: Tool) -> ToolSpec:
    function = tool.function
    return ToolSpec(function.name, function.description or "", function.parameters or {})


def _sampling(options: Options) -> Sampling:
    limit = options.num_predict
    return Sampling(
        output_tokens_max=limit if limit is not None and limit > 0 else None,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        seed=options.seed,
        frequency_penalty=options.frequency_penalty,
        presence_penalty=options.presence_penalty,
        stop=tuple(options.stop or ()),
    )


def _schema(wanted: str | dict[str, Any] | None) -> dict[str, Any] | None:
    if isinstance(wanted, str):
        return {} if wanted else None
    return wanted


def _thinking(request: Request, losses: Losses) -> str | None:
    """Return the effort; a bare yes is the vendor's own default, medium."""
    match request.think:
        case None:
            return None
        case bool():
            return "medium" if request.think else "off"
        case str() if request.think in EFFORTS:
            return request.think
    losses.note("effort")
    return "high"
