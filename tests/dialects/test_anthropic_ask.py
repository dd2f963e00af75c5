import pytest

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES as DIALECT
from gateway.dialects.anthropic_messages import shapes
from gateway.domain.errors import CannotExpress, Malformed
from gateway.wire import body as wire
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import golden, golden_json, recordings

SECRET = "correct-horse-battery"
OFFERING = an_offering("qwen3", "vllm", "on_prem", wire_model="qwen3-on-disk")


def asking(**fields):
    return {
        "model": "code",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "hello"}],
        **fields,
    }


def saying(*blocks, role="user"):
    return asking(messages=[{"role": role, "content": list(blocks)}])


def test_the_least_request_asks_for_a_whole_reply():
    ask = DIALECT.peek(asking())
    assert (ask.model, ask.stream, ask.usage_wanted) == ("code", False, True)
    assert (ask.needs, ask.output_tokens_max) == (frozenset(), 64)


def test_a_stream_is_asked_for():
    assert DIALECT.peek(asking(stream=True)).stream
    assert not DIALECT.peek(asking(stream=None)).stream


def test_a_real_agent_request_is_taken():
    ask = DIALECT.peek(golden_json("anthropic_messages/agent_turn.json"))
    assert ask.stream
    assert ask.needs == {"tools", "images", "documents"}


@pytest.mark.parametrize("name", recordings("messages_", "reasoning_messages"))
def test_every_request_that_vllm_answered_is_taken(name):
    body = golden_json(f"vllm/{name}.request.json")["body"]
    assert DIALECT.peek(body).model == "tiny-qwen3"


@pytest.mark.parametrize(
    ("block", "need"),
    [
        ({"type": "image", "source": {"type": "base64", "data": "aa"}}, "images"),
        ({"type": "document", "source": {"type": "text", "data": "aa"}}, "documents"),
        ({"type": "tool_use", "id": "a", "name": "b", "input": {}}, "tools"),
        ({"type": "tool_result", "tool_use_id": "a"}, "tools"),
    ],
)
def test_a_block_says_what_the_engine_must_be_able_to_do(block, need):
    assert DIALECT.peek(saying(block)).needs == {need}


def test_an_image_inside_a_tool_result_needs_images():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aa"}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": [image]}
    assert DIALECT.peek(saying(result)).needs == {"images", "tools"}


def test_no_tools_are_no_need():
    assert DIALECT.peek(asking(tools=[])).needs == frozenset()
    tool = {"name": "read", "input_schema": {"type": "object"}, "type": "custom"}
    assert DIALECT.peek(asking(tools=[tool])).needs == {"tools"}


def test_a_system_message_among_the_messages_is_taken():
    body = asking(messages=[{"role": "system", "content": "be brief"}])
    assert DIALECT.peek(body).needs == frozenset()


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "64"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [SECRET]}, "messages"),
        ({"messages": [{"role": "user"}]}, "content"),
        ({"messages": [{"role": "user", "content": []}]}, "content"),
        ({"messages": [{"role": "user", "content": None}]}, "content"),
        ({"messages": [{"role": "user", "content": [SECRET]}]}, "content"),
        ({"messages": [{"role": "tool", "content": SECRET}]}, "role"),
        ({"messages": [{"role": SECRET, "content": "hello"}]}, "role"),
        ({"stream": "yes"}, "stream"),
        ({"system": 7}, "system"),
        ({"system": [SECRET]}, "system"),
        ({"tools": {}}, "tools"),
        ({"tools": [SECRET]}, "tools"),
        ({"tools": [{"name": "read"}]}, "input_schema"),
        ({"tools": [{"input_schema": {}}]}, "name"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"temperature": "hot"}, "temperature"),
        ({"thinking": {"budget_tokens": 5}}, "type"),
        ({"output_config": {"format": {"schema": {}}}}, "type"),
    ],
)
def test_what_is_malformed_is_refused_by_place_and_never_repeated(fields, place):
    with pytest.raises(Malformed) as refused:
        DIALECT.peek(asking(**fields))
    assert place in refused.value.what
    assert SECRET not in refused.value.what


@pytest.mark.parametrize("missing", ["model", "max_tokens", "messages"])
def test_a_required_field_is_required(missing):
    body = asking()
    del body[missing]
    with pytest.raises(Malformed, match=missing):
        DIALECT.peek(body)


@pytest.mark.parametrize(
    "block",
    [
        {"text": SECRET},
        {"type": ""},
        {"type": 5},
        {"type": "text"},
        {"type": "text", "text": None},
        {"type": "text", "text": ["a"]},
        {"type": "image"},
        {"type": "image", "source": "http://example.org"},
        {"type": "tool_result", "content": "a"},
        {"type": "tool_result", "tool_use_id": "a", "content": 5},
        {"type": "tool_result", "tool_use_id": "a", "content": [SECRET]},
        {"type": "tool_result", "tool_use_id": "a", "content": [{"text": SECRET}]},
        {"type": "tool_result", "tool_use_id": "a", "is_error": "no"},
        {"type": "server_tool_result", "content": {"text": SECRET}},
        {"type": "server_tool_result", "content": [SECRET]},
    ],
)
def test_a_malformed_block_is_refused_however_deep(block):
    with pytest.raises(Malformed) as refused:
        DIALECT.peek(saying(block))
    assert SECRET not in refused.value.what


