"""Media, marks, arguments, losses and errors: what dialects share, taken one by one."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.conversation import (
    Conversation,
    Media,
    Opaque,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
    Turn,
)
from gateway.domain.errors import Malformed
from gateway.domain.event import Stopped
from gateway.translation import arguments, faults, fields, limits, marks, media, moments
from gateway.translation.endings import reason_of
from gateway.translation.losses import LOSSES_MAX, Losses
from gateway.translation.schemas import arguments_schema, simplified


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "https://example.org/a.png",
        "data:image/png,plain",
        "data:;base64,AAAA",
        "data:image/png",
    ],
)
def test_only_base64_in_a_data_url_is_media(url: object) -> None:
    assert media.media_of(url) is None


def test_a_data_url_is_read_as_it_was_written() -> None:
    picture = Media("image/png", "iVBORw0KGgo=", "a.png", "5m")
    assert media.media_of(media.url_of(picture), "a.png", "5m") == picture
    found = media.media_of("data:text/plain;charset=utf-8;base64,aGk=")
    assert found == Media("text/plain", "aGk=")


@pytest.mark.parametrize("said", ["image/jpg", "IMAGE/JPEG", "image/pjpeg"])
def test_a_type_is_read_as_it_was_meant(said: str) -> None:
    assert media.media_of(f"data:{said};base64,AAAA") == Media("image/jpeg", "AAAA")


def test_a_document_of_words_has_words() -> None:
    assert media.words_of(Media("text/csv", "YSxi")) == "a,b"
    assert media.words_of(Media("application/pdf", "YSxi")) is None
    assert media.words_of(Media("text/csv", "/w==")) is None
    assert media.words_of(Media("text/csv", "\u00e9")) is None


def test_a_file_without_a_name_is_called_what_it_is() -> None:
    assert media.filename(Media("application/pdf", "")) == "document.pdf"
    assert media.filename(Media("text/markdown", "")) == "document.md"
    assert media.filename(Media("audio/ogg", "")) == "document.ogg"
    assert media.filename(Media("audio/ogg", "", "S-name.ogg")) == "S-name.ogg"


def test_an_image_is_known_by_its_first_bytes() -> None:
    assert media.sniffed("/9j/4AAQ") == "image/jpeg"
    assert media.sniffed("AAAA") == media.UNKNOWN_TYPE
    assert media.is_image(Media("image/x-odd", ""))


@pytest.mark.parametrize(
    ("mark", "lasts", "lost"),
    [
        (None, None, ()),
        ({"type": "ephemeral"}, "5m", ()),
        ({"type": "ephemeral", "ttl": "1h"}, "1h", ()),
        ({"type": "ephemeral", "ttl": "9d"}, "5m", ("cache_control",)),
        ({"type": "ephemeral", "ttl": []}, "5m", ("cache_control",)),
        ({"type": "ephemeral", "scope": "global"}, "5m", ("cache_control",)),
        ({"type": "eternal"}, None, ("cache_control",)),
        ("ephemeral", None, ("cache_control",)),
    ],
)
def test_a_mark_is_read_and_what_it_says_besides_is_a_loss(
    mark: Any, lasts: str | None, lost: tuple[str, ...]
) -> None:
    losses = Losses()
    assert marks.read({"cache_control": mark}, losses) == lasts
    assert losses.names == lost


@pytest.mark.parametrize("lasts", [None, "5m", "1h"])
def test_a_mark_is_read_as_it_was_written(lasts: str | None) -> None:
    assert marks.read(marks.write(lasts), Losses()) == lasts


@pytest.mark.parametrize(
    "part",
    [
        Text("x", "5m"),
        Media("image/png", "", cache="5m"),
        ToolCall("a", "f", {}, cache="1h"),
        ToolResult("a", (), cache="5m"),
        ToolResult("a", (Text("x", "5m"),)),
    ],
)
def test_a_mark_is_found_wherever_it_stands(part: Any) -> None:
    assert marks.is_marked(Conversation((), (Turn("user", (part,)),)))


def test_marks_of_system_and_tools_are_found_and_none_where_there_is_none() -> None:
    plain = (Turn("user", (Text("x"), Thinking("t"), Opaque("d", "k", {}), ToolResult("a", ()))),)
    assert marks.is_marked(Conversation((Text("x", "5m"),), plain))
    assert marks.is_marked(Conversation((), plain, (ToolSpec("f", "", {}, cache="5m"),)))
    assert not marks.is_marked(Conversation((Text("x"),), plain, (ToolSpec("f", "", {}),)))


@pytest.mark.parametrize(
    ("written", "found", "lost"),
    [
        ('{"a":1}', {"a": 1}, ()),
        ({"a": 1}, {"a": 1}, ()),
        (None, {}, ()),
        (" ", {}, ()),
        ("[1]", {}, ("tool_arguments",)),
        ("{", {}, ("tool_arguments",)),
        (7, {}, ("tool_arguments",)),
    ],
)
def test_replayed_arguments_are_an_object_or_a_loss(
    written: object, found: dict[str, Any], lost: tuple[str, ...]
) -> None:
    losses = Losses()
    assert arguments.read(written, losses) == found
    assert losses.names == lost


def test_arguments_of_a_cut_reply_are_read_as_far_as_they_go() -> None:
    assert arguments.answered('{"a":1,"b":"x', cut=True) == {"a": 1}
    assert arguments.answered(b"[1", cut=True) == {}
    assert arguments.answered("", cut=False) == {}
    with pytest.raises(ValueError, match="not an object"):
        arguments.answered("[1]", cut=False)


words = st.text(max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(words, json_values, max_size=3), st.data())
def test_an_object_has_closed_with_its_last_byte_however_it_is_cut(
    value: dict[str, Any], data: st.DataObject
) -> None:
    text = msgspec.json.encode(value)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(len(text) - 1, 1)), max_size=6)))
    closing = arguments.Closing()
    for cut in cuts:
        assert not closing.has_closed(bytearray(text[:cut])) or cut >= len(text)
    assert closing.has_closed(bytearray(text))
    assert closing.has_closed(bytearray(text + b" \n"))


@pytest.mark.parametrize("text", [b"", b"}", b'"}', b'{"a":}', b"[1]", b'{"a":"}"', b'{"a\\'])
def test_what_is_no_object_never_closes(text: bytes) -> None:
    closing = arguments.Closing()
    assert not closing.has_closed(bytearray(text))
    assert not closing.has_closed(bytearray(text))


def test_losses_keep_their_order_and_have_a_bound() -> None:
    losses = Losses(frozenset({"known"}))
    losses.extras({"known": 1, "S-own": 1, "empty": "", "none": None, "read": 1}, ("read",), "at.")
    assert losses.names == ("at.known", "unknown_field")
    for at in range(LOSSES_MAX):
        losses.note(f"loss_{at}")
    assert len(losses.names) == LOSSES_MAX + 1
    assert losses.names[-1] == "more"


def test_a_schema_keeps_its_order_and_loses_what_vendors_refuse() -> None:
    schema = {"properties": None, "title": "S", "type": "object"}
    assert list(arguments_schema({"z": 1, "a": 2})) == ["type", "z", "a"]
    assert arguments_schema(schema) == {"type": "object", "title": "S"}
    assert schema["properties"] is None


def test_a_schema_for_the_narrowest_vendor_closes_every_object() -> None:
    losses = Losses()
    schema = {
        "$defs": {"S-own": {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}}},
        "type": "object",
        "properties": {
            "S-list": {"type": "array", "items": {"type": "object", "properties": {}}},
            "S-any": {"anyOf": [{"type": "null"}, {"properties": {}}, True]},
            "S-odd": True,
        },
        "additionalProperties": True,
        "required": ["S-list"],
    }
    simple = simplified(schema, losses)
    assert losses.names == ()
    assert list(simple) == list(schema)
    assert simple["additionalProperties"] is False
    assert simple["$defs"]["S-own"]["additionalProperties"] is False
    assert simple["properties"]["S-list"]["items"]["additionalProperties"] is False
    assert simple["properties"]["S-any"]["anyOf"][1]["additionalProperties"] is False
    assert schema["additionalProperties"] is True


@pytest.mark.parametrize(
    ("schema", "simple"),
    [
        ({"type": "integer", "minimum": 1}, {"type": "integer"}),
        ({"type": "string", "format": "color"}, {"type": "string"}),
        ({"oneOf": [{"type": "null"}]}, {"anyOf": [{"type": "null"}]}),
        ({"items": [1], "properties": 7, "anyOf": 8}, {"items": [1], "properties": 7, "anyOf": 8}),
    ],
)
def test_what_the_narrowest_vendor_refuses_goes_by_name(schema: Any, simple: Any) -> None:
    losses = Losses()
    closed = {"additionalProperties": False} if "properties" in simple else {}
    assert simplified(schema, losses) == {**simple, **closed}
    assert losses.names == (() if "items" in schema else ("answer_schema_simplified",))


def test_a_format_that_every_vendor_knows_stays() -> None:
    losses = Losses()
    schema = {"type": "string", "format": "date-time"}
    assert simplified(schema, losses) == schema
    assert losses.names == ()


@pytest.mark.parametrize(
    ("reason", "called", "said"),
    [
        (None, False, "end"),
        (None, True, "tool_use"),
        ("end", True, "tool_use"),
        ("tool_use", False, "end"),
        ("length", True, "length"),
        ("other:pause_turn", True, "other:pause_turn"),
    ],
)
def test_a_tool_must_run_if_and_only_if_one_was_called(
    reason: str | None, called: bool, said: str
) -> None:
    stop = None if reason is None else Stopped(reason)
    assert reason_of(stop, called=called) == said


def test_the_moment_of_a_record_is_in_its_id() -> None:
    assert moments.made_seconds("019ab0c1-2345-7abc-8def-0123456789ab") == 0x019AB0C12345 // 1000
    assert moments.made_ms("short") is None
    assert moments.made_ms("not-a-hex-number") is None
    assert moments.made_seconds("") == 0


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b"\xff", b"[" * 9999])
def test_what_is_no_object_has_no_words(body: bytes) -> None:
    assert faults.object_in(body) == {}


def test_an_engines_words_are_made_fit_to_show() -> None:
    assert faults.printable(" a\x00b\n" + "c" * 900).startswith("a b c")
    assert len(faults.printable("c" * 900)) == faults.SAID_CHARS_MAX


def test_a_field_that_must_be_there_is_named_when_it_is_not() -> None:
    assert fields.named({"name": "f"}, "name") == "f"
    for holder in ({}, {"name": ""}, {"name": None}, {"name": 7}):
        with pytest.raises(Malformed, match=r"tools\[0\]\.name"):
            fields.named(holder, "name", "tools[0].")


def test_a_reply_calls_a_bounded_number_of_tools() -> None:
    limits.admit_call(limits.CALLS_MAX - 1)
    with pytest.raises(ValueError, match="tool calls"):
        limits.admit_call(limits.CALLS_MAX)
