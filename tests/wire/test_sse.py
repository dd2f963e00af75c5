from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.sse import EVENT_BYTES_MAX, Frame, Payload

ENDS = [b"\n", b"\r\n", b"\r"]


def stream(end: bytes) -> bytes:
    lines = [
        b'data: {"a":1}',
        b"",
        b": keep-alive",
        b"",
        b"event: ping",
        b"data:{}",
        b"",
        b"event:delta",
        b"id: 7",
        b"data: one",
        b"data:  two",
        b"data",
        b"retry: 1",
        b"",
        b"",
        b"data: [DONE]",
        b"",
        b"",
    ]
    return end.join(lines)


def cut(raw: bytes, *places: int) -> tuple[list[Payload], bytes]:
    frame = Frame()
    payloads = []
    edges = [0, *places, len(raw)]
    for begin, end in pairwise(edges):
        payloads += frame.feed(raw[begin:end])
    return payloads, frame.rest


@pytest.mark.parametrize("end", ENDS)
def test_every_event_is_found_with_its_name_and_data(end: bytes) -> None:
    payloads, rest = cut(stream(end))

    assert [(p.event, p.data) for p in payloads] == [
        (b"", b'{"a":1}'),
        (b"", b""),
        (b"ping", b"{}"),
        (b"delta", b"one\n two\n"),
        (b"", b"[DONE]"),
    ]
    assert b"".join(p.raw for p in payloads) + rest == stream(end)
    assert rest == b""


@pytest.mark.parametrize("end", ENDS)
def test_the_cut_of_the_chunks_changes_nothing(end: bytes) -> None:
    raw = stream(end)
    whole = cut(raw)

    for place in range(len(raw)):
        assert cut(raw, place) == whole
    assert cut(raw, *range(1, len(raw))) == whole


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([b"\n", b"\r", b"data:", b" x", b"event: y", b":"]), max_size=14),
    st.lists(st.integers(min_value=0, max_value=80), max_size=6),
)
def test_mixed_line_ends_are_cut_by_their_bytes_alone(
    pieces: list[bytes], places: list[int]
) -> None:
    raw = b"".join(pieces)
    payloads, rest = cut(raw, *sorted(min(place, len(raw)) for place in places))

    assert (payloads, rest) == cut(raw)
    assert b"".join(p.raw for p in payloads) + rest == raw


def test_a_byte_order_mark_does_not_hide_the_first_event() -> None:
    payloads, _ = cut(b"\xef\xbb\xbfdata: x\n\n")

    assert payloads == [Payload(b"\xef\xbb\xbfdata: x\n\n", b"", b"x")]


def test_an_event_that_has_not_ended_stays_in_the_rest() -> None:
    assert cut(b"data: 1\n\ndata: 2\n") == ([Payload(b"data: 1\n\n", b"", b"1")], b"data: 2\n")


def test_only_one_space_belongs_to_the_field() -> None:
    payloads, _ = cut(b"data:  x \n\n")

    assert payloads[0].data == b" x "


def test_an_event_over_the_bound_is_an_error_even_before_it_ends() -> None:
    frame = Frame()
    frame.feed(b"data: " + b"x" * (EVENT_BYTES_MAX - 6))

    with pytest.raises(ValueError, match=str(EVENT_BYTES_MAX)):
        frame.feed(b"x")


def test_an_event_over_the_bound_in_one_chunk_is_an_error() -> None:
    with pytest.raises(ValueError, match=str(EVENT_BYTES_MAX)):
        Frame().feed(b"data: " + b"x" * EVENT_BYTES_MAX + b"\n\n")


def test_a_rest_over_the_bound_is_an_error_beside_whole_events() -> None:
    with pytest.raises(ValueError, match=str(EVENT_BYTES_MAX)):
        Frame().feed(b"data: 1\n\ndata: " + b"x" * EVENT_BYTES_MAX)


def test_an_event_up_to_the_bound_passes() -> None:
    raw = b"data: " + b"x" * (EVENT_BYTES_MAX - 8) + b"\n\n"

    assert [payload.raw for payload in Frame().feed(raw)] == [raw]