@pytest.mark.parametrize("kind", ["image", "document"])
@pytest.mark.parametrize("source", ["url", "file", "gs", None])
def test_nothing_makes_the_provider_fetch(kind, source):
    block = {"type": kind, "source": {"type": source, "url": "http://169.254.169.254/"}}
    if source is None:
        del block["source"]["type"]
    inside = {"type": "tool_result", "tool_use_id": "a", "content": [block]}
    wrapped = {"type": "document", "source": {"type": "content", "content": [block]}}
    for case in (block, inside, wrapped):
        with pytest.raises(Malformed):
            DIALECT.peek(saying(case))


def test_a_foreign_block_may_not_fetch_either():
    source = {"type": "url", "url": "http://example.org"}
    with pytest.raises(Malformed, match="fetch"):
        DIALECT.peek(saying({"type": "video", "source": source}))
    with pytest.raises(Malformed, match="file"):
        DIALECT.peek(saying({"type": "container_upload", "file_id": "f"}))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"mcp_servers": [{"url": "http://example.org"}]}, "mcp_servers"),
        ({"container": "c"}, "container"),
        ({"tools": [{"type": "web_search_20250305", "name": "x"}]}, "tool web_search works"),
        ({"tools": [{"type": f"bash_{SECRET}", "name": "bash"}]}, "tool bash works"),
        ({"tools": [{"type": f"x {SECRET}", "name": "bash"}]}, "unknown"),
        ({"tools": [{"type": "my_canary_prompt", "name": "bash"}]}, "unknown"),
        ({"tools": [{"type": 5, "name": "bash"}]}, "unknown"),
    ],
)
def test_what_the_provider_would_run_is_refused_by_name(fields, named):
    with pytest.raises(CannotExpress) as refused:
        DIALECT.peek(asking(**fields))
    assert named in refused.value.what
    assert SECRET not in refused.value.what


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "x"}},
        {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {}}},
        {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "x"}},
        {"type": "hologram", "tool": {"type": "web_search_20250305", "name": "x"}},
        {"type": "hologram", "tools": [{"type": "mcp_toolset", "mcp_server_name": "x"}]},
        {"type": "text", "text": "x", "definition": {"type": "code_execution_20250825"}},
    ],
)
@pytest.mark.parametrize("role", ["user", "system"])
def test_no_block_carries_a_tool_past_the_check(block, role):
    inside = {"type": "tool_result", "tool_use_id": "a", "content": [block]}
    for case in (block, inside):
        messages = [{"role": "user", "content": "a"}, {"role": role, "content": [case]}]
        with pytest.raises(CannotExpress):
            DIALECT.peek(asking(messages=messages))


def test_a_tool_that_a_block_carries_must_be_one():
    with pytest.raises(Malformed, match="input_schema"):
        DIALECT.peek(saying({"type": "hologram", "tools": [None, {"name": "x"}]}))
    tool = {"name": "x", "input_schema": {}}
    assert DIALECT.peek(saying({"type": "hologram", "tools": [tool]})).model == "code"


def test_what_identifies_or_lets_a_provider_act_stays_on_the_premises():
    stays = {
        "metadata",
        "service_tier",
        "inference_geo",
        "user_profile_id",
        "workspace_id",
        "container",
        "mcp_servers",
        "speed",
        "betas",
    }
    assert not stays & DIALECT.may_leave
    assert stays <= DIALECT.fields.keys()
    assert set(shapes.Request.__struct_fields__) <= DIALECT.may_leave <= DIALECT.fields.keys()


def test_empty_lists_of_servers_harm_nobody():
    assert DIALECT.peek(asking(mcp_servers=[], container=None)).model == "code"


def test_blocks_are_counted(monkeypatch):
    monkeypatch.setattr(shapes, "BLOCKS_MAX", 2)
    text = {"type": "text", "text": "a"}
    assert DIALECT.peek(saying(text, text)).model == "code"
    with pytest.raises(Malformed, match="more than 2"):
        DIALECT.peek(saying(text, text, text))


def test_a_passed_body_keeps_every_field_and_its_order():
    raw = golden("anthropic_messages/agent_turn.json")
    body = wire.parse(raw)
    passed = DIALECT.rewrite(body, OFFERING, True)
    assert list(passed) == list(body)
    assert passed == {**body, "model": "qwen3-on-disk"}
    assert body["model"] == "claude-sonnet"
    assert passed["messages"] is body["messages"]


def test_a_passed_body_says_stream_only_where_it_matters():
    assert "stream" not in DIALECT.rewrite(asking(), OFFERING, False)
    assert DIALECT.rewrite(asking(), OFFERING, True)["stream"] is True
    assert DIALECT.rewrite(asking(stream=None), OFFERING, False)["stream"] is False
