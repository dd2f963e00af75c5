"""AWS event streams; botocore is the other reader."""

import struct
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire import eventstream
from gateway.wire.eventstream import HEADER_BYTES_MAX, MESSAGE_BYTES_MAX, Frame, Message
from tests.doubles.event_frames import (
    as_botocore_reads,
    event,
    fault,
    framed,
    header,
    message,
    text,
)

STREAM = b"".join(
    [
        event("messageStart", role="assistant"),
        event("contentBlockDelta", contentBlockIndex=0, delta={"text": "é 日本"}),
        message(b"", event_type="empty", message_type="event"),
        fault("throttlingException", "slow down"),
    ]
)
OTHER_TYPES = b"".join(
    [
        header("yes", 0),
        header("no", 1),
        header("byte", 2, b"\x07"),
        header("short", 3, b"\x00\x07"),
        header("int", 4, b"\x00" * 4),
        header("long", 5, b"\x00" * 8),
        header("bytes", 6, b"\x00\x02ab"),
        header("when", 8, b"\x00" * 8),
        header("uuid", 9, b"\x00" * 16),
        text("said", "words"),
    ]
)


def cut(raw: bytes, size: int) -> list[bytes]:
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def read(chunks: list[bytes]) -> list[Message]:
    frame = Frame()
    found = [one for chunk in chunks for one in frame.feed(chunk)]
    assert frame.rest == b""
    return found


def test_messages_are_what_botocore_reads() -> None:
    ours, theirs = read([STREAM]), as_botocore_reads([STREAM])
    assert len(ours) == len(theirs) == 4
    assert [(one.headers, one.data) for one in ours] == [
        (one.headers, one.payload) for one in theirs
    ]


def test_a_stream_may_be_cut_at_every_byte() -> None:
    whole = read([STREAM])
    for at in range(len(STREAM) + 1):
        assert read([STREAM[:at], STREAM[at:]]) == whole
    assert read(cut(STREAM, 1)) == whole


def test_headers_of_every_type_are_passed_over() -> None:
    raw = framed(OTHER_TYPES, b"payload")
    assert read([raw]) == [Message({"said": "words"}, b"payload", raw)]
    assert len(as_botocore_reads([raw])[0].headers) == 10


def test_what_has_not_ended_is_kept() -> None:
    frame = Frame()
    assert frame.feed(STREAM[:9]) == []
    assert frame.rest == STREAM[:9]
    assert len(frame.feed(STREAM[9:-1])) == 3
    assert STREAM.endswith(frame.rest + STREAM[-1:])


def test_a_flipped_bit_anywhere_is_noticed_by_both_readers() -> None:
    raw = event("messageStop", stopReason="end_turn")
    for at in range(len(raw)):
        broken = raw[:at] + bytes([raw[at] ^ 0x10]) + raw[at + 1 :]
        with pytest.raises(ValueError, match="checksum"):
            Frame().feed(broken)
        with pytest.raises(Exception, match=r"(?i)checksum"):
            as_botocore_reads([broken])


def test_a_length_is_not_believed_before_its_checksum() -> None:
    with pytest.raises(ValueError, match="prelude"):
        Frame().feed(struct.pack(">III", 0xFFFFFFFF, 0, 0))


def prelude(total: int, headers: int) -> bytes:
    raw = struct.pack(">II", total, headers)
    return raw + struct.pack(">I", crc32(raw))


@pytest.mark.parametrize(
    ("total", "headers", "why"),
    [
        (MESSAGE_BYTES_MAX + 1, 0, "larger"),
        (MESSAGE_BYTES_MAX, HEADER_BYTES_MAX + 1, "larger"),
        (15, 0, "contradict"),
        (100, 85, "contradict"),
    ],
)
def test_a_message_of_an_impossible_size_is_refused_at_its_prelude(
    total: int, headers: int, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Frame().feed(prelude(total, headers))
    assert Frame().feed(prelude(100, 84)) == []


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        (text("a", "1") + text("a", "2"), "twice"),
        (header("", 0), "no name"),
        (header("a", 10), "unknown type"),
        (b"\x05ab", "over its end"),
        (b"\x01a", "over its end"),
        (header("a", 7, b"\x00"), "over its end"),
        (header("a", 7, b"\x00\x09abc"), "over its end"),
        (header("a", 9, b"\x00"), "over its end"),
        (header("a", 7, b"\x00\x01\xff"), "utf-8"),
    ],
)
def test_a_header_that_cannot_be_read_is_an_error(headers: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Frame().feed(framed(headers, b""))


@settings(max_examples=60, deadline=None)
@given(
    messages=st.lists(
        st.tuples(
            st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=40), max_size=4),
            st.binary(max_size=200),
        ),
        max_size=4,
    ),
    size=st.integers(1, 64),
)
def test_whatever_is_written_is_read_by_both(messages, size: int) -> None:
    raw = b"".join(
        framed(b"".join(text(*pair) for pair in headers.items()), payload)
        for headers, payload in messages
    )
    assert [(one.headers, one.data) for one in read(cut(raw, size))] == messages
    buffer = EventStreamBuffer()
    for chunk in cut(raw, size):
        buffer.add_data(chunk)
    assert [(one.headers, one.payload) for one in buffer] == messages


def test_what_is_written_is_what_botocore_reads() -> None:
    raw = eventstream.framed({":event-type": "é", "plain": ""}, b"payload")
    (found,) = as_botocore_reads([raw])
    assert (found.headers, found.payload) == ({":event-type": "é", "plain": ""}, b"payload")
    assert read([raw]) == [Message({":event-type": "é", "plain": ""}, b"payload", raw)]
    assert as_botocore_reads([eventstream.framed({}, b"")])[0].payload == b""


@pytest.mark.parametrize(
    ("headers", "data"),
    [
        ({"": "x"}, b""),
        ({"n" * 256: "x"}, b""),
        ({"n": "x" * 32_768}, b""),
        ({f"n{number}": "x" * 32_000 for number in range(5)}, b""),
        ({}, b"x" * eventstream.MESSAGE_BYTES_MAX),
    ],
)
def test_what_could_not_be_read_is_not_written(headers: dict[str, str], data: bytes) -> None:
    with pytest.raises(ValueError, match="message"):
        eventstream.framed(headers, data)


def test_headers_that_come_again_are_read_once_and_an_errors_words_are_not_kept() -> None:
    raw = event("ping", any=1)
    before = eventstream._known.cache_info().currsize
    first, second = read([raw, raw])
    assert first.headers is second.headers
    fault_words = message(b"", message_type="error", error_code="x", error_message="S-words")
    kept = eventstream._known.cache_info().currsize
    first, second = read([fault_words, fault_words])
    assert first.headers[":error-message"] == "S-words"
    assert first.headers is not second.headers
    assert eventstream._known.cache_info().currsize == kept <= before + 1
