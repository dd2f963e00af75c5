"""Names of tools and ids of calls that a target forbids: another spelling, found again."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.conversation import Conversation, ToolCall, ToolSpec, Turn
from gateway.translation.names import Names, called

NARROW = Names(name_chars_max=64, id_chars_max=40)
LONG = "mcp__server__" + "x" * 80


def talk(*defined: str, used: tuple[str, ...] = ()) -> Conversation:
    calls = tuple(ToolCall(f"call_{at}", name, {}) for at, name in enumerate(used))
    tools = tuple(ToolSpec(name, "", {}) for name in defined)
    return Conversation((), (Turn("assistant", calls),), tools)


@given(st.text(min_size=1))
def test_every_name_becomes_one_that_is_allowed_and_an_allowed_one_stays(name: str) -> None:
    written = NARROW.name(name)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", written)
    assert NARROW.name(written) == written
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", NARROW.id(name))


def test_a_name_is_spelled_alike_in_every_process() -> None:
    assert NARROW.name("functions.Bash:0") == "functions_Bash_0_a97d1507"


def test_names_that_would_be_cut_alike_stay_apart() -> None:
    assert NARROW.name(LONG + "a") != NARROW.name(LONG + "b")
    assert NARROW.name("a.b") != NARROW.name("a/b") != NARROW.name("a_b")


def test_an_id_of_any_letters_stays_where_the_target_takes_it() -> None:
    loose = Names(id_chars_max=40, any_id=True)
    assert loose.id("functions.Bash:0") == "functions.Bash:0"
    assert re.fullmatch(r"call_x+_[0-9a-f]{8}", loose.id("call_" + "x" * 90))


def test_only_names_that_changed_are_found_back() -> None:
    found = NARROW.renamed(talk("plain", "read.file", used=("old.one", "plain")))
    assert set(found.values()) == {"read.file", "old.one"}
    assert all(NARROW.name(name) == written for written, name in found.items())


def test_a_tool_that_is_defined_wins_over_one_that_was_only_called() -> None:
    spelled = NARROW.name("read.file")
    assert NARROW.renamed(talk(spelled, used=("read.file",))) == {}
    assert NARROW.renamed(talk("read.file", used=(spelled,))) == {spelled: "read.file"}
    assert NARROW.renamed(talk("read.file", spelled)) == {}


@pytest.mark.parametrize("used", [(), ("a",), ("a", "b", "a")])
def test_the_tools_that_were_called_are_named_once(used: tuple[str, ...]) -> None:
    assert called(talk(used=used)) == tuple(dict.fromkeys(used))
