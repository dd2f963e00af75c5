"""Whatever a client sends or an engine answers, nothing breaks but in words of ours."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.dialect import Dialect
from gateway.domain.errors import CannotExpress, GatewayError, Malformed, TooLarge
from gateway.domain.event import Event
from gateway.domain.route import FailureKind
from tests.doubles.dialect_rows import ROWS
from tests.doubles.fake_bedrock import event
from tests.doubles.fleets import an_offering

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
OFFERING = an_offering("claude-opus-4-5", "e", "cloud")
NAMES = sorted(ROWS)
OURS = (Malformed, CannotExpress, TooLarge)
ODD: tuple[Any, ...] = (
    *(None, True, -1, 10**18, 0.5, "", "S-odd"),
    *([], ["S-odd"], [{}], [[]], {}, {"S-odd": 1}, {"type": []}),
)
HTML = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body>S-odd</body></html>"


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value inside."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else ()
    for key, one in enumerate(value) if isinstance(value, list) else inner:
        yield from paths(one, (*path, key))


def changed(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return the body with another value at that place."""
    whole = deepcopy(body)
    holder: Any = whole
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return whole


def asked(dialect: Dialect, body: dict[str, Any]) -> GatewayError | None:
    """Read the body and write it for every engine; return what is refused, in words of ours."""
    try:
        dialect.peek(body)
        conversation, losses = dialect.read(body)
        for row in ROWS.values():
            written, unsaid = row.dialect.write(conversation, OFFERING, True)
            msgspec.json.encode(written)
            assert "S-odd" not in "".join((*losses, *unsaid))
    except OURS as error:
        return error
    return None


@pytest.mark.parametrize("name", NAMES)
def test_any_odd_value_anywhere_is_read_or_refused(name: str) -> None:
    row = ROWS[name]
    refused = 0
    absent = [(field,) for field in row.dialect.fields if field not in row.asks]
    for path in [*paths(row.asks), *absent]:
        for value in ODD:
            error = asked(row.dialect, changed(row.asks, path, value))
            assert error is None or "S-odd" not in error.what
            refused += error is not None
    assert refused > 100


