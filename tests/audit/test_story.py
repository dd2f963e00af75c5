import pytest

from gateway.audit.story import CLOCK_BACK_US_MAX, Broken, Story
from gateway.domain.decision import Effect
from gateway.domain.route import OutcomeKind
from tests.doubles.records import (
    BOOT,
    NOW_US,
    a_decided,
    a_decision,
    a_settled,
    an_admin,
    an_attempted,
)

POLICY = "sha256:" + "a" * 64
BEGINNING = (
    an_admin("created", boot="", facts={"origin": "perimeter.example/gw-0"}),
    an_admin("started"),
)


def told(*records) -> Story:
    story = Story()
    for record in (*BEGINNING, *records):
        story.read(record)
    return story


def test_a_story_that_keeps_every_rule_is_counted() -> None:
    story = told(
        an_admin("document_stored", facts={"digest": POLICY}),
        a_decided("one", documents={"policy": POLICY}, decision=a_decision("on_prem", "eu")),
        an_attempted("one", 1),
        a_decided("two"),
        an_attempted("one", 2, zone="eu"),
        a_settled("one"),
        a_decided("three", decision=a_decision(effect=Effect.DENY)),
        a_settled("three", outcome=OutcomeKind.REFUSED),
        an_admin("stopped"),
        an_admin("started", "again", boot="another"),
        a_settled("two", boot="another", outcome=OutcomeKind.LOST),
        a_decided("four", boot="another"),
    )
    assert (story.decided, story.attempted, story.settled, story.admin) == (4, 2, 3, 5)
    assert (story.records, story.open, story.lost) == (14, 1, 1)
    assert story.documents == {POLICY: 2}
    assert story.origin == "perimeter.example/gw-0"


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([a_decided("r"), a_decided("r")], "decided already"),
        ([a_decided("r"), a_settled("r"), a_decided("r")], "decided already"),
        ([an_attempted("r")], "not decided"),
        ([a_settled("r")], "not decided"),
        ([a_decided("r"), a_settled("r"), an_attempted("r")], "settled already"),
        ([a_decided("r"), a_settled("r"), a_settled("r")], "settled already"),
        ([a_decided("r"), an_attempted("r", 2)], "attempt 2"),
        ([a_decided("r"), an_attempted("r", 0)], "attempt 0"),
        ([a_decided("r"), an_attempted("r"), an_attempted("r")], "attempt 1"),
        ([a_decided("r"), an_attempted("r", zone="us_cloud")], "outside the boundary"),
        ([a_decided("r", decision=a_decision()), an_attempted("r")], "outside the boundary"),
        ([a_decided("r", documents={"policy": POLICY})], "not stored before"),
        ([an_admin("created", "again", boot=BOOT)], "created once"),
        ([an_admin("quarantined", "x"), an_admin("quarantined", "x")], "exists already"),
        ([an_admin("started", "again")], "started already"),
        ([a_decided("r", boot="another")], "another boot"),
        ([an_admin("quarantined", boot="another")], "another boot"),
        ([an_admin("stopped"), a_decided("r")], "no gateway had started"),
        ([an_admin("stopped"), an_admin("quarantined")], "no gateway had started"),
        ([a_decided("r", ts_us=NOW_US - CLOCK_BACK_US_MAX - 1)], "time"),
    ],
)
def test_a_broken_rule_is_named(records, why: str) -> None:
    with pytest.raises(Broken, match=why):
        told(*records)


@pytest.mark.parametrize("first", [a_decided("r"), an_admin("started"), an_attempted("r")])
def test_a_log_begins_with_its_creation(first) -> None:
    with pytest.raises(Broken):
        Story().read(first)


def test_time_may_go_back_a_little_and_further_when_a_record_says_so() -> None:
    early = NOW_US - CLOCK_BACK_US_MAX
    told(a_decided("r", ts_us=early))
    long_ago = NOW_US - 10 * CLOCK_BACK_US_MAX
    story = told(
        an_admin("clock_stepped", ts_us=long_ago),
        a_decided("r", ts_us=long_ago),
        a_settled("r", ts_us=long_ago),
    )
    assert story.open == 0
    told(
        an_admin("stopped"),
        an_admin("started", "x", boot="b", ts_us=long_ago, facts={"clock_from_us": NOW_US}),
    )
    with pytest.raises(Broken, match="time"):
        told(an_admin("stopped"), an_admin("started", "x", boot="b", ts_us=long_ago))
