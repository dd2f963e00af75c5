"""One walk per ordered pair of dialects: a request, a stream, a whole reply, with planted words.

Every word is found again on the other side, or its loss has a name; the vendor's own types or
client accept what we wrote, in the same test.
"""

from typing import Any

import msgspec
import pytest

from gateway.dialects import DIALECTS
from gateway.domain.request import Operation
from gateway.flow.renaming import renaming
from tests.doubles.dialect_row import sse
from tests.doubles.dialect_rows import CALL_ID, ROWS, USAGE, Row
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import GOLDENS
from tests.doubles.grammar import GRAMMARS, Call, Story
from tests.doubles.planted import gone, planted
from tests.doubles.vendor_readers import chunks

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
CAN = frozenset({"tools", "images", "documents", "thinking", "json"})
MODEL = "anthropic.claude-opus-4-5-20251101-v1:0"
OFFERING = an_offering("claude-opus-4-5", "e", "on_prem", wire_model=MODEL, capabilities=CAN)
PAIRS = [(client, engine) for client in ROWS for engine in ROWS]


@pytest.mark.parametrize(("client", "engine"), PAIRS)
@pytest.mark.parametrize("stream", [True, False])
def test_a_request_arrives_with_every_word_or_the_name_of_its_loss(client, engine, stream):
    asks, target = ROWS[client].asks, ROWS[engine]
    words = planted(asks)
    assert len(words) >= 14
    before = msgspec.json.encode(asks)
    conversation, unread = ROWS[client].dialect.read(asks)
    body, unsaid = target.dialect.write(conversation, OFFERING, stream)
    assert msgspec.json.encode(asks) == before
    losses = (*unread, *unsaid)
    said = msgspec.json.encode(body).decode().replace("\\", "")
    assert not [word for word in words if gone(word, said, losses)]
    assert "4321" in said
    assert not any("S-" in loss for loss in losses)
    target.takes(body)
    target.dialect.peek(body)


def answered(client: Row, engine: Row, raw: bytes, size: int = 77) -> bytes:
    """Translate a stream; what the flow does, without the flow."""
    reader, writer = engine.dialect.reader(), client.dialect.writer("asked", RECORD, True)
    events = [event for chunk in chunks(raw, size) for event in reader.feed(chunk)]
    assert reader.finished
    return b"".join([*(writer.write(event) for event in events), writer.close()])


@pytest.mark.parametrize(("client", "engine"), PAIRS)
def test_a_reply_arrives_whole_in_a_stream_and_at_once(client, engine):
    asking, answering = ROWS[client], ROWS[engine]
    raw = answered(asking, answering, answering.streams)
    events = answering.dialect.read_reply(answering.answers)
    whole = asking.dialect.write_reply(events, "asked", RECORD)
    asking.reads_stream(raw)
    asking.reads_whole(whole)
    signed = asking.signs in answering.streams
    for story, said in (
        (GRAMMARS[client].stream(raw), raw),
        (GRAMMARS[client].whole(whole), whole),
    ):
        assert (story.text, story.thinking) == ("S-text", "S-thought")
        assert story.calls == (Call(CALL_ID, "S-tool", {"S-key": "S-argument"}),)
        assert story.stop == "tool"
        assert (story.input_tokens, story.output_tokens) == USAGE
        assert (asking.signs in said) >= signed


@pytest.mark.parametrize(("client", "engine"), PAIRS)
def test_a_stream_is_the_same_wherever_it_was_cut(client, engine):
    raw = ROWS[engine].streams
    whole = answered(ROWS[client], ROWS[engine], raw, len(raw))
    assert {answered(ROWS[client], ROWS[engine], raw, size) for size in (1, 7, 100)} == {whole}


