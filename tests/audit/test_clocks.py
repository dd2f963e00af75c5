"""Times are held against a clock of the machine that nobody sets."""

import pytest

from gateway.audit.clocks import MONO_BACK_US_MAX, Clocks
from gateway.audit.record import Record
from gateway.audit.story import CLOCK_BACK_US_MAX, Broken, Story
from tests.doubles.records import NOW_US, an_admin
from tests.doubles.static_logs import ALONE

S = 1_000_000
CREATED = an_admin("created", boot="", facts={"origin": "perimeter.example/gw-0"})
STARTED = an_admin("started", mono_us=500 * S)


def at(wall_s: int, mono_s: int, what: str = "heartbeat", **more) -> Record:
    name = f"{what}/{wall_s}/{mono_s}"
    return an_admin(what, name, ts_us=NOW_US + wall_s * S, mono_us=mono_s * S, **more)


def heard(*records: Record) -> Clocks:
    story = Story()
    for record in (CREATED, STARTED, *records):
        story.read(record)
    return story.clocks


def test_clocks_that_go_alike_are_never_apart() -> None:
    assert heard(at(60, 560), at(59, 559), at(7_200, 7_700)).apart_us == 0


def test_a_time_that_nobody_told_of_is_seen_by_the_other_clock() -> None:
    """Set forward, or slept, or written so; set back as far as no record has to tell."""
    assert heard(at(3_600, 560)).apart_us == 3_540 * S
    assert heard(at(0, 530), at(30, 560)).apart_us == 30 * S


def test_from_a_step_that_a_record_tells_of_they_are_held_against_each_other_anew() -> None:
    told = heard(at(60, 560), at(-9_000, 561, "clock_stepped"), at(-8_990, 571))
    assert told.apart_us == 0


def test_each_boot_has_a_clock_of_its_own_and_older_records_have_none() -> None:
    again = at(90, 3, "started", boot="later")
    assert heard(at(60, 560), again, at(99, 12, boot="later")).apart_us == 0
    assert heard(an_admin("heartbeat", ts_us=NOW_US + 900 * S)).apart_us == 0


def test_a_clock_that_nobody_sets_goes_back_in_no_boot() -> None:
    assert MONO_BACK_US_MAX == CLOCK_BACK_US_MAX == ALONE.CLOCK_BACK_US
    heard(at(60, 560), at(60, 500))
    with pytest.raises(Broken, match="nobody sets went back"):
        heard(at(60, 561), at(60, 500))
