"""Replies as events, an offering and a record id, for everything that speaks chat completions."""

from datetime import date

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
from gateway.domain.fleet import Offering
from gateway.domain.money import Price, Tokens

RECORD = "019ab0c1-2345-7abc-8def-0123456789ab"
RECORD_SECONDS = 0x019AB0C12345 // 1000
ASKED = "code"
OFFERING = Offering(
    id="qwen3-coder@on_prem",
    model="qwen3-coder",
    backend="engine",
    zone="on_prem",
    wire_model="Qwen/Qwen3-Coder",
    context_tokens=32_768,
    output_tokens_max=8_192,
    capabilities=frozenset({"tools"}),
    price=Price(0, 0, "own machines", date(2026, 11, 1)),
)

BEGAN = Began("engine-1", "Qwen/Qwen3-Coder", 9)
USED = Used(Tokens(input_tokens=9, output_tokens=4, cache_read_tokens=16, reasoning_tokens=2))

REPLIES: dict[str, tuple[Event, ...]] = {
    "text": (BEGAN, TextDelta("It is "), TextDelta("safe."), Stopped("end"), USED),
    "thinking": (
        BEGAN,
        ThinkingDelta("Let me "),
        ThinkingDelta("see."),
        ThinkingDelta(signature="bound-to-its-maker"),
        TextDelta("Yes."),
        USED,
        Stopped("stop_sequence", "END"),
    ),
    "tools": (
        BEGAN,
        TextDelta("I look."),
        ToolCallBegan(0, "call_a", "weather"),
        ToolCallDelta(0, '{"city":'),
        ToolCallDelta(0, ' "Oslo"}'),
        ToolCallBegan(1, "call_b", "now"),
        Stopped("end"),
        USED,
    ),
    "interleaved": (
        BEGAN,
        ToolCallBegan(0, "call_a", "weather"),
        ToolCallBegan(1, "call_b", "weather"),
        ToolCallDelta(1, '{"city":"Bergen"}'),
        ToolCallDelta(0, '{"city":"Oslo"}'),
        Stopped("tool_use"),
    ),
    "length": (BEGAN, TextDelta("It is"), Stopped("length"), USED),
    "refusal": (BEGAN, TextDelta("No."), Stopped("refusal"), USED),
    "paused": (BEGAN, TextDelta("Wait."), Stopped("other:pause_turn"), USED),
    "nothing": (BEGAN, Stopped("end"), Used(Tokens(input_tokens=3))),
    "unended": (TextDelta("Cut"),),
}