USER = {"role": "user", "content": "x"}
CHAT = {"model": "m", "messages": [USER]}
MESSAGES = {"model": "m", "max_tokens": 9, "messages": [USER]}
RESPONSES = {"model": "m", "input": [USER]}
CONVERSE = {"messages": [{"role": "user", "content": [{"text": "x"}]}]}
LINES = {"model": "m", "messages": [USER]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
FUNCTION = "functionDeclarations"
BAD: dict[str, dict[str, dict[str, Any]]] = {
    "openai_chat": {
        "no messages": {"messages": []},
        "messages of another type": {"messages": "x"},
        "an unknown role": {"messages": [{"role": "S-odd", "content": "x"}]},
        "content of another type": {"messages": [{"role": "user", "content": 7}]},
        "an orphan result": {"messages": [{"role": "tool", "tool_call_id": "a", "content": "x"}]},
        "a call without a name": {
            "messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {}}]}]
        },
        "a tool without a name": {"tools": [{"type": "function", "function": {}}]},
        "a name of another type": {"tools": [{"type": "function", "function": {"name": 7}}]},
        "a huge n": {"n": 10**9},
        "a negative n": {"n": -1},
        "a negative limit": {"max_tokens": -1},
        "a limit of nothing": {"max_completion_tokens": 0},
        "a temperature of another type": {"temperature": "hot"},
        "an odd choice": {"tool_choice": "S-odd"},
        "a stop of another type": {"stop": [7]},
    },
    "openai_responses": {
        "no input": {"input": []},
        "input of another type": {"input": 7},
        "an unknown role": {"input": [{"role": "S-odd", "content": "x"}]},
        "content of another type": {"input": [{"role": "user", "content": 7}]},
        "an orphan result": {
            "input": [{"type": "function_call_output", "call_id": "a", "output": "x"}]
        },
        "a call without a name": {"input": [{"type": "function_call", "call_id": "a"}]},
        "a tool without a name": {"tools": [{"type": "function"}]},
        "a tool without a type": {"tools": [{"name": "f"}]},
        "a negative limit": {"max_output_tokens": -1},
        "a temperature of another type": {"temperature": "hot"},
        "an odd choice": {"tool_choice": 7},
    },
    "anthropic_messages": {
        "no messages": {"messages": []},
        "messages of another type": {"messages": "x"},
        "an unknown role": {"messages": [{"role": "S-odd", "content": "x"}]},
        "content of another type": {"messages": [{"role": "user", "content": 7}]},
        "empty content": {"messages": [{"role": "user", "content": []}]},
        "an orphan result": {
            "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]}]
        },
        "a call without a name": {
            "messages": [
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "input": {}}]}
            ]
        },
        "a tool without a name": {"tools": [{"input_schema": {}}]},
        "an empty name": {"tools": [{"name": "", "input_schema": {}}]},
        "a negative limit": {"max_tokens": -1},
        "no limit": {"max_tokens": None},
        "a temperature of another type": {"temperature": "hot"},
        "an odd choice": {"tool_choice": {"type": "S-odd"}},
    },
    "bedrock_converse": {
        "no messages": {"messages": []},
        "messages of another type": {"messages": "x"},
        "an unknown role": {"messages": [{"role": "S-odd", "content": [{"text": "x"}]}]},
        "content of another type": {"messages": [{"role": "user", "content": "x"}]},
        "an orphan result": {
            "messages": [
                {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": []}}]}
            ]
        },
        "a call without a name": {
            "messages": [
                {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "input": {}}}]}
            ]
        },
        "a tool without a name": {"toolConfig": {"tools": [{"toolSpec": {}}]}},
        "a negative limit": {"inferenceConfig": {"maxTokens": -1}},
        "a temperature of another type": {"inferenceConfig": {"temperature": "hot"}},
        "an odd choice": {"toolConfig": {"tools": [], "toolChoice": {"S-odd": {}}}},
    },
    "ollama_chat": {
        "no messages": {"messages": []},
        "messages of another type": {"messages": "x"},
        "an unknown role": {"messages": [{"role": "S-odd", "content": "x"}]},
        "content of another type": {"messages": [{"role": "user", "content": 7}]},
        # A result that names no call is the user's words: litellm leaves the calls themselves out.
        "an orphan result": {"messages": [{"role": "tool", "tool_name": "a", "content": "x"}]},
        "a call without a name": {
            "messages": [{"role": "assistant", "tool_calls": [{"function": {}}]}]
        },
        "a tool without a name": {"tools": [{"type": "function", "function": {}}]},
        "options of another type": {"options": 7},
        "a temperature of another type": {"options": {"temperature": "hot"}},
        "an odd format": {"format": "S-odd"},
    },
    "gemini": {
        "no contents": {"contents": []},
        "contents of another type": {"contents": "x"},
        "an unknown role": {"contents": [{"role": "S-odd", "parts": [{"text": "x"}]}]},
        "content of another type": {"contents": [{"role": "user", "parts": "x"}]},
        "an unknown part": {"contents": [{"role": "user", "parts": [{"S-odd": {}}]}]},
        "two things in a part": {
            "contents": [{"parts": [{"text": "x", "functionCall": {"name": "f"}}]}]
        },
        "an orphan result": {"contents": [{"parts": [{"functionResponse": {"name": "f"}}]}]},
        "a call of the user": {"contents": [{"parts": [{"functionCall": {"name": "f"}}]}]},
        "a call without a name": {"contents": [{"role": "model", "parts": [{"functionCall": {}}]}]},
        "a tool without a name": {"tools": [{FUNCTION: [{"description": "x"}]}]},
        "a name of another type": {"tools": [{FUNCTION: [{"name": 7}]}]},
        "a tool that nobody knows": {"tools": [{"S-odd": {}}]},
        "a huge n": {"generationConfig": {"candidateCount": 10**9}},
        "a negative n": {"generationConfig": {"candidateCount": -1}},
        "a negative limit": {"generationConfig": {"maxOutputTokens": -1}},
        "a temperature of another type": {"generationConfig": {"temperature": "hot"}},
        "an odd choice": {"toolConfig": {"functionCallingConfig": {"mode": "S-odd"}}},
        "a stop of another type": {"generationConfig": {"stopSequences": [7]}},
    },
}
LEAST = {
    "openai_chat": CHAT,
    "openai_responses": RESPONSES,
    "anthropic_messages": MESSAGES,
    "ollama_chat": LINES,
    "bedrock_converse": CONVERSE,
    "gemini": CONTENTS,
}
# Where the turns stand, and what the words of the user's are; the others take plain text.
TURNS = {"openai_responses": "input", "gemini": "contents"}
SAID: dict[str, dict[str, Any]] = {
    "bedrock_converse": {"content": [{"text": "S-last"}]},
    "gemini": {"parts": [{"text": "S-last"}]},
}


@pytest.mark.parametrize(
    ("name", "bad"), [(name, bad) for name, cases in BAD.items() for bad in cases]
)
def test_what_is_known_to_be_bad_is_refused(name: str, bad: str) -> None:
    dialect = ROWS[name].dialect
    assert asked(dialect, LEAST[name]) is None
    error = asked(dialect, {**LEAST[name], **BAD[name][bad]})
    assert error is not None
    assert error.status in {400, 422}
    assert "S-odd" not in error.what


EMPTY: dict[str, list[dict[str, Any]]] = {
    "openai_chat": [{"role": "assistant", "content": ""}, {"role": "assistant", "content": None}],
    "openai_responses": [
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": []},
    ],
    "anthropic_messages": [{"role": "assistant", "content": ""}],
    "ollama_chat": [{"role": "assistant", "content": ""}, {"role": "assistant"}],
    "bedrock_converse": [{"role": "assistant", "content": [{"text": ""}]}],
    "gemini": [{"role": "model", "parts": [{"text": ""}]}, {"role": "model", "parts": []}],
}


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_turn_of_the_assistant_is_left_out_everywhere(name: str) -> None:
    for empty in EMPTY[name]:
        last = {"role": "user", **SAID.get(name, {"content": "S-last"})}
        field = TURNS.get(name, "messages")
        talk = {**LEAST[name], field: [last, empty, last]}
        conversation, _ = ROWS[name].dialect.read(talk)
        for engine, row in ROWS.items():
            body, _ = row.dialect.write(conversation, OFFERING, False)
            said = body[TURNS.get(engine, "messages")]
            assert all(message["role"] == "user" for message in said)
            assert "S-last" in msgspec.json.encode(said).decode()


