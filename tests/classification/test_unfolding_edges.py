"""The bounds of spellings, letters, layers and runs, to the byte."""

import base64

import pytest

from gateway.classification.parts import EDGE
from gateway.classification.texts import join_texts, joined_alone
from gateway.classification.unfolding import decoding, runs, unfolder
from gateway.classification.unfolding.folding import WayBack, fold
from gateway.classification.unfolding.layer import Layer, Piece, spans
from gateway.classification.unfolding.lines import is_list as listed
from gateway.classification.unfolding.reading import Budget
from tests.doubles.compiled_detectors import a_detector

# --- from spellings to bytes


@pytest.mark.parametrize(
    ("run", "found"),
    [
        (b"plain", (0,)),
        (b"ab/cdefg", (0, 3)),
        (b"key/AAAA", (0,)),
        (b"-a_bcd", (0, 1, 3)),
        (b"a" * 62 + b"/", (0, 3)),
        (b"a" * 65 + b"/", (0,)),
    ],
)
def test_base64_may_begin_behind_what_sets_words_apart(run: bytes, found: tuple[int, ...]) -> None:
    assert decoding.offsets(run) == found


@pytest.mark.parametrize(
    ("run", "may_be"),
    [
        (b"abcdef", False),
        (b"ABCDEF", False),
        (b"123456", False),
        (b"aBcD12", False),
        (b"aB cD\n12", False),
        (b"aBzZ", True),
    ],
)
def test_base64_has_capitals_and_small_letters_beyond_hex(run: bytes, may_be: bool) -> None:
    assert decoding.may_be_base64(run) is may_be


@pytest.mark.parametrize(
    ("run", "may_be"),
    [
        (b"a" * 999, False),
        (b"a" * 1_000, True),
        (b"a1B2 \n" * 200, True),
        (b"a" * 1_000 + b"g", False),
    ],
)
def test_hex_is_long_and_nothing_else(run: bytes, may_be: bool) -> None:
    assert decoding.may_be_hex(run) is may_be


def test_digits_that_are_left_over_are_left_out() -> None:
    assert decoding.hex_bytes(b"41424") == b"AB"
    assert decoding.hex_bytes(b"f4142", 1) == b"AB"
    assert decoding.hex_bytes(b"\\x41 \\x42\n") == b"AB"
    assert decoding.base64_bytes(b"/QUJD", 1) == b"ABC"
    assert decoding.base64_bytes(b"QU JD\n") == b"ABC"
    assert decoding.base64_bytes(b"-_-_") == base64.b64decode("+/+/")
    assert decoding.percent_bytes(b"a=%41b=41") == b"a=Ab=41"


# --- letters


def test_half_of_a_pair_keeps_its_place() -> None:
    text = "\ud800\uff41b"
    assert fold(text) == "\ud800ab"
    assert WayBack(text).span(3, 4) == (3, 6)
    assert WayBack(text).span(4, 5) == (6, 7)


# --- layers


def a_layer(*pieces: Piece) -> Layer:
    return Layer(join_texts({"x": ["secret", "other"]}), list(pieces))


def test_each_piece_of_a_layer_has_its_own_depth_and_place() -> None:
    raw = join_texts({"x": ["secret", "other"]})
    first, second = raw.buffer.index(b"secret"), raw.buffer.index(b"other")
    layer = a_layer(Piece(b"one", first, first + 6, 1), Piece(b"two", second, second + 5, 3))
    for number, name in enumerate((b"one", b"two")):
        at = layer.buffer.index(name)
        place = layer.place(at, at + 3)
        assert place == (raw.place(first, first + 6), raw.place(second, second + 5))[number]
        assert layer.depth(number) == (1, 3)[number]
        assert unfolder._Depths(layer).at(at) == (1, 3)[number]
    depths = unfolder._Depths(layer)
    assert [depths.at(layer.buffer.index(name)) for name in (b"one", b"two")] == [1, 3]


def test_what_was_made_is_derived_and_nobodys_reasoning() -> None:
    layer = a_layer(Piece(b"one", 7, 13, 1))
    assert layer.is_derived(3)
    assert layer.is_reasoning(3) is False


def test_the_sign_between_texts_stands_in_none() -> None:
    layer = a_layer(Piece(b"o\xffe", 7, 13, 1))
    assert layer.buffer == b"\n\xff\no?e\n\xff\n"


