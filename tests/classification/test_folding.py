from hypothesis import given
from hypothesis import strategies as st

from gateway.classification.texts import JoinedTexts, join_texts
from gateway.classification.unfolding import folding
from gateway.classification.unfolding.folding import fold, unfolded
from gateway.classification.unfolding.layer import Layer, Piece, spans


@given(st.text(max_size=40))
def test_every_part_of_a_folded_text_has_its_way_back(text: str) -> None:
    folded = fold(text).encode("utf-8", "surrogatepass")
    raw = text.encode("utf-8", "surrogatepass")
    for start in range(len(folded)):
        first, stop = unfolded(text, start, start + 1)
        assert 0 <= first < stop <= len(raw)
        part = raw[first:stop].decode("utf-8", "surrogatepass")
        assert folded[start : start + 1] in fold(part).encode("utf-8", "surrogatepass")


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing_in_ascii(text: str) -> None:
    assert fold(text).isascii() <= (fold(fold(text)) == fold(text))


def test_what_lies_behind_the_end_comes_from_the_end() -> None:
    assert unfolded("a\u200b", 1, 2) == (4, 4)
    assert unfolded("", 0, 1) == (0, 0)


def test_the_table_of_folds_does_not_grow_without_bound(monkeypatch) -> None:
    monkeypatch.setattr(folding, "FOLDS_MAX", 2)
    monkeypatch.setattr(folding, "_FOLDS", folding._Folds())
    assert fold("\uff41\uff42\uff43\uff44") == "abcd"
    assert len(folding._FOLDS) <= 2


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
