import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.classification.texts import JoinedTexts, join_texts
from gateway.classification.unfolding.folding import STRIDE, WayBack, fold, folds
from gateway.classification.unfolding.layer import Layer, Piece, spans

# WHY: the first text that is folded would pay for the table.
folds()


@given(st.text(max_size=40))
def test_every_part_of_a_folded_text_has_its_way_back(text: str) -> None:
    folded = fold(text).encode("utf-8", "surrogatepass")
    raw = text.encode("utf-8", "surrogatepass")
    for start in range(len(folded)):
        first, stop = WayBack(text).span(start, start + 1)
        assert 0 <= first < stop <= len(raw)
        part = raw[first:stop].decode("utf-8", "surrogatepass")
        assert folded[start : start + 1] in fold(part).encode("utf-8", "surrogatepass")


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_no_character_is_folded_twice() -> None:
    assert {said for said in folds().values() if fold(said) != said} == set()


def test_what_lies_behind_the_end_comes_from_the_end() -> None:
    assert WayBack("a\u200b").span(1, 2) == (4, 4)
    assert WayBack("").span(0, 1) == (0, 0)


def test_the_table_leaves_out_only_what_folds_to_itself() -> None:
    left = (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000), *range(0xAC00, 0xD7A4))
    beyond = (*range(0x20000, 0x2F800), *range(0x2FA20, 0xE0000), *range(0xE0200, 0x110000))
    hidden = {chr(code) for code in (*left, *beyond) if unicodedata.category(chr(code)) == "Cf"}
    assert not hidden
    text = "\n".join(map(chr, (*left, *beyond)))
    assert unicodedata.normalize("NFKC", text) == text
    assert fold(text) == text


def test_no_scan_grows_the_table_of_folds() -> None:
    before = len(folds())
    assert fold("\u0416\U0001f600\u3042") == "\u0416\U0001f600\u3042"
    assert len(folds()) == before


@pytest.mark.parametrize("at", [0, 1, STRIDE - 1, STRIDE, STRIDE + 1, 5 * STRIDE])
def test_the_way_back_from_a_long_text_is_that_from_a_short_one(at: int) -> None:
    text = "\u0430\u200b" * at + "\uff41b"
    assert WayBack(text).span(at, at + 1) == (5 * at, 5 * at + 3)


def joined(*texts: str) -> JoinedTexts:
    return join_texts({"x": list(texts)})


def test_a_layer_tells_its_size_alone() -> None:
    assert repr(Layer(joined("secret"), [Piece(b"hidden", 7, 13, 1)])) == (
        "Layer(1 texts, 12 bytes)"
    )


def test_a_span_is_cut_at_the_edges_of_texts_and_widened_to_characters() -> None:
    buffer = joined("äb", "cä").buffer
    cut = [buffer[start:stop].strip().decode() for start, stop in spans(buffer, 0, 99)]
    assert cut == ["x", "äb", "cä"]
    middle = buffer.index("ä".encode())
    assert [buffer[a:b].decode() for a, b in spans(buffer, middle + 1, middle + 2)] == []
    start = buffer.index(b"c")
    assert [buffer[a:b].decode() for a, b in spans(buffer, start, start + 2)] == ["cä"]


def test_a_hit_that_swallowed_a_separator_has_its_place() -> None:
    layer = Layer(joined("secret"), [Piece(b"hidden", 7, 13, 1)])
    assert layer.place(3, 12) == joined("secret").place(7, 13)
