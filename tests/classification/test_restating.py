"""Each signal of a record is stated again by its source, and never below what is unknown."""

import pytest
from msgspec.structs import replace

from gateway.classification.conversation import UNCOUNTED, UNSEEN
from gateway.classification.restating import Stating, restated
from gateway.classification.signals import KINDS_NAMED_MAX
from gateway.domain.caller import Repo, RepoRegistry
from gateway.domain.decision import Signal, Trust
from gateway.domain.label import Label, Level
from gateway.domain.vocabulary import Vocabulary

WORDS = Vocabulary(("low", "middle", "high"), frozenset({"secret"}))
BY = Stating(
    vocabulary=WORDS,
    registry=RepoRegistry({"site": Repo("site", WORDS.parse("low"))}, WORDS.parse("middle")),
    default=WORDS.parse("middle"),
    raises={
        "failed": WORDS.top,
        "secrets": WORDS.parse("high"),
        "secrets/aws": WORDS.parse("middle+secret"),
    },
)
# A label as another policy ranked it.
WAS = Label(Level(7, "low"))


@pytest.mark.parametrize(
    ("source", "detail", "now"),
    [
        ("default", "", "middle"),
        ("repo", "site", "low"),
        ("repo", "gone", "high+secret"),
        ("repo", "unknown", "high+secret"),
        ("claim:repo", "site", "low"),
        ("claim:workspace", "gone", "middle"),
        ("claim:folder", "unregistered", "middle"),
        ("detector:secrets", "aws", "middle+secret"),
        ("detector:secrets", "aws,other", "high+secret"),
        ("detector:novel", "thing", "high+secret"),
        ("detector:secrets", "not verified", "high+secret"),
        ("conversation", "", "low"),
        (UNCOUNTED, "", "high+secret"),
        ("key", "", "low"),
        ("claim:label", "", "low"),
    ],
)
def test_a_signal_has_the_label_that_the_policy_gives_its_source(
    source: str, detail: str, now: str
) -> None:
    signal = Signal(source, WAS, Trust.CLAIMED, detail=detail)
    (found,) = restated([signal], (), BY)
    assert found == Signal(source, WORDS.parse(now), Trust.CLAIMED, detail=detail)


def test_a_word_that_the_policy_does_not_know_is_the_strictest() -> None:
    (found,) = restated([Signal("key", Label(Level(0, "gone")), Trust.CLAIMED)], (), BY)
    assert found.label == WORDS.top


def test_turns_from_elsewhere_are_what_the_policy_says_of_them() -> None:
    signal = Signal(UNSEEN, WAS, Trust.CONFIGURED)
    assert restated([signal], (), BY) == ()
    stating = Stating(WORDS, BY.registry, BY.default, BY.raises, unseen=WORDS.parse("high"))
    (found,) = restated([signal], (), stating)
    assert found.label == WORDS.parse("high")


def test_a_kind_that_raised_nothing_raises_where_it_is_named() -> None:
    base = Signal("default", WAS, Trust.CONFIGURED, base=True)
    _, found = restated([base], {"aws", "novel"}, BY)
    assert found == Signal(
        "detector:secrets", WORDS.parse("middle+secret"), Trust.INFERRED, detail="aws"
    )


def test_a_kind_that_raised_already_is_not_told_twice() -> None:
    signal = Signal("detector:secrets", WAS, Trust.INFERRED, detail="aws")
    assert len(restated([signal], {"aws"}, BY)) == 1


def test_a_list_of_kinds_that_may_be_cut_is_not_believed_to_be_whole() -> None:
    detail = ",".join(["aws"] * KINDS_NAMED_MAX)
    (found,) = restated([Signal("detector:secrets", WAS, Trust.INFERRED, detail=detail)], (), BY)
    assert found.label == WORDS.parse("high+secret")


@pytest.mark.parametrize(
    ("source", "detail", "now"),
    [("repo", "unknown", "high+secret"), ("claim:repo", "unregistered", "middle")],
)
def test_a_repository_that_bears_the_word_for_none_lowers_nothing(
    source: str, detail: str, now: str
) -> None:
    registry = RepoRegistry({detail: Repo(detail, WORDS.bottom)}, WORDS.parse("middle"))
    by = Stating(WORDS, registry, BY.default, BY.raises)
    (found,) = restated([Signal(source, WAS, Trust.CLAIMED, detail=detail)], (), by)
    assert found.label == WORDS.parse(now)


def test_a_detector_that_failed_joins_what_the_policy_says_of_its_findings() -> None:
    by = replace(BY, raises=BY.raises | {"failed": WORDS.parse("low")})
    unread = Signal("detector:secrets", WAS, Trust.INFERRED, detail="not verified")
    (found,) = restated([unread], (), by)
    assert str(found.label) == "high+secret"
