"""What the bench of the audit asks about: no question is measured over nothing."""

from collections import Counter

import pytest

from gateway.cli.audit import available
from gateway.cli.audit.question import Asked, Period
from gateway.cli.audit.where import Condition
from gateway.ledger.paths import LedgerFolder
from tests.bench.audit import NARROWED, Made, Took, answers, faults, made

QUICK = {name: Took(0.1, 0.1, 5) for name in available()}


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(LedgerFolder(tmp_path_factory.mktemp("year")), count=30_000, days=15)


def test_every_question_has_something_to_tell_and_nothing_crosses(year: Made) -> None:
    told = dict(answers(year))
    assert told.keys() >= available().keys()
    assert f"boundary{NARROWED}" in told
    assert [fault for fault in faults(told) if not fault.startswith("slower")] == []


def test_each_change_of_the_policy_is_held_against_decisions_that_can_be_made_again(
    year: Made,
) -> None:
    with year.opened() as ledger:
        first, *changes = available()["policies"].answer(Asked(ledger=ledger, rows_max=10)).rows
    assert first[-1] is None
    assert len(changes) == 2
    for row in changes:
        changed, _, rest = str(row[-1]).partition(" of ")
        assert int(changed) > 0
        assert rest.startswith("200, the latest ")
        assert "cannot" not in rest


def test_a_list_is_read_within_its_period_alone(year: Made) -> None:
    steps = Counter[str]()
    nobody = (Condition("team", "=", "nobody"),)
    with year.opened() as ledger:
        sql = ledger.index.sql
        (last,) = sql.execute("SELECT MAX(day) FROM days").fetchone()
        for name, first in (("all", 0), ("a day", last)):
            asked = Asked(ledger=ledger, period=Period(first, last), where=nobody, rows_max=10)
            sql.set_progress_handler(lambda name=name: steps.update([name]), 100)
            assert available()["requests"].answer(asked).rows == []
            sql.set_progress_handler(None, 100)
    assert 0 < steps["a day"] < steps["all"] / 10


@pytest.mark.parametrize(
    ("name", "took", "fault"),
    [
        ("claims", Took(2.1, 2.1, 5), "slower than 2.0 s: claims"),
        ("claims", Took(0.1, 0.1, 0), "no rows: claims"),
        (f"boundary{NARROWED}", Took(2.1, 2.1, 0), f"slower than 2.0 s: boundary{NARROWED}"),
        ("boundary", Took(0.1, 0.1, 5, good=False), "what was generated crosses a boundary"),
    ],
)
def test_a_slow_answer_an_empty_one_and_a_crossing_are_told(name, took, fault) -> None:
    assert list(faults(QUICK)) == []
    assert list(faults({**QUICK, name: took})) == [fault]
