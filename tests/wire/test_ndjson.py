from itertools import pairwise

import pytest

from gateway.wire.ndjson import LINE_BYTES_MAX, Frame

RAW = b'{"a":1}\n{"b":"x\\ny"}\r\n\n\r\n{"done":true}\n'
LINES = [b'{"a":1}', b'{"b":"x\\ny"}', b'{"done":true}']


def cut(raw: bytes, *places: int) -> tuple[list[bytes], bytes]:
    frame = Frame()
    lines = []
    edges = [0, *places, len(raw)]
    for begin, end in pairwise(edges):
        lines += frame.feed(raw[begin:end])
    return lines, frame.rest


def test_lines_come_without_their_ends_and_blank_ones_not_at_all() -> None:
    assert cut(RAW) == (LINES, b"")


def test_the_cut_of_the_chunks_changes_nothing() -> None:
    for place in range(len(RAW)):
        assert cut(RAW, place) == (LINES, b"")
    assert cut(RAW, *range(1, len(RAW))) == (LINES, b"")


def test_a_line_that_has_not_ended_stays_in_the_rest() -> None:
    assert cut(b'{"a":1}\n{"b"') == ([b'{"a":1}'], b'{"b"')


@pytest.mark.parametrize("tail", [b"", b"\n"])
def test_a_line_over_the_bound_is_an_error(tail: bytes) -> None:
    with pytest.raises(ValueError, match=str(LINE_BYTES_MAX)):
        Frame().feed(b"x" * (LINE_BYTES_MAX + 1) + tail)


def test_a_line_up_to_the_bound_passes() -> None:
    assert Frame().feed(b"x" * LINE_BYTES_MAX + b"\n") == [b"x" * LINE_BYTES_MAX]