ENGINES = sorted(
    name for name, dialect in DIALECTS.items() if dialect.operation is Operation.GENERATE
)
LONG = "mcp__a_server_with_a_very_long_name__and_a_tool_with_an_even_longer_name_" + "x" * 80
ODD = ("read.file/now", LONG, "plain")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_name_that_the_engine_forbids_comes_back_as_the_clients_own(engine):
    target = DIALECTS[engine]
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in ODD]
    asks = {
        "model": "m",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": "x"}],
        "tools": tools,
    }
    conversation, _ = ROWS["anthropic_messages"].dialect.read(asks)
    body, _ = target.write(conversation, OFFERING, True)
    said = msgspec.json.encode(body).decode()
    names = target.renamed(conversation)
    written = {client: name for name, client in names.items()}
    assert all(f'"{written.get(name, name)}"' in said for name in ODD)
    assert set(names.values()) == {
        name for name in ODD if len(name) > 64 or not name.isidentifier()
    }
    if engine not in ROWS:
        return
    row = ROWS[engine]
    for name in ODD:
        engine_says = row.calls(row.streams, written.get(name, name))
        back = row._replace(dialect=renaming(target, names))
        for client, asking in ROWS.items():
            story = GRAMMARS[client].stream(answered(asking, back, engine_says))
            assert [call.name for call in story.calls] == [name]


def test_every_dialect_that_clients_speak_has_a_row():
    assert set(ROWS) == set(GRAMMARS)


def _tool(index: int, arguments: str, name: str = "") -> dict[str, Any]:
    named = {"id": f"call_{name}", "type": "function"} if name else {}
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    return {"index": index, **named, "function": function}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "choices": [choice]}


ODD_STREAMS = {
    "role, words and the reason in one chunk": (
        [_chunk({"role": "assistant", "content": "S-text"}, "stop")],
        Story("S-text", "", (), "end"),
    ),
    "empty tool calls beside words": (
        [_chunk({"content": "S-text", "tool_calls": []}), _chunk({"tool_calls": []}, "stop")],
        Story("S-text", "", (), "end"),
    ),
    "two calls in one chunk, then fragments by turns": (
        [
            _chunk({"content": None, "tool_calls": [_tool(0, "", "f"), _tool(1, "", "g")]}),
            _chunk({"tool_calls": [_tool(1, '{"b"')]}),
            _chunk({"tool_calls": [_tool(0, '{"a":1}'), _tool(1, ":2}")]}),
            _chunk({"content": "S-text"}),
            _chunk({}, "stop"),
        ],
        Story("S-text", "", (Call("call_f", "f", {"a": 1}), Call("call_g", "g", {"b": 2})), "tool"),
    ),
    "a call without arguments": (
        [_chunk({"tool_calls": [_tool(0, "", "f")]}, "tool_calls")],
        Story("", "", (Call("call_f", "f", {}),), "tool"),
    ),
    "reasoning, words, reasoning": (
        [
            _chunk({"reasoning": "S-one"}),
            _chunk({"content": "S-text"}),
            _chunk({"reasoning_content": "S-two"}, "length"),
        ],
        Story("S-text", "S-oneS-two", (), "length"),
    ),
    "a reason to run a tool without a call": (
        [_chunk({"content": "S-text"}, "tool_calls")],
        Story("S-text", "", (), "end"),
    ),
}


@pytest.mark.parametrize("client", sorted(ROWS))
@pytest.mark.parametrize("odd", ODD_STREAMS)
def test_what_hosts_are_known_to_stream_reaches_every_client(client, odd):
    chunks_, story = ODD_STREAMS[odd]
    raw = sse(*chunks_, end=b"data: [DONE]\n\n")
    found = GRAMMARS[client].stream(answered(ROWS[client], ROWS["openai_chat"], raw))
    assert found[:4] == story[:4]


WRITTEN = {
    "openai_chat": "openai_chat/*.stream.txt",
    "openai_responses": "openai_responses/*.stream.txt",
    "anthropic_messages": "*/*.written.stream.txt",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_golden_stream_keeps_the_grammar(name):
    files = [one for one in sorted(GOLDENS.glob(WRITTEN[name])) if one.parent.name != "gemini"]
    assert files
    for file in files:
        GRAMMARS[name].stream(file.read_bytes())
