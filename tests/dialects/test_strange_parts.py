"""A part of a kind that its vendor does not document is known as such; what it documents is not."""

import inspect
import re
from pathlib import Path
from typing import Any

import anthropic.types.beta as anthropic_types
import botocore.session
import pytest
from openai.types.responses import response_input_item_param

from gateway.dialects import DIALECTS
from gateway.dialects.anthropic_messages.strange import KNOWN as CLAUDES_BLOCKS
from gateway.dialects.bedrock_converse.strange import KNOWN as CONVERSE_BLOCKS
from gateway.dialects.openai_responses.strange import KNOWN_ITEMS, KNOWN_PARTS

# What has no place in a request, or is refused whatever a zone lets pass.
_LITERAL = re.compile(r"\btype: (?:Required\[)?Literal\[([^\]]*)\]")
_REFUSED = {"container_upload", "tool_addition", "tool_removal"}
SAID = {"role": "user", "content": "hello"}


def types_in(text: str) -> set[str]:
    return {name for found in _LITERAL.findall(text) for name in re.findall(r'"([^"]+)"', found)}


def test_every_block_that_anthropics_client_can_write_is_known() -> None:
    folder = Path(anthropic_types.__path__[0])
    union = (folder / "beta_content_block_param.py").read_text()
    names = re.findall(r"^from \.(\w+) import", union, re.MULTILINE)
    found = set().union(*(types_in((folder / f"{name}.py").read_text()) for name in names))
    assert {"text", "tool_use", "compaction"} <= found
    assert found - _REFUSED <= CLAUDES_BLOCKS


def test_every_item_that_openais_client_can_write_is_known() -> None:
    union = inspect.getsource(response_input_item_param)
    ends = ("_call", "_output", "_request", "_response", "_tools")
    items = {name for name in types_in(union) - KNOWN_PARTS if name.endswith(ends)}
    assert {"function_call_output", "shell_call", "mcp_list_tools"} <= items
    assert items | {"message", "function_call", "reasoning", "compaction"} <= KNOWN_ITEMS


def test_every_block_of_bedrocks_model_is_known() -> None:
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    unions = ("ContentBlock", "ToolResultContentBlock", "SystemContentBlock")
    members = set().union(*(model.shape_for(name).members for name in unions))
    assert members - {"toolAddition", "toolRemoval"} == CONVERSE_BLOCKS


def asks(dialect: str, part: Any) -> list[dict[str, Any]]:
    """Return a body for each place in which that dialect has parts."""
    result = {"type": "tool_result", "tool_use_id": "t", "content": [part]}
    inner = {"toolResult": {"toolUseId": "t", "content": [part]}}
    output = {"type": "function_call_output", "call_id": "c", "output": [part]}
    if dialect in ("openai_responses", "openai_input_tokens"):
        return [{"input": [{"role": "user", "content": [part]}]}, {"input": [output]}]
    if dialect in ("bedrock_converse", "bedrock_count"):
        plain = [{"messages": [{"role": "user", "content": [one]}]} for one in (part, inner)]
        plain.append({"messages": [{"role": "user", "content": []}], "system": [part]})
        return plain if dialect != "bedrock_count" else [{"input": {"converse": b}} for b in plain]
    turns = [{"messages": [{"role": "user", "content": [one]}]} for one in (part, result)]
    return [*turns, {"messages": [SAID], "system": [part]}]


CLAUDES = (
    "anthropic_messages",
    "anthropic_count",
    "anthropic_vertex",
    "anthropic_vertex_count",
    "bedrock_invoke",
)
PARTS = {
    **dict.fromkeys(CLAUDES, ({"type": "text", "text": "x"}, {"type": "zeta"})),
    **dict.fromkeys(("bedrock_converse", "bedrock_count"), ({"text": "x"}, {"zeta": {}})),
    **dict.fromkeys(
        ("openai_responses", "openai_input_tokens"),
        ({"type": "input_text", "text": "x"}, {"type": "zeta"}),
    ),
}


@pytest.mark.parametrize("dialect", PARTS)
def test_a_part_of_another_kind_is_strange_wherever_it_stands(dialect: str) -> None:
    known, unknown = PARTS[dialect]
    assert not [body for body in asks(dialect, known) if DIALECTS[dialect].strange(body)]
    assert all(DIALECTS[dialect].strange(body) for body in asks(dialect, unknown))


@pytest.mark.parametrize("dialect", CLAUDES)
def test_a_message_of_anthropics_has_a_role_and_a_content_alone(dialect: str) -> None:
    assert not DIALECTS[dialect].strange({"messages": [SAID]})
    assert DIALECTS[dialect].strange({"messages": [{**SAID, "images": ["x"]}]})


def test_an_item_of_another_kind_is_strange_and_what_is_no_list_of_parts_is_not() -> None:
    strange = DIALECTS["openai_responses"].strange
    assert strange({"input": [{"type": "zeta"}]})
    assert strange({"input": [{"role": "user", "content": [{"text": "x"}]}]})
    call = {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "x"}]}
    for plain in ("words", [call], [{"role": "user", "content": "words"}]):
        assert not strange({"input": plain})


@pytest.mark.parametrize("dialect", sorted(set(DIALECTS) - set(PARTS)))
def test_where_every_other_part_is_refused_none_is_strange(dialect: str) -> None:
    assert not DIALECTS[dialect].strange({"messages": [SAID]})
