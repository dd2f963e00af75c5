"""A golden, or the reason why there is none, for every reader and writer of every dialect.

One file per dialect and feature in `goldens/cells`; a cell of it is a form (what is asked, a whole
reply, a stream) and a side. In the test that holds a file, the vendor's own types or client accept
what stands there, and each planted word is found again or is lost by a name.
"""

import re
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from gateway.dialects import DIALECTS
from gateway.domain.dialect import Dialect
from gateway.domain.errors import AllFailed, AllTimedOut, Denied, NoHealthyBackend, UnknownModel
from gateway.domain.event import Broke, Event
from gateway.domain.request import Operation
from tests.doubles.bedrock_vendor import parsed_stream
from tests.doubles.dialect_row import BOUND, USAGE
from tests.doubles.dialect_rows import ROWS
from tests.doubles.fleets import an_offering
from tests.doubles.golden_cells import ASKS, EVIDENCE, FEATURES, FORMS, REPLIES, SIDES
from tests.doubles.golden_errors import CLIENTS, FAULTS
from tests.doubles.golden_reasons import reason
from tests.doubles.goldens import GOLDENS, assert_golden_json, golden_json
from tests.doubles.grammar import GRAMMARS, Story
from tests.doubles.planted import gone, planted
from tests.doubles.raw_http import Heard

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
CAN = frozenset({"tools", "images", "documents", "thinking", "json"})
MODEL = "anthropic.claude-opus-4-5-20251101-v1:0"
OFFERING = an_offering("claude-opus-4-5", "e", "on_prem", wire_model=MODEL, capabilities=CAN)
OURS = (
    Denied("No zone may see this."),
    UnknownModel("There is no such model."),
    NoHealthyBackend("Nothing is healthy."),
    AllFailed("The engine broke off."),
    AllTimedOut("The engine was too slow."),
)
# What such an engine is never sent, and clients say: read of what was written by hand.
UNWRITTEN = {("openai_responses", "thinking"), ("openai_chat", "cache_marks")}
# The two signatures of a reply, as they are and in the wrapping that comes back to us alone.
PLAIN = (b"S-signature", BOUND.encode())
WRAPPED = tuple(b64encode(b"perimeter-signature:" + one) for one in PLAIN)
SIGNATURES = frozenset((*PLAIN, *WRAPPED))
# By dialect, those that its replies have a place for.
SIGNED: dict[str, set[bytes]] = {
    "openai_chat": {PLAIN[1]},
    "openai_responses": set(),
    "anthropic_messages": {PLAIN[0]},
    "ollama_chat": set(),
    "bedrock_converse": {PLAIN[0]},
    "gemini": set(WRAPPED),
}
Cells = dict[str, Any]
MARKED = re.compile(rb'"cache":"(5m|1h)"')


def key(form: str, side: str) -> str:
    return f"{form}.{side}"


def place(name: str, feature: str) -> str:
    return f"cells/{name}/{feature}.json"


def readable(name: str, raw: bytes) -> Any:
    """Return a stream as lines that can be compared by eye; botocore's words for its frames."""
    return parsed_stream(raw) if name == "bedrock_converse" else raw.decode().split("\n")


def words_of(found: object) -> set[str]:
    """Return what is planted there; a mark of ours stands for those of the vendors."""
    said = msgspec.json.encode(found)
    return planted(found) | ({"cache_control"} if MARKED.search(said) else set())


def lost_none(found: object, words: set[str], losses: tuple[str, ...]) -> None:
    """Everything planted is found again, or lost by a name that has no word of the request."""
    assert not any("S-" in loss for loss in losses)
    words = words - words_of(found)
    said = msgspec.json.encode(found).decode().replace("\\", "")
    assert not [word for word in words if gone(word, said, losses)]


