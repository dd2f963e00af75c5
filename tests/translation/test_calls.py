"""What a reply's calls may hold while they are made, wherever they are said whole."""

import pytest

from gateway.domain.event import Began, Stopped, ToolCallBegan, ToolCallDelta, Used
from gateway.domain.money import Tokens
from gateway.translation import calls, limits
from gateway.translation.endings import Ending


def test_calls_are_taken_once_with_their_arguments() -> None:
    made = calls.Calls()
    first, second = ToolCallBegan(0, "a", "f"), ToolCallBegan(1, "b", "g")
    for event in (first, second, ToolCallDelta(1, '{"y":'), ToolCallDelta(0, "{}")):
        made.note(event)
    made.note(ToolCallDelta(1, "2}"))
    assert made.take(cut=False) == [(first, {}), (second, {"y": 2})]
    assert made.take(cut=False) == []
    with pytest.raises(ValueError, match="has ended"):
        made.note(ToolCallDelta(1, "3"))


def test_the_bound_counts_bytes_and_what_was_taken_is_free_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "HELD_BYTES_MAX", 8)
    made = calls.Calls()
    for index in range(3):
        made.note(ToolCallBegan(index, "a", "f"))
        made.note(ToolCallDelta(index, '{"x":1}'))
        assert made.take(cut=False)[0][1] == {"x": 1}
    made.note(ToolCallBegan(3, "a", "f"))
    with pytest.raises(ValueError, match="more than 8 bytes"):
        made.note(ToolCallDelta(3, "日本語"))


def test_calls_are_counted_though_some_were_taken() -> None:
    """An engine that stops and goes on again begins no new count."""
    made, ending = calls.Calls(), Ending()
    for index in range(limits.CALLS_MAX):
        made.note(ToolCallBegan(index, "a", "f"))
        ending.note(ToolCallBegan(index, "a", "f"))
        made.take(cut=False)
    for one in (made, ending):
        with pytest.raises(ValueError, match="tool calls"):
            one.note(ToolCallBegan(0, "a", "f"))


def test_usage_is_that_of_the_prompt_until_more_is_said() -> None:
    ending = Ending()
    ending.note(Began("r", "m", 7))
    assert (ending.tokens, ending.tokens_so_far) == (None, Tokens(7))
    ending.note(Used(Tokens(9, 3)))
    ending.note(Stopped("stop_sequence", "END"))
    assert (ending.tokens_so_far, ending.reason) == (Tokens(9, 3), "stop_sequence")
    assert (ending.sequence, ending.cut) == ("END", False)