def test_spans_end_where_the_buffer_does() -> None:
    assert list(spans(b"abc", 1, 99)) == [(1, 3)]
    assert list(spans(b"abc", 1, 2)) == [(1, 2)]
    assert list(spans(b"a" + EDGE + b"b", 0, 3)) == [(0, 1), (2, 3)]


# --- runs, and what stands around them


BASE = b"ABCabc123+/-_"


@pytest.mark.parametrize("length", [1, 79, 80, 81, 4_095, 4_096, 4_097, 9_000])
@pytest.mark.parametrize("front", [b"", b"!", b"! " * 3_000])
def test_a_run_is_found_whole_however_long_it_is(front: bytes, length: int) -> None:
    buffer = front + b"a" * length + b"!"
    ends = [len(buffer)]
    assert list(runs.runs(buffer, ends, BASE)) == [(len(front), len(front) + length)]


def test_runs_behind_one_another_are_each_found_once() -> None:
    assert list(runs.runs(b"ab!cd!!", [3, 6, 6, 7], b"abcd")) == [(0, 2), (3, 5)]


def lines(*rows: bytes) -> tuple[bytes, list[int]]:
    """A buffer of these rows, and where a match of each ends: one byte behind it."""
    buffer, ends = b"", []
    for row in rows:
        buffer += row
        ends.append(len(buffer) + 1)
        buffer += b"\n"
    return buffer, ends


def test_lines_of_base64_that_stand_below_one_another_are_one_run() -> None:
    row = b"QUJDabcd" * 8
    buffer, ends = lines(row, row, row)
    ((start, stop),) = runs.joined(buffer, ends)
    assert buffer[start:stop].rstrip() == buffer.rstrip()


@pytest.mark.parametrize(
    ("gap", "count"),
    [
        (b"\n", 1),
        (b"\r\n\t ", 1),
        (b" ", 2),
        (b"\n" + b" " * 63, 1),
        (b"\n" + b" " * 64, 2),
        (b"\n> ", 2),
    ],
)
def test_lines_with_something_between_are_runs_of_their_own(gap: bytes, count: int) -> None:
    row = b"QUJDabcd" * 12
    buffer = row + gap + row + b"!"
    ends = [len(row) + 1, len(buffer)]
    assert len(list(runs.joined(buffer, ends))) == count


@pytest.mark.parametrize(
    ("below", "length"),
    [
        (b"\nQUI=", 5),
        (b"\r\n  QUI= and", 8),
        (b" QUI=", 0),
        (b"\n\xff\nQUI=", 0),
        (b"\n, and", 0),
    ],
)
def test_a_short_last_line_belongs_to_the_run_above(below: bytes, length: int) -> None:
    run = b"QUJDabcdz" * 6
    assert runs.with_tail(run + below, 0, len(run)) == len(run) + length


def test_a_short_run_and_a_number_in_hex_have_no_last_line() -> None:
    for run, length in ((b"Qz" * 24, 4), (b"Qz" * 23 + b"Q", 0), (b"a1" * 500, 0)):
        assert runs.with_tail(run + b"\nQUI", 0, len(run)) == len(run) + length


def test_windows_that_touch_are_one() -> None:
    around = runs.WINDOW_BYTES
    near = [(1_000, 1_001), (1_001 + 2 * around, 1_002 + 2 * around)]
    assert list(runs.merged(near)) == [(1_000 - around, 1_002 + 3 * around)]
    far = [(1_000, 1_001), (1_002 + 2 * around, 1_003 + 2 * around)]
    assert len(list(runs.merged(far))) == 2
    assert list(runs.merged([(5, 6)])) == [(0, 6 + around)]
    assert list(runs.merged([])) == []


@pytest.mark.parametrize(
    ("run", "is_list"),
    [(b"a" * 59 + b"\nb", True), (b"a" * 60 + b"\nb", False), (b"a" * 9, False), (b"\nab", True)],
)
def test_short_lines_are_a_list(run: bytes, is_list: bool) -> None:
    assert listed(run) is is_list


def test_keys_that_are_meant_to_be_seen_are_known_by_their_beginning() -> None:
    assert unfolder._is_public(b"\0\0\0\x0bssh-ed25519")
    assert unfolder._is_public(b"\0\0\0\x13ecdsa-sha2")
    assert unfolder._is_public(b"0\x82\x05\x000\x82\x04\x00")
    assert not unfolder._is_public(b"0\x82\x05\x000\x83\x04\x00")
    assert not unfolder._is_public(b"\x01\0\0\x07ssh-rsa")


# --- one step


