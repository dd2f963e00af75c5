"""What a request for a response asks for, and what of it passes to an engine."""

from typing import Any

import pytest

from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.dialects.openai_responses.ask import REFUSED, STATEFUL
from gateway.domain.errors import CannotExpress, Malformed
from tests.doubles.openai_scenarios import OFFERING

FUNCTION = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}
SEARCH = {"type": "web_search", "external_web_access": True}
GROUP = {"type": "namespace", "name": "agents", "description": "d", "tools": [FUNCTION]}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"}


def a_body(**fields: Any) -> dict[str, Any]:
    return {"model": "code", "input": "hello", **fields}


def a_part(part: Any, role: str = "user") -> dict[str, Any]:
    return a_body(input=[{"type": "message", "role": role, "content": [part]}])


def an_item(**item: Any) -> dict[str, Any]:
    return a_body(input=[item])


def passed(body: dict[str, Any], stream: bool = False) -> dict[str, Any]:
    OPENAI_RESPONSES.peek(body)
    return OPENAI_RESPONSES.rewrite(body, OFFERING, stream)


def test_a_plain_request_asks_for_a_whole_reply_with_usage() -> None:
    ask = OPENAI_RESPONSES.peek(a_body())
    assert (ask.model, ask.stream, ask.usage_wanted) == ("code", False, True)
    assert (ask.needs, ask.output_tokens_max) == (frozenset(), None)


def test_a_stream_and_its_bound_are_asked_for() -> None:
    ask = OPENAI_RESPONSES.peek(a_body(stream=True, max_output_tokens=9))
    assert (ask.stream, ask.usage_wanted, ask.output_tokens_max) == (True, True, 9)


@pytest.mark.parametrize(
    ("body", "needs"),
    [
        (a_part(IMAGE), {"images"}),
        (
            a_part({"type": "input_file", "file_data": "data:application/pdf;base64,AA"}),
            {"documents"},
        ),
        (a_part({"type": "input_audio", "input_audio": {}}), {"audio"}),
        (a_part({"type": "input_text", "text": "x"}), set()),
        (a_part({"text": "x"}), set()),
        (an_item(type="function_call_output", call_id="c", output=[IMAGE]), {"images"}),
        (a_body(tools=[FUNCTION, SEARCH]), {"tools"}),
        (a_body(tools=[GROUP]), {"tools"}),
        (a_body(tools=[SEARCH]), set()),
    ],
)
def test_what_a_request_needs_is_found_in_its_parts(body: Any, needs: set[str]) -> None:
    assert OPENAI_RESPONSES.peek(body).needs == needs