def asked(name: str, feature: str) -> Cells:
    """Return what is written for an engine, taken by the vendor, and what is read of that."""
    matter, dialect = ASKS[feature], DIALECTS[name]
    body, unsaid = dialect.write(matter, OFFERING, False)
    ROWS[name].takes(body)
    lost_none(body, words_of(matter), unsaid)
    found = {key("asked", "writer"): {"body": body, "losses": unsaid}}
    if reason(name, feature, "asked", "reader"):
        assert not EVIDENCE[feature](dialect.read(body)[0])
        return found
    said = ROWS[name].asks if (name, feature) in UNWRITTEN else body
    assert EVIDENCE[feature](dialect.read(said)[0])
    return found | read(name, said)


def read(name: str, body: dict[str, Any]) -> Cells:
    conversation, unread = DIALECTS[name].read(body)
    lost_none(conversation, words_of(body), unread)
    return {key("asked", "reader"): {"conversation": conversation, "losses": unread}}


def heard_of(dialect: Dialect, raw: bytes) -> list[Event]:
    """Return the events of a stream that arrives a few bytes at a time."""
    reader = dialect.reader()
    pieces = [raw[at : at + 7] for at in range(0, len(raw), 7)]
    return [event for piece in pieces for event in reader.feed(piece)]


def told(name: str, events: tuple[Event, ...]) -> Story:
    """Return what the dialect's own client is told of those events."""
    return GRAMMARS[name].whole(DIALECTS[name].write_reply(events, "asked", RECORD))


def replied(name: str, feature: str) -> Cells:
    """Return what a client is told, as its vendor reads it, and what is read of an engine's."""
    dialect, (events, story) = DIALECTS[name], REPLIES[feature]
    writer = dialect.writer("asked", RECORD, True)
    stream = b"".join([*(writer.write(event) for event in events), writer.close()])
    whole = dialect.write_reply(events, "asked", RECORD)
    ROWS[name].reads_whole(whole)
    assert_read(name, stream)
    assert GRAMMARS[name].stream(stream) == GRAMMARS[name].whole(whole)
    assert GRAMMARS[name].whole(whole) == story
    if feature == "thinking":
        assert {one for one in SIGNATURES if one in whole and one in stream} == SIGNED[name]
    cells = {
        key("whole", "writer"): msgspec.json.decode(whole),
        key("stream", "writer"): readable(name, stream),
    }
    if reason(name, feature, "whole", "reader"):
        return cells
    once, by_and_by = dialect.read_reply(whole), tuple(heard_of(dialect, stream))
    assert told(name, once) == told(name, by_and_by) == story
    return {**cells, key("whole", "reader"): once, key("stream", "reader"): by_and_by}


# What the vendor's accumulator raises for a reply that ends so: the client is told, not misled.
RAISED = {
    ("openai_chat", '"length"'),
    ("openai_chat", '"content_filter"'),
    ("openai_responses", "response.incomplete"),
}


def assert_read(name: str, stream: bytes) -> None:
    if any(name == one and ending.encode() in stream for one, ending in RAISED):
        with pytest.raises(Exception, match=r"(length|content.filter|response.completed)"):
            ROWS[name].reads_stream(stream)
    else:
        ROWS[name].reads_stream(stream)


def by_hand(name: str) -> Cells:
    """Return what is read of a request, a reply and a stream that no code of ours wrote."""
    row = ROWS[name]
    if name != "ollama_chat":
        # WHY: its client takes no id of a call, which its server gives and takes.
        row.takes(row.asks)
    row.reads_whole(row.answers)
    row.reads_stream(row.streams)
    once, by_and_by = row.dialect.read_reply(row.answers), heard_of(row.dialect, row.streams)
    for events in (once, tuple(by_and_by)):
        story = told(name, events)
        assert (story.text, story.thinking) == ("S-text", "S-thought")
        assert (story.input_tokens, story.output_tokens) == USAGE
        assert (row.signs in msgspec.json.encode(events)) >= bool(row.signs)
    return {
        **read(name, row.asks),
        key("whole", "reader"): once,
        key("stream", "reader"): by_and_by,
    }


