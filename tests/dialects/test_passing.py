"""What makes a provider act passes only by the name under which policy lets it pass."""

import pytest

from gateway.dialects import DIALECTS, PASSABLE
from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.errors import CannotExpress, Malformed, RequestError
from gateway.domain.field_kind import LEAVES, FieldKind, fields
from tests.doubles.fleets import an_offering

OFFERING = an_offering("opus", "cloud", "frontier")
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://a.example/x.png"}}
FILE = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
ODD = {"type": "image", "source": {"type": "elsewhere"}}
NAMELESS = {"type": "image", "source": {"type": 7}}
SEARCH = {"type": "web_search_20260209", "name": "web_search"}


def asking(*content, **fields):
    said = list(content) or [{"type": "text", "text": "hello"}]
    return {
        "model": "code",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": said}],
        **fields,
    }


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (asking(IMAGE), "remote_url"),
        (asking(FILE), "file_id"),
        (asking(tools=[SEARCH]), "tools.web_search"),
        (asking(mcp_servers=[{"url": "https://a.example"}]), "mcp_servers"),
        (asking(container="c"), "container"),
    ],
)
def test_anthropic_lets_pass_what_policy_names_and_says_that_it_reaches(body, name):
    with pytest.raises(RequestError):
        ANTHROPIC_MESSAGES.peek(body)
    others = ANTHROPIC_MESSAGES.reaching - {name}
    with pytest.raises(RequestError):
        ANTHROPIC_MESSAGES.letting(others).peek(body)
    letting = ANTHROPIC_MESSAGES.letting(frozenset({name, "unknown"}))
    assert letting.peek(body).reaches == {name}
    assert letting.rewrite(body, OFFERING, False)["messages"] == body["messages"]


@pytest.mark.parametrize("block", [ODD, NAMELESS])
def test_a_source_that_nobody_knows_never_passes(block):
    with pytest.raises(Malformed):
        ANTHROPIC_MESSAGES.letting(ANTHROPIC_MESSAGES.reaching).peek(asking(block))


def test_a_tool_of_a_block_does_not_pass_with_those_of_the_request():
    body = asking({"type": "tool_reference", "tool": SEARCH})
    with pytest.raises(CannotExpress):
        ANTHROPIC_MESSAGES.letting(ANTHROPIC_MESSAGES.reaching).peek(body)


def test_responses_keep_the_tools_that_policy_lets_pass_and_lose_the_others():
    tools = [{"type": "web_search"}, {"type": "file_search"}, {"type": "function", "name": "f"}]
    group = {"type": "namespace", "name": "n", "tools": [{"type": "web_search"}]}
    body = {"model": "m", "input": "x", "tools": [*tools, group], "client_metadata": {"a": "b"}}
    assert OPENAI_RESPONSES.sheds(body)[:2] == ("tools.web_search", "tools.file_search")
    letting = OPENAI_RESPONSES.letting(frozenset({"tools.web_search", "client_metadata"}))
    assert letting.sheds(body) == ("tools.file_search",)
    sent = letting.rewrite(body, OFFERING, False)
    assert sent["tools"] == [tools[0], tools[2], group]
    assert sent["client_metadata"] == {"a": "b"}


def test_a_dialect_that_is_let_nothing_is_itself():
    for dialect in DIALECTS.values():
        assert dialect.letting(frozenset({"nothing"})) is dialect


def test_what_a_policy_may_let_pass_is_what_else_would_stay():
    assert {"metadata", "mcp_servers", "tools.web_search", "remote_url"} <= PASSABLE
    assert "messages" not in PASSABLE
    for dialect in DIALECTS.values():
        assert {n for n, kind in dialect.fields.items() if kind in LEAVES} == dialect.may_leave


def test_a_field_has_one_kind():
    assert fields(content=["a"], egress=["b"]) == {"a": FieldKind.CONTENT, "b": FieldKind.EGRESS}
    with pytest.raises(ValueError, match="twice"):
        fields(content=["a"], setting=["a"])