UNREADABLE: dict[str, dict[str, Any]] = {
    "no model": {"input": "x"},
    "an empty model": a_body(model=""),
    "a model that is none": a_body(model=7),
    "no input": {"model": "code"},
    "empty input": a_body(input=""),
    "no items": a_body(input=[]),
    "items that are none": a_body(input=["x"]),
    "input that is none": a_body(input=7),
    "a stream that is none": a_body(stream="yes"),
    "a store that is none": a_body(store="yes"),
    "a negative bound": a_body(max_output_tokens=-1),
    "a bound that is true": a_body(max_output_tokens=True),
    "instructions that are none": a_body(instructions=["x"]),
    "tools that are none": a_body(tools="x"),
    "a tool without a type": a_body(tools=[{"name": "x"}]),
    "a choice that is none": a_body(tools=[FUNCTION], tool_choice=7),
    "a choice that is none, without tools": a_body(tool_choice=[]),
    "an unknown role": an_item(type="message", role="root", content="x"),
    "no role": an_item(type="message", content="x"),
    "no content": an_item(role="user"),
    "content that is none": an_item(role="user", content={"type": "input_text"}),
    "a part that is none": a_part("x"),
    "a type of a part that is none": a_part({"type": 7}),
    "no type": an_item(content="x"),
    "a type that is none": an_item(type=7),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_malformed(body: dict[str, Any]) -> None:
    for function in (OPENAI_RESPONSES.peek, OPENAI_RESPONSES.read):
        with pytest.raises(Malformed):
            function(body)


@pytest.mark.parametrize("name", STATEFUL)
def test_state_that_is_kept_elsewhere_is_refused_and_the_message_says_why(name: str) -> None:
    with pytest.raises(Malformed, match=f"{name} is not accepted: ") as caught:
        OPENAI_RESPONSES.peek(a_body(**{name: "resp_secret"}))
    assert "secret" not in caught.value.what
    assert OPENAI_RESPONSES.peek(a_body(**{name: None})).model == "code"


ELSEWHERE: dict[str, dict[str, Any]] = {
    "a reply in the background": a_body(background=True),
    "an item that is only named": an_item(type="item_reference", id="msg_1"),
    "a file that is only named": a_part({"type": "input_file", "file_id": "file_1"}),
    "a file at an address": a_part({"type": "input_file", "file_url": "https://evil.example/a"}),
    "an image at an address": a_part({"type": "input_image", "image_url": "https://evil.example"}),
    "an image that is only named": a_part({"type": "input_image", "file_id": "file_1"}),
    "an image in an object": a_part({"type": "input_image", "image_url": {"url": "data:"}}),
    "an image in a result": an_item(
        type="function_call_output", call_id="c", output=[{"image_url": "http://evil.example"}]
    ),
    "a screenshot": an_item(
        type="computer_call_output", call_id="c", output={"image_url": "http://evil.example"}
    ),
    "a remote tool server": a_body(tools=[{"type": "mcp", "server_url": "https://evil.example"}]),
    "one in a group": a_body(tools=[{**GROUP, "tools": [{"type": "mcp"}]}]),
    "one in an item": an_item(type="additional_tools", role="developer", tools=[{"type": "mcp"}]),
}


@pytest.mark.parametrize("body", ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_somebody_else_would_fetch_or_run_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        OPENAI_RESPONSES.peek(body)
    assert "evil" not in caught.value.what


def test_the_body_passes_in_its_order_and_nothing_is_kept() -> None:
    body = a_body(reasoning={"effort": "high"}, include=["reasoning.encrypted_content"])
    found = passed(body)
    assert list(found) == ["model", "input", "reasoning", "include", "store"]
    assert found == {**body, "model": OFFERING.wire_model, "store": False}
    assert OPENAI_RESPONSES.sheds(body) == ()
    assert body["model"] == "code"


def test_what_was_asked_to_be_kept_is_not_and_the_loss_is_named() -> None:
    assert passed(a_body(store=True))["store"] is False
    assert OPENAI_RESPONSES.sheds(a_body(store=True)) == ("store",)


def test_a_stream_is_asked_for_as_the_caller_asked() -> None:
    assert passed(a_body(), stream=True)["stream"] is True
    assert passed(a_body(stream=True), stream=True)["stream"] is True
    assert "stream" not in passed(a_body())


@pytest.mark.parametrize("name", REFUSED)
def test_what_reaches_past_the_prompt_is_refused(name: str) -> None:
    with pytest.raises(CannotExpress, match=name):
        passed(a_body(**{name: "x"}))


def test_what_a_provider_would_run_is_taken_out_and_named() -> None:
    body = a_body(tools=[FUNCTION, SEARCH, {"type": "file_search"}, GROUP], tool_choice="auto")
    found = passed(body)
    assert found["tools"] == [FUNCTION, GROUP]
    assert found["tool_choice"] == "auto"
    assert OPENAI_RESPONSES.sheds(body) == ("tools.web_search", "tools.file_search")
    assert SEARCH in body["tools"]


@pytest.mark.parametrize(
    "kind", ["code_interpreter", "image_generation", "computer_use_preview", "computer", "shell"]
)
def test_every_tool_of_a_provider_is_taken_out(kind: str) -> None:
    body = a_body(tools=[{"type": kind}])
    assert "tools" not in passed(body)
    assert OPENAI_RESPONSES.sheds(body) == (f"tools.{kind}",)


def test_a_tool_of_a_kind_that_nobody_knows_counts_as_the_providers() -> None:
    body = a_body(tools=[{"type": "acme-payments"}])
    assert "tools" not in passed(body)
    assert OPENAI_RESPONSES.sheds(body) == ("tools.unknown",)


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "local_shell"},
        {"type": "custom", "name": "x"},
        {"type": "apply_patch"},
        {"type": "shell", "environment": {"type": "local"}},
    ],
)
def test_a_tool_that_the_client_runs_stays(tool: dict[str, Any]) -> None:
    assert passed(a_body(tools=[tool]))["tools"] == [tool]


def test_tools_inside_groups_and_items_are_looked_at_too() -> None:
    item = {"type": "additional_tools", "role": "developer", "tools": [SEARCH, FUNCTION]}
    same = {"type": "tool_search_output", "call_id": "c", "tools": [FUNCTION]}
    body = a_body(input=[item, same], tools=[{**GROUP, "tools": [FUNCTION, SEARCH]}])
    found = passed(body)
    assert found["input"] == [{**item, "tools": [FUNCTION]}, same]
    assert found["tools"] == [GROUP]
    assert OPENAI_RESPONSES.sheds(body) == ("tools.web_search",)


ALLOWED = {"type": "allowed_tools", "mode": "required"}


@pytest.mark.parametrize(
    ("tools", "choice", "left"),
    [
        ([FUNCTION], "required", "required"),
        ([SEARCH], "required", None),
        ([SEARCH], "none", "none"),
        ([FUNCTION], "invented", None),
        ([FUNCTION], {"type": "function", "name": "look"}, {"type": "function", "name": "look"}),
        ([FUNCTION, SEARCH], {"type": "web_search"}, None),
        ([SEARCH], {"type": "web_search"}, None),
        (
            [FUNCTION, SEARCH],
            {**ALLOWED, "tools": [{"type": "function", "name": "look"}, {"type": "web_search"}]},
            {**ALLOWED, "tools": [{"type": "function", "name": "look"}]},
        ),
        ([FUNCTION], {**ALLOWED, "tools": [{"type": "mcp"}]}, None),
    ],
)
def test_a_choice_speaks_of_tools_that_stay(tools: list, choice: object, left: object) -> None:
    body = a_body(tools=tools, tool_choice=choice)
    assert passed(body).get("tool_choice") == left
    assert ("tool_choice" in OPENAI_RESPONSES.sheds(body)) == (left != choice)


def test_what_tells_of_the_callers_machine_stays_here() -> None:
    body = a_body(client_metadata={"x-codex-turn-metadata": '{"workspaces":{"/home/ada":{}}}'})
    assert "client_metadata" not in passed(body)
    assert OPENAI_RESPONSES.sheds(body) == ("client_metadata",)


def test_reasoning_and_items_that_nobody_knows_pass_as_they_are() -> None:
    given = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        {"type": "invented_call", "secret": {"a": 1}},
        {"role": "user", "content": "go on"},
    ]
    assert passed(a_body(input=given))["input"] == given
