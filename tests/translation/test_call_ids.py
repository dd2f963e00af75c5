"""Some hosts insist on ids of nine letters and digits."""

import pytest

from gateway.translation.call_ids import NINE, in_nine


def asked(given: str) -> dict:
    call = {"id": given, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return {
        "messages": [
            {"role": "user", "content": "go"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": given, "content": "done"},
        ]
    }


def ids_of(body: dict) -> tuple[str, str]:
    _, called, answered = body["messages"]
    return called["tool_calls"][0]["id"], answered["tool_call_id"]


@pytest.mark.parametrize("given", ["call_S-id", "functions.read:0", "x", "é" * NINE])
def test_a_call_and_its_result_get_the_same_nine_letters(given: str) -> None:
    body = asked(given)
    called, answered = ids_of(in_nine(body))
    assert called == answered != given
    assert (len(called), called.isascii(), called.isalnum()) == (NINE, True, True)
    assert body == asked(given)


def test_an_id_that_fits_is_kept() -> None:
    assert in_nine(asked("abcDEF123")) == asked("abcDEF123")


def test_two_calls_stay_two() -> None:
    assert ids_of(in_nine(asked("call_1"))) != ids_of(in_nine(asked("call_2")))
