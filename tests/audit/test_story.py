import pytest

from gateway.audit.story import CLOCK_BACK_US_MAX, Broken, Story
from gateway.domain.decision import Effect
from gateway.domain.route import OutcomeKind
from tests.doubles.broken_stories import (
    ABROAD,
    BEGINNING,
    BROKEN,
    HOME,
    LATER,
    NAMED,
    POLICY,
    STORED,
    TRIED,
    UNTRIED,
)
from tests.doubles.records import (
    NOW_US,
    a_decided,
    a_decision,
    a_settled,
    a_try,
    an_admin,
    an_attempted,
)


def told(*records) -> Story:
    story = Story()
    for record in (*BEGINNING, *records):
        story.read(record)
    return story


def test_a_story_that_keeps_every_rule_is_counted() -> None:
    story = told(
        an_admin("document_stored", facts={"digest": POLICY}),
        a_decided(
            "one",
            documents=NAMED,
            decision=a_decision("on_prem", "eu"),
            candidates=(HOME, ABROAD),
        ),
        an_attempted("one", 1),
        a_decided("two", documents=NAMED),
        an_attempted("one", 2, offering=ABROAD, zone="eu"),
        a_settled("one", served_by=ABROAD, zone="eu", tried=(a_try(1), a_try(2, ABROAD, "eu"))),
        a_decided("three", decision=a_decision(effect=Effect.DENY), documents=NAMED),
        a_settled("three", outcome=OutcomeKind.REFUSED),
        an_admin("stopped"),
        an_admin("started", "again", boot="another"),
        a_settled("two", boot="another", outcome=OutcomeKind.LOST),
        a_decided("four", boot="another", documents=NAMED),
    )
    assert (story.decided, story.attempted, story.settled, story.admin) == (4, 2, 3, 5)
    assert (story.records, story.open, story.lost) == (14, 1, 1)
    assert story.documents == {POLICY: 2}
    assert story.ends.origin == "perimeter.example/gw-0"


@pytest.mark.parametrize(
    ("records", "why"),
    BROKEN,
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
        an_attempted("r", ts_us=long_ago),
        a_settled("r", ts_us=long_ago),
    )
    assert story.open == 0
    told(
        an_admin("stopped"),
        an_admin("started", "x", boot="b", ts_us=long_ago, facts={"clock_from_us": NOW_US}),
    )
    with pytest.raises(Broken, match="time"):
        told(an_admin("stopped"), an_admin("started", "x", boot="b", ts_us=long_ago))


def test_the_last_attempt_may_be_missing_where_the_caller_left_before_it_was_sent() -> None:
    cancelled = OutcomeKind.CANCELLED
    told(*TRIED, a_settled("r", outcome=cancelled, **UNTRIED))
    again = an_attempted("r", 2)
    told(*TRIED, again, a_settled("r", outcome=cancelled, served_by=None, zone=None))
    story = told(*TRIED, *LATER, a_settled("r", boot="later", outcome=OutcomeKind.LOST))
    assert (story.open, story.lost) == (0, 1)


def test_what_was_refused_before_policy_spoke_names_no_documents() -> None:
    refused = a_decision(effect=Effect.REFUSED)
    ending = a_settled("r", outcome=OutcomeKind.REFUSED)
    assert told(STORED, a_decided("r", decision=refused), ending).settled == 1


def test_the_first_record_names_origin_and_key() -> None:
    facts = {"origin": "perimeter.example/gw-0", "vkey": "perimeter.example/gw-0+1+k"}
    story = Story()
    story.read(an_admin("created", boot="", facts=facts))
    assert (story.ends.origin, story.ends.vkey) == (facts["origin"], facts["vkey"])
