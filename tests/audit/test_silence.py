"""Silence is evidence: what a running gateway did not say is counted."""

import pytest

from gateway.audit.silence import HEARTBEAT_S_MAX, SLACK_US, Silence
from gateway.audit.story import Story
from gateway.config import settings
from tests.doubles.records import NOW_US, a_decided, an_admin
from tests.doubles.static_logs import ALONE

S = 1_000_000
CREATED = an_admin("created", boot="", facts={"origin": "perimeter.example/gw-0"})
STARTED = an_admin("started", facts={"heartbeat_s": 60})


def beat(after_s: float, **more):
    return an_admin("heartbeat", f"beat/{after_s}", ts_us=NOW_US + int(after_s * S), **more)


def heard(*records) -> Silence:
    story = Story()
    for record in (CREATED, *records):
        story.read(record)
    return story.silence


def test_a_log_that_beats_has_no_gap_and_its_longest_silence_is_told() -> None:
    silence = heard(STARTED, beat(60), beat(125), beat(185))
    assert (silence.longest_us, silence.gaps) == (65 * S, 0)


@pytest.mark.parametrize(("after_us", "gaps"), [(0, 0), (1, 1)])
def test_a_silence_is_a_gap_where_the_interval_and_its_slack_are_over(after_us, gaps) -> None:
    late = beat((60 * S + SLACK_US + after_us) / S)
    assert heard(STARTED, late).gaps == gaps


def test_each_gap_is_counted_and_any_record_ends_one() -> None:
    decided = a_decided("one", ts_us=NOW_US + 300 * S)
    assert heard(STARTED, decided, beat(600), beat(601)).gaps == 2


def test_between_a_stop_and_a_start_nothing_is_expected() -> None:
    stopped = an_admin("stopped", ts_us=NOW_US + S)
    again = an_admin(
        "started", "again", boot="later", ts_us=NOW_US + 9_000 * S, facts={"heartbeat_s": 60}
    )
    assert heard(STARTED, stopped, again, beat(9_001, boot="later")).gaps == 0


def test_after_a_crash_the_next_boot_begins_anew() -> None:
    again = an_admin(
        "started", "again", boot="later", ts_us=NOW_US + 9_000 * S, facts={"heartbeat_s": 3_600}
    )
    silence = heard(STARTED, again, beat(9_000 + 3_600, boot="later"))
    assert (silence.longest_us, silence.gaps) == (3_600 * S, 0)


@pytest.mark.parametrize("facts", [{}, {"heartbeat_s": True}, {"heartbeat_s": "60"}])
def test_a_boot_that_promised_no_heartbeat_may_be_silent_as_long_as_any(facts: dict) -> None:
    started = an_admin("started", facts=facts)
    assert heard(started, beat(HEARTBEAT_S_MAX + 30)).gaps == 0
    assert heard(started, beat(HEARTBEAT_S_MAX + 31)).gaps == 1


def test_after_a_clock_that_stepped_back_silence_is_held_against_the_new_time() -> None:
    stepped = an_admin("clock_stepped", ts_us=NOW_US - 9_000 * S)
    silence = heard(STARTED, stepped, beat(-8_940), beat(-8_000))
    assert (silence.longest_us, silence.gaps) == (940 * S, 1)


def test_a_record_that_came_a_little_late_ends_no_silence_earlier() -> None:
    late = a_decided("late", ts_us=NOW_US + 40 * S)
    assert heard(STARTED, beat(60), late, beat(120)).longest_us == 60 * S


def test_a_start_that_allows_more_than_any_node_file_allows_no_more() -> None:
    assert HEARTBEAT_S_MAX == settings.HEARTBEAT_S_MAX == ALONE.HEARTBEAT_S_MAX
    patient = an_admin("started", facts={"heartbeat_s": 10**9})
    assert heard(patient, beat(3_600)).gaps == 0
    assert heard(patient, beat(3_600 + 31)).gaps == 1
