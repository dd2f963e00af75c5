"""Claude as Vertex's clients ask for it: the Messages of its kin, with version and betas inside."""

import pytest

from gateway.dialects import (
    ANTHROPIC_COUNT,
    ANTHROPIC_MESSAGES,
    ANTHROPIC_VERTEX,
    ANTHROPIC_VERTEX_COUNT,
    DIALECTS,
)
from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.request import Operation
from tests.doubles.fleets import an_offering

OFFERING = an_offering("opus", "cloud", "frontier", wire_model="claude-opus-5-5")
ASKING = {
    "anthropic_version": "vertex-2023-10-16",
    "anthropic_beta": ["context-1m-2025-08-07"],
    "messages": [{"role": "user", "content": "hello"}],
    "max_tokens": 9,
}
SEARCH = {"type": "web_search_20260209", "name": "web_search"}


def test_the_path_says_model_and_stream_and_the_body_the_version():
    ask = ANTHROPIC_VERTEX.peek({**ASKING, "stream": True})
    assert (ask.model, ask.stream, ask.output_tokens_max) == ("", False, 9)
    assert ANTHROPIC_VERTEX.told(ASKING) == {
        "anthropic-version": "vertex-2023-10-16",
        "anthropic-beta": "context-1m-2025-08-07",
    }
    assert ANTHROPIC_VERTEX.family == ANTHROPIC_MESSAGES.name
    assert ANTHROPIC_VERTEX.frame is ANTHROPIC_VERTEX.unframe is None


def test_what_passes_is_a_body_of_its_kin():
    passed = ANTHROPIC_VERTEX.rewrite({**ASKING, "stream": True, "zeta": 1}, OFFERING, True)
    assert passed == {
        "messages": ASKING["messages"],
        "max_tokens": 9,
        "zeta": 1,
        "model": "claude-opus-5-5",
        "stream": True,
    }
    assert ANTHROPIC_VERTEX.sheds(ASKING) == ()


def test_read_for_another_dialect_it_loses_its_betas_by_name():
    conversation, losses = ANTHROPIC_VERTEX.read(ASKING)
    assert losses == ("anthropic_beta",)
    assert conversation == ANTHROPIC_MESSAGES.read({**ASKING, "model": "m"} | PLAIN)[0]


PLAIN = {"anthropic_version": None, "anthropic_beta": None}


@pytest.mark.parametrize(
    "wrong",
    [
        {"anthropic_version": None},
        {"anthropic_version": 7},
        {"anthropic_version": "a\nb"},
        {"anthropic_beta": [{}]},
        {"anthropic_beta": "a b"},
        {"max_tokens": 0},
        {"messages": []},
    ],
)
def test_a_body_of_another_form_is_malformed(wrong):
    with pytest.raises(Malformed):
        ANTHROPIC_VERTEX.peek({**ASKING, **wrong})


def test_it_reaches_no_further_than_its_kin():
    body = {**ASKING, "tools": [SEARCH]}
    with pytest.raises(CannotExpress):
        ANTHROPIC_VERTEX.peek(body)
    letting = ANTHROPIC_VERTEX.letting(frozenset({"tools.web_search"}))
    assert letting.peek(body).reaches == {"tools.web_search"}
    assert letting.name == "anthropic_vertex"


def test_a_count_names_its_model_in_the_body():
    body = {name: value for name, value in ASKING.items() if name != "max_tokens"}
    body |= {"model": "code"}
    assert ANTHROPIC_VERTEX_COUNT.peek(body).model == "code"
    assert ANTHROPIC_VERTEX_COUNT.operation is Operation.COUNT
    assert ANTHROPIC_VERTEX_COUNT.family == ANTHROPIC_COUNT.name
    passed = ANTHROPIC_VERTEX_COUNT.rewrite(body, OFFERING, False)
    assert passed == {"model": "claude-opus-5-5", "messages": ASKING["messages"]}
    assert ANTHROPIC_VERTEX_COUNT.read(body)[0].turns
    letting = ANTHROPIC_VERTEX_COUNT.letting(frozenset({"tools.web_search"}))
    assert letting.peek({**body, "tools": [SEARCH]}).reaches == {"tools.web_search"}


def test_they_stand_in_the_table():
    assert DIALECTS["anthropic_vertex"] is ANTHROPIC_VERTEX
    assert DIALECTS["anthropic_vertex_count"] is ANTHROPIC_VERTEX_COUNT
