"""A Claude gets back the reasoning that a Claude signed, to the letter, and no other."""

import pytest

from gateway.translation.own_thinking import signed_alone

SIGNED = {"type": "thinking", "thinking": "hm", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}
HIDDEN = {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"}
RANDOM = {"type": "thinking", "thinking": "hm", "signature": "9f86d081884c7d659a2feaa0c55ad015"}
CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
WORDS = {"type": "text", "text": "so"}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}
BUDGET = {"type": "enabled", "budget_tokens": 1024}


def asking(*blocks, **more):
    told = {"role": "user", "content": "hello"}
    return {"messages": [told, {"role": "assistant", "content": list(blocks)}, RESULT], **more}


@pytest.mark.parametrize("blocks", [(SIGNED, CALL), (HIDDEN, CALL), (WORDS,), (7, CALL)])
def test_what_a_claude_signed_is_never_touched(blocks) -> None:
    body = asking(*blocks, thinking=BUDGET)
    found, lost = signed_alone(body)
    assert found is body
    assert lost == ()


@pytest.mark.parametrize(
    "block",
    [RANDOM, {**RANDOM, "signature": ""}, {**RANDOM, "signature": 7}, {"type": "thinking"}],
    ids=["random", "empty", "number", "none"],
)
def test_what_nobody_signed_is_lost_by_name(block) -> None:
    found, lost = signed_alone(asking(block, WORDS, CALL))
    assert found == asking(WORDS, CALL)
    assert lost == ("thinking_unsigned",)


def test_a_turn_of_nothing_else_goes_with_it() -> None:
    found, _ = signed_alone(asking(RANDOM))
    assert [one["role"] for one in found["messages"]] == ["user", "user"]


def test_signed_reasoning_of_another_turn_stays_beside_it() -> None:
    body = asking(RANDOM, WORDS)
    body["messages"].append({"role": "assistant", "content": [SIGNED, CALL]})
    found, _ = signed_alone({**body, "thinking": BUDGET})
    assert found["messages"][-1]["content"] == [SIGNED, CALL]
    assert found["thinking"] == BUDGET


def test_a_call_without_its_reasoning_goes_without_thinking_where_that_has_a_bound() -> None:
    body = asking(RANDOM, CALL, thinking=BUDGET, context_management={"edits": []})
    found, lost = signed_alone(body)
    assert found == asking(CALL)
    assert lost == ("thinking_unsigned", "thinking", "context_management")
    for kind in ("adaptive", "disabled"):
        found, lost = signed_alone(asking(RANDOM, CALL, thinking={"type": kind}))
        assert found["thinking"] == {"type": kind}
        assert lost == ("thinking_unsigned",)


@pytest.mark.parametrize("body", [{}, {"messages": "odd"}, {"messages": [7, {"content": "x"}]}])
def test_an_odd_body_stays_as_it_is(body) -> None:
    assert signed_alone(body) == (body, ())
