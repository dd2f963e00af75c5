"""Records become rows that can be counted: the same records give the same rows."""

import pytest
from msgspec.structs import replace

from gateway.audit.facts import (
    ATTEMPTS,
    COUNTED_MAX,
    CUBES,
    DAY_US,
    DECISIONS,
    FALLBACKS,
    FINDINGS,
    JOINED_CHARACTERS_MAX,
    OUTCOMES,
    SIGNALS,
    SILENCE_US_MIN,
    Cube,
    Facts,
    Rows,
    label_of,
)
from gateway.audit.signal_facts import told
from gateway.domain.attestation import Attestation
from gateway.domain.decision import Effect, Signal, Trust
from gateway.domain.label import Label, Level
from gateway.domain.money import Tokens
from gateway.domain.route import Outcome, OutcomeKind
from tests.doubles.records import (
    NOW_US,
    PUBLIC,
    RESTRICTED,
    a_decided,
    a_decision,
    a_settled,
    a_try,
    an_admin,
    an_attempted,
    an_id,
)

DAY = NOW_US // DAY_US


def rows_of(*records) -> Rows:
    facts = Facts()
    for position, record in enumerate(records):
        facts.read(position, record)
    return facts.take()


def only(rows: Rows, cube: Cube) -> dict:
    """Return the one row of a table, by column."""
    ((key, (sums, example)),) = rows.counts[cube.name].items()
    named = (*cube.keys, *cube.sums, "example")
    return dict(zip(named, (*key, *sums, example), strict=True))


@pytest.mark.parametrize("number", [-1, -(10**30), COUNTED_MAX + 1, 2**63, 10**30])
def test_adv_84_a_number_that_no_request_has_stops_no_count(number: int) -> None:
    usage = Tokens(number, number)
    settled = a_settled("one", usage=usage, cost_microusd=number, took_us=number)
    row = only(rows_of(a_decided("one"), settled), OUTCOMES)
    counted = 0 if number < 0 else COUNTED_MAX
    names = ("input_tokens", "output_tokens", "cost_microusd", "took_us")
    assert [row[name] for name in names] == [counted] * 4


def test_a_request_is_counted_by_label_team_zone_and_end() -> None:
    usage = Tokens(100, 20, cache_read_tokens=3, cache_write_tokens=4)
    settled = a_settled("one", usage=usage, took_us=1_500, observed_region="eu",
                        attestation=Attestation.MATCH)  # fmt: skip
    rows = rows_of(a_decided("one"), an_attempted("one"), settled)
    decision, attempt, outcome = (only(rows, cube) for cube in (DECISIONS, ATTEMPTS, OUTCOMES))
    assert (decision["team"], decision["label"], decision["rank"]) == (
        "payments", str(RESTRICTED), 3,
    )  # fmt: skip
    assert (decision["effect"], decision["rules"]) == ("permit", "restricted-stays-home")
    assert (attempt["zone"], attempt["inside"], attempt["attempts"]) == ("on_prem", "yes", 1)
    assert (outcome["input_tokens"], outcome["output_tokens"], outcome["took_us"]) == (
        107, 20, 1_500,
    )  # fmt: skip
    assert (outcome["observed_region"], outcome["attestation"]) == ("eu", "match")
    assert {one["example"] for one in (decision, attempt, outcome)} == {an_id("one")}
    assert [(one.position, one.id, one.zone) for one in rows.requests] == [
        (0, an_id("one"), "on_prem")
    ]


def test_what_is_alike_is_one_row_and_the_example_is_the_latest() -> None:
    rows = rows_of(*(a_decided(name) for name in ("one", "two", "three")))
    row = only(rows, DECISIONS)
    assert (row["requests"], row["example"]) == (3, an_id("three"))


def test_a_request_is_known_between_parts_until_it_has_ended() -> None:
    first = Facts()
    first.read(0, a_decided("one"))
    second = Facts(first.state)
    second.read(1, an_attempted("one", ts_us=NOW_US + DAY_US))
    attempt = only(second.take(), ATTEMPTS)
    assert (attempt["inside"], attempt["day"], attempt["decided_day"]) == ("yes", DAY + 1, DAY)
    second.read(2, a_settled("one"))
    assert second.opened == {}


def test_an_attempt_without_a_decision_counts_as_outside_of_every_boundary() -> None:
    rows = rows_of(an_attempted("one"), a_settled("one"))
    attempt = only(rows, ATTEMPTS)
    assert (attempt["inside"], attempt["label"], attempt["policy"]) == ("no", "unknown", "unknown")
    assert attempt["rank"] > RESTRICTED.level.rank
    assert only(rows, OUTCOMES)["requests"] == 1
    assert rows.requests == []


@pytest.mark.parametrize("effect", [Effect.DENY, Effect.REFUSED])
def test_what_was_not_permitted_has_no_boundary(effect: Effect) -> None:
    decision = replace(a_decision("on_prem"), effect=effect)
    rows = rows_of(a_decided("one", decision=decision), an_attempted("one"))
    assert only(rows, ATTEMPTS)["inside"] == "no"