def read(dialect: Dialect, *chunks: bytes) -> tuple[list[Event], bool]:
    reader = dialect.reader()
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events, reader.finished


def unreadable(dialect: Dialect, raw: bytes) -> bool:
    """Is it told, without a word of it, that the stream cannot be read or written?"""
    try:
        events, _ = read(dialect, raw)
        for client in ROWS.values():
            writer = client.dialect.writer("asked", RECORD, True)
            for event in events:
                writer.write(event)
            writer.close()
    except ValueError as error:
        told, kind = str(error), type(error)
    else:
        return False
    assert kind is ValueError
    assert "S-" not in told
    return True


@pytest.mark.parametrize("name", NAMES)
def test_an_engine_that_answers_html_is_unreadable_and_never_finished(name: str) -> None:
    dialect = ROWS[name].dialect
    for read_whole in (dialect.read_reply, dialect.hear):
        with pytest.raises(ValueError, match=r"^(?!.*S-odd)"):
            read_whole(HTML)
    for page in (HTML, HTML + b"\n\n", b"data: " + HTML + b"\n\n"):
        assert unreadable(dialect, page) or read(dialect, page) == ([], False)
    kind, said = dialect.failure(502, HTML)
    assert kind in {FailureKind.UNREACHABLE, FailureKind.UNREADABLE}
    assert said == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_is_read_the_same_cut_in_two_at_every_byte(name: str) -> None:
    row = ROWS[name]
    raw = row.streams
    whole = read(row.dialect, raw)
    assert whole[1]
    for cut in range(1, len(raw)):
        assert read(row.dialect, raw[:cut], raw[cut:]) == whole


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"bedrock_converse"}))
@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_a_stream_is_read_the_same_with_every_end_of_a_line(name: str, end: bytes) -> None:
    row = ROWS[name]
    if name == "ollama_chat" and end == b"\r":
        return
    raw = row.streams.replace(b"\n", end)
    whole = read(row.dialect, row.streams)
    assert read(row.dialect, raw, b"\n") == whole
    assert read(row.dialect, *(raw[at : at + 1] for at in range(len(raw))), b"\n") == whole


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_that_is_cut_off_is_never_finished(name: str) -> None:
    row = ROWS[name]
    end = len(row.streams.rstrip(b"\n"))
    for cut in range(end):
        assert not read(row.dialect, row.streams[:cut])[1]


UNKNOWN = {
    "openai_chat": b'data: {"object":"S-odd","S-odd":1}\n\n: S-odd\n\n',
    "openai_responses": b'event: S-odd\ndata: {"type":"response.S-odd","S-odd":1}\n\n',
    "anthropic_messages": b'event: S-odd\ndata: {"type":"S-odd"}\n\nevent: ping\ndata: {}\n\n',
    "ollama_chat": b'{"S-odd":1,"message":{"role":"assistant","S-odd":2},"done":false}\n',
    "bedrock_converse": event("S-odd", said=1),
    "gemini": b'data: {"S-odd":1}\n\n: S-odd\n\n',
}


def cut_whole(name: str, raw: bytes) -> list[bytes]:
    """Cut a stream between its events."""
    if name == "bedrock_converse":
        size = int.from_bytes(raw[:4], "big")
        return [raw[:size], *cut_whole(name, raw[size:])] if raw else []
    step = b"\n" if name == "ollama_chat" else b"\n\n"
    return [piece + step for piece in raw.split(step) if piece]


@pytest.mark.parametrize("name", NAMES)
def test_an_event_that_nobody_knows_changes_nothing(name: str) -> None:
    row = ROWS[name]
    pieces = cut_whole(name, row.streams)
    whole = read(row.dialect, row.streams)
    for at in range(1, len(pieces)):
        assert read(row.dialect, *pieces[:at], UNKNOWN[name], *pieces[at:]) == whole


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_stream_of_which_any_bytes_changed_is_read_or_is_unreadable(
    name: str, data: st.DataObject
) -> None:
    row = ROWS[name]
    at = data.draw(st.integers(0, len(row.streams) - 1))
    other = data.draw(st.binary(max_size=4))
    unreadable(row.dialect, row.streams[:at] + other + row.streams[at + len(other) :])


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_that_is_no_utf8_is_unreadable_without_its_words(name: str) -> None:
    row = ROWS[name]
    assert unreadable(row.dialect, row.streams.replace(b"S-thought", b"S-\x80\xff"))
    with pytest.raises(ValueError, match=r"^(?!.*S-)") as caught:
        row.dialect.read_reply(row.answers.replace(b"S-text", b"S-\x80\xff"))
    assert type(caught.value) is ValueError