def a_step(text: str, budget: Budget | None = None) -> tuple[unfolder._Step, bytes]:
    texts = join_texts({"x": text})
    return unfolder._Step(texts, budget or Budget()), texts.buffer


def test_a_long_number_in_hex_is_one_step_deep() -> None:
    said = b"some words of a text " * 30
    step, buffer = a_step(said.hex())
    step.base64([buffer.index(said.hex().encode()) + len(said.hex()) + 1])
    assert [(one.text, one.depth) for one in step.pieces] == [(said, 1)]


@pytest.mark.parametrize(("most", "hits"), [(5, []), (4, ["unexpanded"])])
def test_just_so_many_letters_are_folded(monkeypatch, most: int, hits: list[str]) -> None:
    monkeypatch.setattr(unfolder, "FOLDED_BYTES_MAX", most)
    monkeypatch.setattr(runs, "WINDOW_BYTES", 2)
    step, buffer = a_step("aa\uff41aa")
    step.windows([buffer.index("\uff41".encode()) + 3], folds=True)
    assert [hit.kind for hit in step.hits] == hits
    assert [piece.text for piece in step.pieces] == [b"aa" if hits else b"aaa"]


def test_half_of_a_pair_in_an_escape_is_read_with_the_rest() -> None:
    step, _ = a_step("x")
    step.pieces.append(Piece(b'{"t": "\\ud800 \\u0061bc"}', 3, 4, 1))
    step.escapes()
    assert [b"abc" in piece.text for piece in step.pieces] == [False, True]
    assert step.pieces[1].depth == 1


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"data:image/png;base64,", "image"),
        (b"DATA:AUDIO/ogg;base64,", "audio"),
        (b"data:video/mp4;base64,", "video"),
        (b"data:application/pdf;base64,", "pdf"),
        (b"data:image/svg+xml;base64,", None),
        (b"data:text/plain;base64,", None),
        (b"data:data:image/png;base64,", "image"),
    ],
)
def test_a_data_url_says_what_it_holds(head: bytes, kind: str | None) -> None:
    step = unfolder._Step(joined_alone(head), Budget())
    step.data_urls([len(head)])
    assert step._declared.get(len(head)) == kind


def test_a_run_beyond_a_bound_is_unread_where_the_last_match_ends(monkeypatch) -> None:
    monkeypatch.setattr(unfolder, "MATCHES_MAX", 2)
    buffer = (
        b"\n\xff\n"
        + b"the words in hex".hex().encode() * 2
        + b" "
        + b"more words in hex".hex().encode()
        + b"\n\xff\n"
    )
    hits = a_detector("opaque").scan(buffer).hits
    beyond = [(hit.kind, hit.start, hit.end) for hit in hits if hit.kind == "unexpanded"]
    assert beyond
    assert all(end - start == 1 for _, start, end in beyond)


def test_each_unread_place_is_one_hit_up_to_the_bound(monkeypatch) -> None:
    monkeypatch.setattr(unfolder, "OPAQUE_MAX", 2)
    step = unfolder._Step(join_texts({"x": "x"}), Budget())
    for number in range(3):
        step.unread("image", number, number + 1)
    assert [(hit.start, hit.end) for hit in step.hits] == [(0, 1), (1, 2)]


@pytest.mark.parametrize("after", [b" ", b"\n"])
def test_an_end_that_is_told_twice_is_that_of_one_run(after: bytes) -> None:
    assert list(runs.joined(b"QUJD" * 6 + after, [25, 25])) == [(0, 24)]


EIGHT = r"\x41" * 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (EIGHT + ".", ["A" * 8]),
        (rf"\x4{EIGHT}.", ["A" * 8]),
        (rf"{EIGHT}\x4{EIGHT}{EIGHT}.", ["A" * 8, "A" * 16]),
        (rf"{EIGHT}41 {EIGHT}\\", ["A" * 8, "A" * 8]),
        (rf"\x4g{EIGHT}\xag", ["A" * 8]),
        (rf"ab{EIGHT}b", ["A" * 8]),
        (r"\x4" + r"\x41" * 7 + ".", []),
        (EIGHT[4:] + r"\x4" + EIGHT[4:] + r"\x41f" + ".", ["A" * 8]),
    ],
)
def test_escapes_of_bytes_are_read_also_beside_a_torn_one(text: str, said: list[str]) -> None:
    layer, _ = a_detector("opaque").unfold(join_texts({"x": [text]}), Budget())
    assert ([] if layer is None else layer.buffer.decode("latin-1").split("\n\xff\n")[1:-1]) == said