def test_a_request_that_policy_never_saw_has_its_team_and_no_label() -> None:
    turned = a_decided("one", facts=None, label=None, signals=(), ask=None, raised_by=(),
                       team="web", decision=a_decision(effect=Effect.REFUSED))  # fmt: skip
    row = only(rows_of(turned), DECISIONS)
    assert (row["team"], row["label"], row["rank"], row["basis"]) == ("web", "none", -1, "unjudged")
    rows = rows_of(replace(turned, team=""), a_settled("one", outcome=OutcomeKind.REFUSED))
    assert only(rows, DECISIONS)["team"] == "unknown"
    assert rows.requests[0].model == ""


def test_more_than_one_attempt_is_a_fallback_with_what_was_eligible() -> None:
    tried = (a_try(1, "a@x"), replace(a_try(2, "b@x"), outcome=Outcome(OutcomeKind.FAILED)),
             a_try(3, "c@x"))  # fmt: skip
    decided = a_decided("one", candidates=("a@x", "b@x", "c@x"))
    row = only(rows_of(decided, a_settled("one", tried=tried)), FALLBACKS)
    assert row["eligible"] == row["tried"] == "a@x, b@x, c@x"
    assert row["because"] == "rate_limited, unknown"


def test_findings_of_requests_and_of_replies_are_told_apart() -> None:
    decided = a_decided("one", finding_kinds={"iban": 2}, allowed_kinds={"iban": 1})
    rows = rows_of(decided, a_settled("one", reply_kinds={"iban": 5}, usage=None,
                                      cost_microusd=None))  # fmt: skip
    found = {key[-1]: sums for key, (sums, _) in rows.counts[FINDINGS.name].items()}
    assert found == {"request": [1, 2, 1], "reply": [1, 5, 0]}


def test_long_lists_are_cut_and_say_so() -> None:
    rules = tuple(f"rule-{number}" for number in range(200))
    decided = a_decided("one", decision=replace(a_decision("on_prem"), because=rules))
    said = only(rows_of(decided), DECISIONS)["rules"]
    assert said.endswith("...")
    assert len(said) == JOINED_CHARACTERS_MAX + 3


def test_an_admin_record_stands_by_itself_and_days_know_their_records() -> None:
    rows = rows_of(an_admin("started", facts={"b": 1, "a": [2]}), an_admin("stopped"))
    first = rows.changes[0]
    assert (first.what, first.facts) == ("started", '{"a":[2],"b":1}')
    day = rows.days[DAY]
    assert (day.first, day.last, day.records) == (0, 1, 2)


CLAIM = Signal("claim:label", PUBLIC, Trust.CLAIMED)
BOUND = Signal("repo", RESTRICTED, Trust.AUTHENTICATED, base=True)
DEFAULT = Signal("default", PUBLIC, Trust.CONFIGURED, base=True)


@pytest.mark.parametrize(
    ("signals", "raised", "verdicts", "basis"),
    [
        ((BOUND, CLAIM), (), ["agrees", "lower"], "bound"),
        ((DEFAULT, CLAIM), (), ["agrees", "agrees"], "default"),
        ((DEFAULT, replace(CLAIM, label=RESTRICTED)), ("claim:label",), ["agrees", "raised"],
         "default_raised"),
        ((CLAIM,), ("claim:label",), ["raised"], "default_raised"),
        ((BOUND, BOUND), (), ["agrees"], "bound"),
    ],
    ids=["spoofed", "agreed", "raised", "only a claim", "twice"],
)  # fmt: skip
def test_a_signal_raised_the_label_or_agreed_or_claimed_less(
    signals, raised, verdicts, basis
) -> None:
    said = told(a_decided("one", signals=signals, raised_by=raised))
    assert [one.verdict for one in said.signals] == verdicts
    assert said.basis == basis
    rows = rows_of(a_decided("one", signals=signals, raised_by=raised))
    assert len(rows.counts[SIGNALS.name]) == len(set(signals))


@pytest.mark.parametrize(
    "label",
    [PUBLIC, RESTRICTED, Label(Level(1, "internal"), frozenset({"pii"})),
     Label(Level(0, "public"), frozenset(), frozenset())],
    ids=str,
)  # fmt: skip
def test_a_label_can_be_read_back_from_its_row(label: Label) -> None:
    assert label_of(str(label), label.level.rank) == label


def test_a_row_without_a_label_has_none() -> None:
    assert label_of("none", -1) is None
    assert label_of("unknown", 99) is None


def test_the_first_key_of_every_table_is_the_day() -> None:
    assert {cube.keys[0] for cube in CUBES} == {"day"}


@pytest.mark.parametrize(("before", "stopped"), [("started", 0), ("stopped", 1), ("created", 1)])
def test_a_long_silence_is_noted_and_whether_anything_ran(before: str, stopped: int) -> None:
    early = an_admin(before)
    soon = an_admin(before, "soon", ts_us=NOW_US + SILENCE_US_MIN - 1)
    late = an_admin("started", "late", ts_us=soon.ts_us + SILENCE_US_MIN)
    (silence,) = rows_of(early, soon, late).silences
    assert (silence.position, silence.from_us, silence.ts_us) == (2, soon.ts_us, late.ts_us)
    assert silence.stopped == stopped
