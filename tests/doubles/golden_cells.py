"""What goldens are held for: features in a request, in a reply and in an error, in no dialect."""

from collections.abc import Callable
from typing import Any

from gateway.domain.conversation import (
    Conversation,
    Media,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSpec,
    Turn,
)
from gateway.domain.event import (
    Began,
    Event,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.domain.money import Tokens
from tests.doubles.dialect_row import BOUND, CALL_ID, PDF, PNG, SCHEMA
from tests.doubles.grammar import Call, Story

SIDES = ("reader", "writer")
FORMS = ("asked", "whole", "stream")
SECOND_ID = "call_S-two"
SAMPLING = Sampling(output_tokens_max=4321)
TOOL = ToolSpec("S-tool", "S-does", SCHEMA)
ARGUMENTS: dict[str, Any] = {"S-key": "S-argument"}
CALL = ToolCall(CALL_ID, "S-tool", ARGUMENTS)
SECOND = ToolCall(SECOND_ID, "S-tool", {"S-key": "S-more"})
RESULT = ToolResult(CALL_ID, (Text("S-answer"),), "S-tool")


def _user(*parts: Any) -> Turn:
    return Turn("user", parts)


def _assistant(*parts: Any) -> Turn:
    return Turn("assistant", parts)


def _asks(*turns: Turn, **more: Any) -> Conversation:
    return Conversation((Text("S-system"),), turns, sampling=SAMPLING, **more)


USER = _user(Text("S-user"))
ASKS: dict[str, Conversation] = {
    "text": _asks(USER, _assistant(Text("S-text")), _user(Text("S-last"))),
    "tools": _asks(
        USER,
        _assistant(CALL),
        _user(RESULT),
        tools=(TOOL,),
        tool_choice=ToolChoice("auto"),
    ),
    "parallel_tools": _asks(
        USER,
        _assistant(CALL, SECOND),
        _user(RESULT, ToolResult(SECOND_ID, (Text("S-second"),), "S-tool", failed=True)),
        tools=(TOOL,),
        tool_choice=ToolChoice("auto", parallel=False),
    ),
    "thinking": _asks(
        USER,
        _assistant(
            Thinking("S-thought", "S-signature"),
            Thinking("", redacted="S-sealed"),
            Text("S-text"),
            ToolCall(CALL_ID, "S-tool", ARGUMENTS, signature=BOUND),
        ),
        _user(RESULT),
        tools=(TOOL,),
        thinking="high",
    ),
    "images": _asks(_user(Text("S-user"), Media("image/png", PNG))),
    "documents": _asks(_user(Text("S-user"), Media("application/pdf", PDF, "S-file"))),
    "cache_marks": Conversation(
        (Text("S-system", cache="1h"),),
        (_user(Text("S-user", cache="5m")), _assistant(Text("S-text")), _user(Text("S-last"))),
        sampling=SAMPLING,
    ),
    "structured_output": _asks(
        USER,
        answer_schema={"type": "object", "title": "S-schema", "additionalProperties": False},
        answer_name="S-form",
    ),
}


def _parts(matter: Conversation, kind: type) -> list[Any]:
    return [part for turn in matter.turns for part in turn.parts if isinstance(part, kind)]


def _media(matter: Conversation, media_type: str) -> bool:
    return any(one.media_type == media_type for one in _parts(matter, Media))


# By feature, whether a conversation that was read has it: a cell without it shows nothing.
EVIDENCE: dict[str, Callable[[Conversation], bool]] = {
    "text": lambda matter: bool(matter.system and _parts(matter, Text)),
    "tools": lambda matter: bool(_parts(matter, ToolCall) and _parts(matter, ToolResult)),
    "parallel_tools": lambda matter: len(_parts(matter, ToolCall)) > 1,
    "thinking": lambda matter: bool(_parts(matter, Thinking) and _parts(matter, ToolCall)),
    "images": lambda matter: _media(matter, "image/png"),
    "documents": lambda matter: _media(matter, "application/pdf"),
    "cache_marks": lambda matter: any(
        one.cache for one in (*matter.system, *_parts(matter, Text), *matter.tools)
    ),
    "structured_output": lambda matter: bool(matter.answer_schema),
}

BEGAN = Began("engine-1", "engine", 9)
USED = Used(Tokens(input_tokens=9, output_tokens=9, cache_read_tokens=4))
TOLD = (13, 9)


def _calls(index: int, call: ToolCall, *pieces: str) -> tuple[Event, ...]:
    began = ToolCallBegan(index, call.id, call.name, call.signature)
    return (began, *(ToolCallDelta(index, piece) for piece in pieces))


_FIRST = _calls(0, CALL, '{"S-key":', '"S-argument"}')
_OTHER = _calls(1, SECOND, '{"S-key":"S-more"}')
_TOLD = Call(CALL_ID, "S-tool", ARGUMENTS)
_TOLD_TOO = Call(SECOND_ID, "S-tool", {"S-key": "S-more"})
REPLIES: dict[str, tuple[tuple[Event, ...], Story]] = {
    "text": (
        (BEGAN, TextDelta("S-text "), TextDelta("é"), Stopped("end"), USED),
        Story("S-text é", "", (), "end", *TOLD),
    ),
    "tools": (
        (BEGAN, TextDelta("S-text"), *_FIRST, Stopped("tool_use"), USED),
        Story("S-text", "", (_TOLD,), "tool", *TOLD),
    ),
    "parallel_tools": (
        (BEGAN, *_FIRST, *_OTHER, Stopped("tool_use"), USED),
        Story("", "", (_TOLD, _TOLD_TOO), "tool", *TOLD),
    ),
    "thinking": (
        (
            BEGAN,
            ThinkingDelta("S-thought"),
            ThinkingDelta(signature="S-signature"),
            TextDelta("S-text"),
            *_calls(0, ASKS["thinking"].turns[1].parts[3], '{"S-key":"S-argument"}'),
            Stopped("tool_use"),
            USED,
        ),
        Story("S-text", "S-thought", (_TOLD,), "tool", *TOLD),
    ),
    "cache_marks": (
        (
            BEGAN,
            TextDelta("S-text"),
            Stopped("end"),
            Used(
                Tokens(input_tokens=5, output_tokens=9, cache_read_tokens=6, cache_write_tokens=2)
            ),
        ),
        Story("S-text", "", (), "end", *TOLD),
    ),
    "structured_output": (
        (BEGAN, TextDelta('{"S-key":'), TextDelta('"S-text"}'), Stopped("end"), USED),
        Story('{"S-key":"S-text"}', "", (), "end", *TOLD),
    ),
    "interleaved": (
        (
            BEGAN,
            _FIRST[0],
            _OTHER[0],
            *_OTHER[1:],
            *_FIRST[1:],
            Stopped("tool_use"),
            USED,
        ),
        Story("", "", (_TOLD, _TOLD_TOO), "tool", *TOLD),
    ),
    "unended": (
        (BEGAN, TextDelta("S-text"), USED),
        Story("S-text", "", (), "end", *TOLD),
    ),
    "length": (
        (BEGAN, TextDelta("S-text"), Stopped("length"), USED),
        Story("S-text", "", (), "length", *TOLD),
    ),
    "refusal": (
        (BEGAN, TextDelta("S-text"), Stopped("refusal"), USED),
        Story("S-text", "", (), "refusal", *TOLD),
    ),
}
# `by_hand` is only read: what stands in the table of dialects, after the vendor's reference.
FEATURES = (*ASKS, "interleaved", "unended", "length", "refusal", "errors", "by_hand")
