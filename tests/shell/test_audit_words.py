"""What can be asked with `--where`, and how answers are written for people and for programs."""

import asyncio
import csv
import io
from pathlib import Path

import msgspec
import pytest

from gateway.audit.checkpoint import Checkpoint
from gateway.cli.audit import written
from gateway.cli.audit.question import Answer, Asked, Ledger, Period, day_of, number_of
from gateway.cli.audit.where import CONDITIONS_MAX, Condition, read_where, sql_of
from gateway.domain.errors import ConfigError
from gateway.ledger.facts import FactsIndex
from gateway.ledger.paths import LedgerFolder
from tests.doubles.flow_logs import FlowLog, a_flow_log
from tests.doubles.gateway_folders import ran
from tests.doubles.records import a_decided, a_decision, a_settled

FIELDS = {"team": "team", "label": "label", "level": "level", "rank": "rank", "week": "day - 1"}
NUMBERS = frozenset({"rank"})


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("team = web", [("team", "=", "web")]),
        ("team!=web", [("team", "!=", "web")]),
        ('team = "the web" and rank >= 2', [("team", "=", "the web"), ("rank", ">=", "2")]),
        ('team = ""', [("team", "=", "")]),
        ("team = a=b", [("team", "=", "a=b")]),
        ("team = and and label = and", [("team", "=", "and"), ("label", "=", "and")]),
    ],
)
def test_a_filter_is_field_operator_value_joined_by_and(text, conditions) -> None:
    assert [(one.field, one.op, one.value) for one in read_where(text)] == conditions


@pytest.mark.parametrize(
    "text",
    [
        "",
        "team",
        "team =",
        "team web",
        "team = web or team = pay",
        "team = web team = pay",
        "team = web and",
        "(team = web)",
        "team = 'web'; DROP TABLE requests",
        "team LIKE web",
        "TEAM = web",
        'team = "web',
        "team = web and " * CONDITIONS_MAX + "team = web",
        "team = " + "x" * 5_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        read_where(text)


def test_what_was_written_becomes_a_value_and_never_a_part_of_the_statement() -> None:
    forged = (Condition("team", "=", "x' OR 1=1 --"), Condition("rank", ">", "2"))
    found = sql_of(forged, FIELDS, NUMBERS)
    assert found.text == " AND (team) = ? AND (rank) > ?"
    assert found.values == ("x' OR 1=1 --", 2)


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        (Condition("secret", "=", "x"), "no field secret"),
        (Condition("team", ">", "x"), "compared by = and != only"),
        (Condition("rank", "=", "two"), "is a number"),
    ],
)
def test_a_field_that_is_not_there_or_not_of_that_kind_is_refused(condition, why: str) -> None:
    with pytest.raises(ConfigError) as raised:
        sql_of((condition,), FIELDS, NUMBERS)
    assert why in str(raised.value.problems[0])


@pytest.mark.parametrize(("op", "kept"), [(">=", "-1000"), (">", "-1000"), ("<=", "1000")])
def test_a_row_whose_policy_does_not_know_the_level_is_kept(op: str, kept: str) -> None:
    found = sql_of((Condition("level", op, "restricted"),), FIELDS, NUMBERS)
    assert kept in found.text
    assert found.values == ("restricted",)
    equal = sql_of((Condition("level", "=", "restricted"),), FIELDS, NUMBERS)
    assert equal.text == " AND (level) = ?"


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    index = FactsIndex.fresh(tmp_path / "facts.sqlite")
    checkpoint = Checkpoint("perimeter.example/gw-0", 7, bytes(32))
    return Asked(ledger=Ledger(LedgerFolder(tmp_path), index, checkpoint), rows_max=10)


HOSTILE = "\x1b[2J=cmd\u202e|\r\n\t@x\\"


