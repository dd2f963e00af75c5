import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.domain.label import Label, Level, join
from gateway.domain.vocabulary import LABEL_TEXT_MAX, UnknownLabelError, Vocabulary

LEVELS = ("public", "internal", "restricted")
WORDS = Vocabulary(
    LEVELS,
    frozenset({"pii", "secret"}),
    {"EU": frozenset({"DE", "FR"}), "NORDIC": frozenset({"SE", "NO"})},
)
labels = st.builds(
    Label,
    st.sampled_from([Level(rank, name) for rank, name in enumerate(LEVELS)]),
    st.frozensets(st.sampled_from(["pii", "secret", "opaque"])),
    st.none() | st.frozensets(st.sampled_from(["DE", "FR", "SE", "US"])),
)
laws = settings(max_examples=60, deadline=None)


@laws
@given(labels)
def test_join_is_idempotent(a: Label) -> None:
    assert a.join(a) == a


@laws
@given(labels, labels)
def test_join_is_commutative(a: Label, b: Label) -> None:
    assert a.join(b) == b.join(a)


@laws
@given(labels, labels, labels)
def test_join_is_associative(a: Label, b: Label, c: Label) -> None:
    assert a.join(b).join(c) == a.join(b.join(c)) == join(a, b, c)


@laws
@given(labels, labels, labels)
def test_join_is_the_least_label_that_dominates_both(a: Label, b: Label, c: Label) -> None:
    both = a.join(b)
    assert both.dominates(a)
    assert both.dominates(b)
    if c.dominates(a) and c.dominates(b):
        assert c.dominates(both)


@laws
@given(labels, labels, labels)
def test_dominates_is_a_partial_order(a: Label, b: Label, c: Label) -> None:
    assert a.dominates(a)
    if a.dominates(b) and b.dominates(a):
        assert a == b
    if a.dominates(b) and b.dominates(c):
        assert a.dominates(c)


@laws
@given(labels, labels)
def test_joining_a_dominated_label_changes_nothing(a: Label, b: Label) -> None:
    assert (a.join(b) == a) == a.dominates(b)


@laws
@given(labels)
def test_top_and_bottom_enclose_every_label_without_residency(a: Label) -> None:
    known = Label(a.level, a.caveats & WORDS.caveats)
    assert WORDS.top.dominates(known)
    assert known.dominates(WORDS.bottom)


def test_a_smaller_residency_is_stricter_and_an_empty_one_has_no_lawful_place() -> None:
    eu, nordic = WORDS.parse("public@EU"), WORDS.parse("public@NORDIC")
    assert eu.dominates(WORDS.parse("public"))
    assert not WORDS.parse("public").dominates(eu)
    assert not eu.dominates(nordic)
    assert eu.has_lawful_place
    assert not eu.join(nordic).has_lawful_place


def test_labels_that_speak_of_places_meet_in_all_of_them() -> None:
    public = Label(Level(0, "public"))
    german, french = (replace(public, residency=frozenset({place})) for place in ("DE", "FR"))
    assert german.meet(french).residency == {"DE", "FR"}
    assert german.join(french).residency == frozenset()
    assert german.meet(public).residency is None


def test_a_label_is_written_as_it_is_read() -> None:
    label = WORDS.parse("restricted+secret+pii@EU")
    assert str(label) == "restricted+pii+secret@DE,FR"
    assert str(WORDS.parse("public")) == "public"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Restricted",
        "RESTRICTED",
        "restricted ",
        " restricted",
        "restricted\n",
        "restricted\x00",
        "restricted,public",
        "restricted;",
        "top",
        "restricted+",
        "+secret",
        "restricted+unknown",
        "restricted+secret+secret",
        "restricted@",
        "restricted@US",
        "restricted@EU@EU",
        "restricted@EU+secret",
        "x" * (LABEL_TEXT_MAX + 1),
    ],
)
def test_adv_04_a_label_that_is_not_exactly_a_known_one_is_no_label(text: str) -> None:
    with pytest.raises(UnknownLabelError) as caught:
        WORDS.parse(text)
    assert not text.strip() or text not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "\u0440ublic",
        "\uff50\uff55\uff42\uff4c\uff49\uff43",
        "pub\u200dlic",
        "\u202epublic",
        "public\u00a0",
        "public+\u0455ecret",
        "public@E\u0421",
    ],
)
def test_adv_05_a_confusable_label_is_no_label(text: str) -> None:
    with pytest.raises(UnknownLabelError):
        WORDS.parse(text)
