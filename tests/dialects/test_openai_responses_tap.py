"""A stream that passes is passed to the byte, and listened to."""

import pytest

from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.dialect import Heard
from gateway.domain.money import Tokens
from gateway.domain.route import FailureKind
from tests.doubles.openai_scenarios import ASKED, RECORD, REPLIES
from tests.doubles.vendor_readers import chunks
from tests.doubles.vllm_recordings import recording

from .test_openai_responses_reader import BROKEN, CALL, added, event, final

REAL = recording("responses_stream").body


@pytest.mark.parametrize("size", [1, 3, 50, 1000, len(REAL)])
def test_vllms_stream_passes_to_the_byte_wherever_it_is_cut(size: int) -> None:
    tap = OPENAI_RESPONSES.tap(True)
    assert b"".join(tap.feed(piece) for piece in chunks(REAL, size)) == REAL
    assert tap.finished
    assert tap.content_seen
    assert tap.heard == Heard(Tokens(13, 4), "length", "tiny-qwen3")


@pytest.mark.parametrize("name", REPLIES)
def test_what_we_write_passes_and_is_heard(name: str) -> None:
    writer = OPENAI_RESPONSES.writer(ASKED, RECORD, True)
    raw = b"".join([*(writer.write(e) for e in REPLIES[name]), writer.close()])
    tap = OPENAI_RESPONSES.tap(True)
    assert tap.feed(raw) == raw
    assert tap.finished
    assert tap.heard.model == ASKED


def test_a_stream_without_event_lines_is_heard_all_the_same() -> None:
    bare = b"".join(
        lump.partition(b"\n")[2] + b"\n\n" for lump in REAL.removesuffix(b"\n\n").split(b"\n\n")
    )
    tap = OPENAI_RESPONSES.tap(False)
    assert tap.feed(bare) == bare
    assert tap.content_seen
    assert tap.heard.usage == Tokens(13, 4)


def test_preamble_is_no_content_and_a_call_is() -> None:
    tap = OPENAI_RESPONSES.tap(True)
    tap.feed(event("response.created", response={}) + added(type="message") + b": ping\n\n")
    tap.feed(event("response.output_item.added"))
    assert not tap.content_seen
    tap.feed(added(**CALL))
    tap.feed(added(type="message"))
    assert tap.content_seen


@pytest.mark.parametrize("lump", BROKEN.values(), ids=BROKEN)
def test_an_error_is_not_forwarded_and_nothing_passes_after_it(lump: bytes) -> None:
    if b"response.in_progress" in lump:
        lump = lump.replace(b"response.in_progress", b"response.completed")
    tap = OPENAI_RESPONSES.tap(True)
    assert tap.feed(lump + final()) == b""
    assert tap.heard.broke is not None
    assert tap.heard.broke[0] is FailureKind.UNREADABLE
    assert not tap.finished


def test_nothing_passes_after_the_end() -> None:
    tap = OPENAI_RESPONSES.tap(True)
    assert tap.feed(final() + b"data: [DONE]\n\n") == final()


def test_a_final_response_of_a_nameless_model_is_heard() -> None:
    tap = OPENAI_RESPONSES.tap(True)
    tap.feed(event("response.completed"))
    assert tap.heard == Heard(None, "end", "")


def test_a_final_event_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a response"):
        OPENAI_RESPONSES.tap(True).feed(b"event: response.completed\ndata: nonsense\n\n")