@pytest.mark.parametrize("text", ["x;=1+1;2", "x; @SUM(1)", ";-1", "x;\uff1d1", "=1;=1"])
def test_adv_74_a_cell_holds_no_second_one_where_semicolons_part_them(asked, text: str) -> None:
    out = written.csv_of(asked, Answer(("a",), [(text,)]))
    told = list(csv.reader(io.StringIO(out)))[1][0]
    assert [one for one in told.split(";") if one.lstrip().startswith(written.FORMULA)] == []
    assert told.replace("'", "") == text
    assert written.safe("a; b; c=1") == "a; b; c=1"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "\uff1d1", "\uff20SUM(1)"]
)
def test_adv_74_no_cell_of_csv_is_taken_for_a_formula(asked, text: str) -> None:
    assert written.safe(text).startswith("'")
    out = written.csv_of(asked, Answer(("a", "b"), [(text, -5)]))
    row = list(csv.reader(io.StringIO(out)))[1]
    assert not row[0].startswith(written.FORMULA)
    assert row[1] == "-5"
    assert row[2:4] == ["perimeter.example/gw-0", "7"]


def test_marks_that_move_the_cursor_or_mislead_are_shown_escaped_in_every_form(asked) -> None:
    answer = Answer(("a", "b"), [(HOSTILE, HOSTILE), (None, 3)], (HOSTILE,))
    forms = ("\n".join(written.table(answer)), written.json_of("x", asked, answer),
             written.csv_of(asked, answer))  # fmt: skip
    for text in forms:
        assert not {"\x1b", "\u202e", "\r", "\t"} & set(text)
        assert "x1b" in text
    rows = msgspec.json.decode(forms[1])["rows"]
    assert rows[1] == {"a": None, "b": 3}


def test_a_long_cell_is_cut_in_a_table_but_for_the_last_one(asked) -> None:
    long = "x" * 500
    (_, line) = written.table(Answer(("a", "b"), [(long, long)]))
    assert line.startswith("x" * (written.CELL_CHARACTERS_MAX - 3) + "...")
    assert line.endswith(long)
    assert msgspec.json.decode(written.json_of("x", asked, Answer(("a",), [(long,)])))["rows"] == [
        {"a": long}
    ]


def test_days_are_whole_and_a_period_is_told_in_words() -> None:
    assert number_of(day_of(20_778)) == 20_778
    assert str(Period()) == "the whole log"
    assert str(Period(20_778)) == "2026-11-21 to the end"
    assert str(Period(0, 20_778)) == "the beginning to 2026-11-21"


def test_what_a_record_holds_is_shown_escaped_by_every_question(tmp_path: Path) -> None:
    async def write(log: FlowLog) -> None:
        stored = log.stage.worlds.world.documents
        decision = msgspec.structs.replace(
            a_decision("on_prem"), policy=stored["policy"], because=(HOSTILE,)
        )
        ts_us, boot = log.stage.house.clock.now_us(), log.ledger.boot
        decided = a_decided(
            "019aa000-0000-7000-8000-0000000000aa", boot=boot, decision=decision,
            documents=stored, ts_us=ts_us, surface=HOSTILE, key_id=HOSTILE, candidates=(),
        )  # fmt: skip
        failed = {"outcome": "failed", "served_by": None, "zone": None, "tried": ()}
        settled = a_settled(decided.id, boot=boot, ts_us=ts_us, error=HOSTILE, **failed)
        await log.ledger.append([(decided, None), (settled, None)])
        await asyncio.sleep(0)

    paths = a_flow_log(tmp_path, write)
    for question in ("requests", "unlabelled", "changes"):
        for form in ("table", "json", "csv"):
            words = ("--copy", "--ledger", str(paths.ledger), "--as", form)
            told = ran("audit", question, *words)
            assert told.code == 0, told.err
            assert not {"\x1b", "\u202e", "\r", "\t"} & set(told.out)
    said = ran("audit", "explain", decided_id(paths), "--copy", "--ledger", str(paths.ledger))
    assert "\x1b" not in said.out
    assert r"\x1b[2J" in said.out


def decided_id(paths) -> str:
    told = ran("audit", "requests", "--copy", "--ledger", str(paths.ledger), "--as", "json")
    return msgspec.json.decode(told.out)["rows"][0]["id"]
