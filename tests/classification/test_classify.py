import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.classification.classify import classify
from gateway.domain.decision import Signal, Trust
from gateway.domain.errors import Unreachable
from gateway.domain.label import Label, Level

LEVELS = [Level(rank, name) for rank, name in enumerate(("public", "internal", "restricted"))]
labels = st.builds(
    Label,
    st.sampled_from(LEVELS),
    st.frozensets(st.sampled_from(["pii", "secret"])),
    st.none() | st.frozensets(st.sampled_from(["DE", "FR", "US"])),
)
pieces = st.builds(
    Signal, st.sampled_from("abcd"), labels, st.just(Trust.CLAIMED), base=st.booleans()
)
laws = settings(max_examples=60, deadline=None)


def a_signal(source: str, level: int, *, base: bool = False) -> Signal:
    return Signal(source, Label(LEVELS[level]), Trust.CLAIMED, base)


@laws
@given(st.lists(pieces, min_size=1, max_size=5), pieces)
def test_another_signal_never_lowers_the_label(some: list[Signal], more: Signal) -> None:
    assert classify([*some, more]).label.dominates(classify(some).label)


@laws
@given(st.lists(pieces, min_size=1, max_size=5))
def test_the_label_dominates_every_signal_whatever_their_order(some: list[Signal]) -> None:
    found = classify(some)
    assert all(found.label.dominates(signal.label) for signal in some)
    turned = classify(some[::-1])
    assert turned.label == found.label
    assert set(turned.raised_by) == set(found.raised_by)


def test_who_raised_it_is_whoever_the_base_does_not_dominate() -> None:
    found = classify(
        [
            a_signal("key", 1, base=True),
            a_signal("low", 0),
            a_signal("high", 2),
            a_signal("high", 2),
        ]
    )
    assert found.raised_by == ("high",)
    assert found.label.level.name == "restricted"


def test_without_a_base_every_signal_raised_it() -> None:
    assert classify([a_signal("x", 0)]).raised_by == ("x",)


def test_no_signal_at_all_is_a_bug_and_no_label() -> None:
    with pytest.raises(Unreachable):
        classify([])