def errors_written(name: str) -> Cells:
    """Return our errors in the client's form; the vendor's client raises each with our words."""
    dialect, client = DIALECTS[name], CLIENTS[name]
    found: Cells = {key("whole", "writer"): {}}
    for ours in OURS:
        reply = dialect.refusal(ours, RECORD)
        headers = {"content-type": reply.content_type, **dict(reply.headers)}
        raised = client.told(Heard(reply.status, headers, reply.body))
        assert ours.what.removesuffix(".") in raised.said
        assert RECORD in raised.said
        assert raised.status == reply.status
        found[key("whole", "writer")][ours.code] = {
            "status": reply.status,
            "headers": dict(reply.headers),
            "body": msgspec.json.decode(reply.body),
        }
    if client.broken is not None:
        raw = dialect.stream_error(AllFailed("The engine broke off."), RECORD)
        broken = client.broken(Heard(200, client.stream, raw))
        assert "The engine broke off" in broken.said
        lines = [broken.kind, broken.said] if name.startswith("bedrock") else readable(name, raw)
        found[key("stream", "writer")] = lines
    return found


def errors_read(name: str) -> Cells:
    """Return what is read of an engine's errors, which its vendor's client raises too."""
    dialect, client, fault = DIALECTS[name], CLIENTS[name], FAULTS[name]
    raised = client.told(Heard(fault.status, fault.headers, fault.whole))
    assert "S-said" in raised.said
    kind, said = dialect.failure(fault.status, fault.whole)
    assert said == "S-said"
    found: Cells = {key("whole", "reader"): {"kind": kind, "said": said}}
    if not fault.stream:
        return found
    assert client.broken is not None
    assert "S-said" in client.broken(Heard(200, client.stream, fault.stream)).said
    events = heard_of(dialect, fault.stream)
    assert isinstance(events[-1], Broke)
    assert events[-1].said == "S-said"
    return {**found, key("stream", "reader"): events}


def cells_of(name: str, feature: str) -> Cells:
    """Return what the code says now for a file of goldens."""
    if feature == "errors":
        return errors_written(name) | errors_read(name)
    if feature == "by_hand":
        return by_hand(name)
    found = asked(name, feature) if feature in ASKS else {}
    found |= replied(name, feature) if feature in REPLIES else {}
    return {cell: one for cell, one in found.items() if not reason(name, feature, *cell.split("."))}


HELD = [
    (name, feature)
    for name, dialect in DIALECTS.items()
    for feature in FEATURES
    if name in ROWS or feature == "errors"
]


@pytest.mark.parametrize(("name", "feature"), HELD)
def test_a_cell_is_as_agreed_and_as_its_vendor_reads_it(name: str, feature: str) -> None:
    assert_golden_json(place(name, feature), cells_of(name, feature))


TABLE = [
    (name, feature, form, side)
    for name in DIALECTS
    for feature in FEATURES
    for form in FORMS
    for side in SIDES
]


def test_every_cell_has_a_golden_or_a_reason_and_never_both() -> None:
    wrong = []
    for name, feature, form, side in TABLE:
        file = GOLDENS / place(name, feature)
        there = file.exists() and key(form, side) in golden_json(place(name, feature))
        if there == bool(reason(name, feature, form, side)):
            wrong.append((name, feature, form, side, there))
    assert not wrong


def test_every_file_of_cells_is_held_by_a_test() -> None:
    files = {str(file.relative_to(GOLDENS)) for file in (GOLDENS / "cells").glob("*/*")}
    assert files == {place(name, feature) for name, feature in HELD}


def test_every_dialect_that_clients_and_engines_speak_is_in_the_table() -> None:
    own = {n for n, d in DIALECTS.items() if d.operation is Operation.GENERATE and not d.kin}
    assert own == set(ROWS)
    assert set(CLIENTS) == set(FAULTS) == set(DIALECTS)
