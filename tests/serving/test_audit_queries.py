"""Whoever reads the audit is recorded before he sees anything, or sees nothing."""

import os
import sqlite3
import time
from contextlib import closing

import msgspec
import pytest

from gateway.audit.record import Admin
from tests.doubles.gateway_folders import Ran, ran
from tests.doubles.ledger_sight import records, verified
from tests.doubles.serving_house import FORMS, House


def ask(house: House, question: str = "boundary", *words: str) -> Ran:
    return ran("audit", question, "--ledger", str(house.gateway.ledger), *words)


def queried(house: House) -> list[dict]:
    found = (one for one in records(house.gateway) if isinstance(one, Admin))
    return [one.facts for one in found if one.what == "audit_queried"]


def test_adv_86_a_reading_beside_a_running_gateway_is_recorded_with_what_was_asked(house) -> None:
    before = len(queried(house))
    told = ask(house, "denied", "--where", "team = web", "--from", "2026-01-01", "--as", "json")
    assert told.code == 0, told.err
    facts = queried(house)[before]
    assert facts["question"] == "denied"
    assert facts["where"] == "team = web"
    assert facts["period"] == "2026-01-01 to the end"
    assert facts["by"] == f"uid:{os.getuid()}"
    assert facts["rows"] == len(msgspec.json.decode(told.out)["rows"])
    assert verified(house.gateway).reason == ""


def test_who_read_the_audit_can_be_asked(house) -> None:
    ask(house)
    # WHY: a record is asked about once a checkpoint covers it, which takes a second at the most.
    time.sleep(1.2)
    told = ask(house, "readers", "--as", "json")
    rows = msgspec.json.decode(told.out)["rows"]
    assert rows[0]["question"] in {"boundary", "denied", "readers"}
    assert {row["asked_by"] for row in rows} == {f"uid:{os.getuid()}"}


def test_nothing_is_left_in_the_folder(house) -> None:
    assert "this reading is recorded" in ask(house).out
    assert list((house.gateway.ledger / "queries").iterdir()) == []


@pytest.mark.parametrize("text", [b"", b"{}", b'{"question": 7}', b"\x00" * 20_000])
def test_what_is_no_query_is_refused_and_recorded_nowhere(house, text: bytes) -> None:
    before = len(queried(house))
    place = house.gateway.ledger / "queries" / f"odd-{len(text)}.json"
    place.write_bytes(text)
    answer = place.with_suffix(".answer")
    assert ask(house).code == 0
    until = time.monotonic() + 10
    while not answer.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert b"unreadable" in answer.read_bytes()
    answer.unlink()
    assert len(queried(house)) == before + 1


def test_adv_86_personal_fields_and_prompts_stand_in_no_answer_and_not_in_the_index(house) -> None:
    body = FORMS[0].body()
    house.record(house.ask(FORMS[0], body, "website", ()).record)
    told = ask(house, "requests").out
    assert "web@example.com" not in told
    with closing(sqlite3.connect(house.gateway.ledger / "facts.sqlite")) as sql:
        dump = "\n".join(sql.iterdump())
    assert "web@example.com" not in dump
    assert "requests" in dump
