"""What is remembered of a conversation is evidence that raises, and is kept within bounds."""

from gateway.classification.classify import classify
from gateway.classification.conversation import (
    KEPT_MAX,
    LOST,
    Recollection,
    Seen,
    asked_for,
    conversation_signals,
    recollect,
    standing,
    worth_keeping,
)
from gateway.classification.turns import Said, Turns
from gateway.domain.decision import Signal, Trust
from gateway.domain.label import Label, Level
from tests.classification.test_signals import DEFAULT, WORDS

PUBLIC, RESTRICTED = WORDS.parse("public"), WORDS.parse("restricted")
BASE = Signal("default", DEFAULT, Trust.CONFIGURED, base=True)
ONE, TWO, THREE = b"1" * 32, b"2" * 32, b"3" * 32


def read(recalled: Recollection, unseen: Label | None = None) -> tuple[str, tuple[str, ...]]:
    found = classify((BASE, *conversation_signals(recalled, WORDS, unseen)))
    return str(found.label), found.raised_by


def test_nothing_recalled_says_nothing() -> None:
    assert conversation_signals(Recollection(), WORDS, RESTRICTED) == ()


def test_every_label_that_is_recalled_is_joined() -> None:
    secret = WORDS.parse("public+secret")
    assert read(Recollection((RESTRICTED, secret))) == ("restricted+secret", ("conversation",))
    (signal,) = conversation_signals(Recollection((PUBLIC,)), WORDS, None)
    assert signal == Signal("conversation", PUBLIC, Trust.REMEMBERED)
    assert read(Recollection((PUBLIC,))) == ("internal", ())


def test_a_turn_from_elsewhere_raises_as_policy_says_and_else_not() -> None:
    assert read(Recollection(unseen=True), RESTRICTED) == ("restricted", ("conversation:unseen",))
    assert read(Recollection(unseen=True)) == ("internal", ())
    assert read(Recollection(), RESTRICTED) == ("internal", ())


def test_what_nobody_looked_at_is_the_strictest() -> None:
    found = read(Recollection(uncounted=True))
    assert found == ("restricted+opaque+secret", ("conversation:uncounted",))


def test_labels_of_an_earlier_policy_are_ranked_by_this_one() -> None:
    old = Label(Level(9, "public"), frozenset(), frozenset({"SE"}))
    assert standing(old, WORDS) == Label(Level(0, "public"), frozenset(), frozenset({"SE"}))
    assert standing(Label(Level(0, "gone")), WORDS) == WORDS.top
    assert read(Recollection((Label(Level(0, "gone")),)))[0] == "restricted+opaque+secret"


def test_a_reply_came_from_here_when_it_or_all_of_its_parts_did() -> None:
    ours = {one: Seen(PUBLIC, 1, ours=True) for one in (ONE, TWO)}
    for said, unseen in (
        (Said(ONE), False),
        (Said(THREE), True),
        (Said(THREE, (ONE, TWO)), False),
        (Said(THREE, (ONE, THREE)), True),
        (Said(ONE, (THREE, THREE)), False),
    ):
        assert recollect(Turns(replies=(said,)), ours).unseen is unseen
    theirs = {ONE: Seen(PUBLIC, 1)}
    assert recollect(Turns(replies=(Said(ONE),)), theirs) == Recollection((PUBLIC,), unseen=True)
    assert recollect(Turns(more=True), {}).uncounted


def test_a_reply_that_nobody_knows_has_the_labels_of_those_that_were_lost() -> None:
    seen = {LOST: Seen(RESTRICTED, 1), ONE: Seen(PUBLIC, 1, ours=True)}
    assert recollect(Turns(replies=(Said(ONE),)), seen).labels == (PUBLIC,)
    assert recollect(Turns(replies=(Said(TWO),)), seen).labels == (RESTRICTED, PUBLIC)
    assert asked_for(Turns((ONE,))) == (ONE,)
    assert asked_for(Turns((ONE,), (Said(ONE),))) == (ONE, LOST)


def test_what_changes_nothing_is_not_kept_again() -> None:
    turns = Turns((ONE, TWO, THREE))
    seen = {ONE: Seen(RESTRICTED, 5), TWO: Seen(PUBLIC, 5)}
    assert worth_keeping(turns, seen, PUBLIC, 5) == (THREE,)
    assert worth_keeping(turns, seen, RESTRICTED, 5) == (TWO, THREE)
    assert worth_keeping(turns, seen, PUBLIC, 6) == (ONE, TWO, THREE)


def test_of_many_new_turns_the_newest_are_kept_first() -> None:
    hashes = tuple(number.to_bytes(32) for number in range(KEPT_MAX + 5))
    kept = worth_keeping(Turns(hashes), {}, PUBLIC, 1)
    assert kept == hashes[5:]
    seen = {one: Seen(PUBLIC, 1) for one in kept}
    assert worth_keeping(Turns(hashes), seen, PUBLIC, 1) == hashes[:5]
