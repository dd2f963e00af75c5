"""No rule hangs on a clock, and nothing that ends comes back with one; no pattern takes long."""

import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from gateway.domain.repo_pattern import STARS_MAX, canonical_pattern, matches
from gateway.domain.zone import Evidence
from gateway.policy.evaluate import decide
from tests.doubles.granted import a_grant
from tests.doubles.policies import ANYWHERE, CLOUD, HOME, NOW, a_program, problems, some_facts

LAST = date(2026, 12, 31)
PARTS = 20
LONG = 20_000
# WHY: the work is a few milliseconds; a machine may be busy, and what runs away takes for ever.
SECONDS_MAX = 10
TIMES = ("hours", "time", "between", "weekday", "after", "before", "from", "until", "timezone")


@pytest.mark.parametrize("word", TIMES)
def test_adv_70_no_rule_asks_what_time_it_is(word: str) -> None:
    rule = ANYWHERE | {"when": {word: "02:30"}}
    assert any("unknown key" in one for one in problems(policy__rules=[rule]))


def test_adv_70_the_day_of_evidence_is_that_of_utc_whatever_the_clock_shows() -> None:
    facts = {"source": "a", "read_on": date(2026, 11, 1), "expires_on": LAST}
    european = CLOUD | {"processing_regions": "DE", "storage_regions": "DE"}
    program = a_program(zones__zones={"home": HOME, "cloud": european})
    cloud = replace(program.zones["cloud"], evidence=Evidence(**facts))
    program = replace(program, zones={**program.zones, "cloud": cloud})
    asked = some_facts(program, "internal@EU")
    last = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    for now, is_open in (
        (last, True),
        (last + timedelta(seconds=1), False),
        (datetime(2026, 3, 29, 2, 30, tzinfo=UTC), True),
        (datetime(2026, 10, 25, 2, 30, tzinfo=UTC), True),
    ):
        assert ("cloud" in decide(program, asked, now).boundary) is is_open, now


def test_adv_70_a_grant_is_over_in_every_time_zone_at_once() -> None:
    program = a_program()
    facts, grant = some_facts(program, "restricted"), a_grant()
    for hours in (-11, 0, 14):
        zone = timezone(timedelta(hours=hours))
        before, after = grant.until - timedelta(seconds=1), grant.until
        assert "cloud" in decide(program, facts, before.astimezone(zone), (grant,)).boundary
        assert "cloud" not in decide(program, facts, after.astimezone(zone), (grant,)).boundary


def test_adv_70_the_same_facts_at_another_time_are_the_same_answer() -> None:
    program = a_program()
    facts = some_facts(program)
    first = decide(program, facts, NOW)
    for other in (NOW - timedelta(days=400), NOW + timedelta(days=400)):
        again = decide(program, facts, other)
        assert (again.boundary, again.because, again.reason) == (
            first.boundary,
            first.because,
            first.reason,
        )


REGULAR = (
    "(a+)+$",
    "(a+)+",
    "(a|a)*b",
    "^.*$",
    ".*",
    ".*/b",
    "b/.*-c",
    "[a-z]*",
    "a|b",
    "a?*",
    "a{2}*",
    "\\w*",
)


@pytest.mark.parametrize("pattern", REGULAR)
def test_adv_71_a_regular_expression_is_no_pattern_of_a_repository(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|URL"):
        canonical_pattern(f"https://git.example.com/{pattern}")
    entry = {"label": "public", "patterns": [f"https://git.example.com/{pattern}"]}
    (problem,) = problems(repos__repos={"many": entry})
    assert "/repos/many/patterns" in problem
    assert pattern not in problem


def test_adv_71_every_sign_of_a_name_stands_for_itself() -> None:
    pattern = canonical_pattern("https://git.example.com/c++/a.b*")
    assert matches(pattern, "git.example.com/c++/a.b-1")
    assert not matches(pattern, "git.example.com/ccc/a.b-1")
    assert not matches(pattern, "git.example.com/c++/axb-1")


def test_adv_71_a_pattern_with_many_stars_is_refused_and_one_with_the_most_takes_no_time() -> None:
    many = "https://git.example.com/" + "a*" * (STARS_MAX + 1) + "b"
    with pytest.raises(ValueError, match=f"at most {STARS_MAX}"):
        canonical_pattern(many)
    part = "a*" * STARS_MAX + "b"
    most = canonical_pattern("https://git.example.com/" + "/".join([part] * PARTS))
    began = time.perf_counter()
    assert not matches(most, "git.example.com/" + "/".join(["a" * LONG] * PARTS))
    assert time.perf_counter() - began < SECONDS_MAX
