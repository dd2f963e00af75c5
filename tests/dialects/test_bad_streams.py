"""What an engine's stream may do wrong, in every dialect that is read from one."""

from collections.abc import Iterator

import pytest

from gateway.dialects import DIALECTS
from gateway.domain.event import Event
from gateway.domain.request import Operation
from tests.dialects.test_bad_input import HTML, UNKNOWN, cut_whole
from tests.dialects.test_bedrock_invoke import STREAM as CHUNKED
from tests.dialects.test_older_walks import LINES, _json
from tests.doubles.dialect_rows import ROWS
from tests.doubles.event_frames import event
from tests.doubles.vllm_recordings import recording

LINED = {"ollama_chat", "ollama_generate"}
BINARY = {"bedrock_converse", "bedrock_invoke"}
STREAMS: dict[str, bytes] = {
    **{name: row.streams for name, row in ROWS.items()},
    "openai_completions": recording("completions_stream").body,
    "ollama_generate": b"".join(_json(line) + b"\n" for line in LINES),
    "bedrock_invoke": CHUNKED,
}
# What an engine says there is, byte for byte, a stream of its kin.
KIN = {"anthropic_vertex": "anthropic_messages", "gemini_array": "gemini"}
UNHEARD = {
    **UNKNOWN,
    "openai_completions": b'data: {"object":"S-odd","S-odd":1}\n\n: S-odd\n\n',
    "ollama_generate": b'{"S-odd":1,"response":"","done":false}\n',
    "bedrock_invoke": event("S-odd", said=1),
}
NAMES = sorted(STREAMS)


def read(name: str, *parts: bytes) -> tuple[list[Event], bool]:
    """Return the events of a stream, out of the frame that it comes in, and whether it ended."""
    dialect = DIALECTS[name]
    frame = dialect.unframe() if dialect.unframe is not None else None
    reader = dialect.reader()
    plain = (part if frame is None else frame.feed(part) for part in parts)
    events = [one for part in plain for one in reader.feed(part)]
    return events, reader.finished


def tried(name: str, *parts: bytes) -> tuple[list[Event], bool] | None:
    """Return what was read; None where it is unreadable, which repeats no word of it."""
    try:
        return read(name, *parts)
    except ValueError as error:
        told = str(error)
    assert "S-" not in told
    return None


def pieces(name: str) -> list[bytes]:
    kind = "bedrock_converse" if name in BINARY else "ollama_chat" if name in LINED else name
    return cut_whole(kind, STREAMS[name])


def flipped(raw: bytes) -> Iterator[bytes]:
    for at in range(len(raw)):
        yield raw[:at] + bytes([raw[at] ^ 0x41]) + raw[at + 1 :]


def test_every_dialect_that_streams_is_here() -> None:
    drawn = {Operation.GENERATE, Operation.COMPLETE}
    streaming = {name for name, one in DIALECTS.items() if one.operation in drawn}
    assert streaming == set(STREAMS) | set(KIN)
    assert set(UNHEARD) == set(STREAMS)
    for name, kin in KIN.items():
        assert DIALECTS[name].family == kin
        assert DIALECTS[name].reader is DIALECTS[kin].reader


@pytest.mark.parametrize("name", NAMES)
def test_it_is_read_the_same_cut_at_every_byte(name: str) -> None:
    raw = STREAMS[name]
    whole = read(name, raw)
    assert whole[1]
    assert read(name, *(raw[at : at + 1] for at in range(len(raw)))) == whole
    for at in range(1, len(raw), 1 if len(raw) < 6_000 else 7):
        assert read(name, raw[:at], raw[at:]) == whole


@pytest.mark.parametrize("name", sorted(set(NAMES) - BINARY))
@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_it_is_read_the_same_with_every_end_of_a_line(name: str, end: bytes) -> None:
    if name in LINED and end == b"\r":
        end = b" \r\n"
    raw = STREAMS[name].replace(b"\r\n", b"\n")
    assert read(name, raw.replace(b"\n", end), b"\n") == read(name, raw)


@pytest.mark.parametrize("name", NAMES)
def test_an_event_that_nobody_knows_changes_nothing(name: str) -> None:
    whole, parts = read(name, STREAMS[name]), pieces(name)
    assert len(parts) > 2
    for at in range(1, len(parts)):
        assert read(name, *parts[:at], UNHEARD[name], *parts[at:]) == whole


@pytest.mark.parametrize("name", NAMES)
def test_cut_off_before_its_last_piece_it_has_not_ended(name: str) -> None:
    raw = STREAMS[name]
    end = len(raw.rstrip(b"\n"))
    ended = [at for at in range(0, end, 3) if read(name, raw[:at])[1]]
    # Where a mark follows the last word, the word itself may have ended it.
    assert all(raw[at:].strip() in {b"data: [DONE]", b"[DONE]"} for at in ended)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_in_its_place_is_unreadable_or_nothing(name: str) -> None:
    for page in (HTML, HTML + b"\n\n", b"data: " + HTML + b"\n\n"):
        assert tried(name, page) in (([], False), None)


@pytest.mark.parametrize("name", sorted(BINARY))
def test_one_byte_changed_anywhere_is_told_by_a_checksum(name: str) -> None:
    (first, second, *_) = pieces(name)
    good = read(name, first)
    for bad in flipped(second):
        # A length that says more than there is waits for it, and passes nothing.
        assert tried(name, first, bad) in (good, None)
