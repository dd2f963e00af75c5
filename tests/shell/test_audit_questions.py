"""Every question, asked of a log that the flow has written."""

import asyncio
from copy import deepcopy
from pathlib import Path

import msgspec
import pytest

from gateway.cli.audit import available
from gateway.cli.audit.questions import QUESTIONS
from gateway.ledger.paths import LedgerPaths
from tests.doubles.flow_logs import (
    CLOUD,
    FIRST_DAY,
    HOME,
    NO_GUESTS,
    SECOND_DAY,
    FlowLog,
    a_flow_log,
    a_policy,
    everyday,
)
from tests.doubles.gateway_folders import ran
from tests.doubles.ledgers import a_new_ledger


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> LedgerPaths:
    return a_flow_log(tmp_path_factory.mktemp("log"))


def asked(paths: LedgerPaths, question: str, *words: str) -> dict:
    told = ran("audit", question, *words, "--copy", "--ledger", str(paths.ledger), "--as", "json")
    assert told.code in (0, 1), told.err
    return msgspec.json.decode(told.out)


def rows(paths: LedgerPaths, question: str, *words: str) -> list[dict]:
    return asked(paths, question, *words)["rows"]


def first(paths: LedgerPaths) -> str:
    return rows(paths, "requests")[-1]["id"]


ARGUMENTS = {"explain": lambda paths: [first(paths)]}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_every_question_answers_in_every_form_and_names_its_checkpoint(
    paths, question: str, form: str
) -> None:
    if question not in available():
        pytest.skip("its facts do not exist yet")
    words = ARGUMENTS.get(question, lambda _: [])(paths)
    told = ran("audit", question, *words, "--copy", "--ledger", str(paths.ledger), "--as", form)
    assert told.code == 0, told.err
    size = asked(paths, "boundary")["checkpoint"]["size"]
    assert f"{size} records" in told.out + told.err or f'"size": {size}' in told.out
    assert "perimeter.example/gw-0" in told.out + told.err


def test_what_was_denied_and_by_which_rule(paths) -> None:
    found = {(row["effect"], row["rules"], row["team"]) for row in rows(paths, "denied")}
    assert found == {("deny", "no-guests", "guests"), ("refused", "", "web")}


def test_what_policy_kept_out_of_a_zone_that_was_asked_for(paths) -> None:
    found = {(row["offering"], row["reason"], row["team"]) for row in rows(paths, "near-misses")}
    assert ("cloud-model@cloud", "clearance", "pay") in found
    assert ("cloud-model@cloud", "clearance", "web") in found
    assert not any(reason.startswith("cannot") for _, reason, _ in found)


def test_what_went_on_to_another_engine_and_who_was_eligible(paths) -> None:
    (row,) = rows(paths, "fallbacks")
    assert row["eligible"] == "vllm-model@vllm, vllm-2-model@vllm-2"
    assert row["tried"] == row["eligible"]
    assert (row["because"], row["outcome"], row["requests"]) == ("overloaded", "completed", 1)


def test_how_much_stands_on_the_default_label(paths) -> None:
    found = {(row["team"], row["basis"]): row["share"] for row in rows(paths, "unlabelled")}
    assert found[("new", "default")] == "100.0 %"
    assert found[("pay", "bound")] == "100.0 %"
    assert found[("web", "unjudged")] == "25.0 %"


def test_what_raised_a_label(paths) -> None:
    found = {(row["source"], row["floor"], row["label"]) for row in rows(paths, "raises")}
    assert found == {
        ("detector:secrets", "public", "restricted+secret"),
        ("claim:label", "public", "restricted"),
    }


def test_a_claim_below_what_is_known_is_told_as_an_attempt_by_its_team(paths) -> None:
    found = {(row["team"], row["verdict"], row["says"]) for row in rows(paths, "claims")}
    assert found == {("pay", "lower", "public"), ("web", "raised", "restricted")}
    (spoofed,) = rows(paths, "claims", "--where", "verdict = lower")
    assert (spoofed["team"], spoofed["label"]) == ("pay", "restricted")


def test_what_the_detectors_found_week_by_week(paths) -> None:
    row = rows(paths, "detectors", "--where", "place = request")[0]
    assert (row["kind"], row["place"], row["findings"]) == ("gitlab-pat", "request", 1)
    assert row["week"] == "2026-11-16"


def test_who_got_data_in_which_country_and_on_which_basis(paths) -> None:
    found = {row["zone"]: row for row in rows(paths, "transfers")}
    assert found["frontier"]["country"] == "US"
    assert found["frontier"]["regions"] == "world"
    assert found["frontier"]["basis"] == "none"
    assert found["frontier"]["retention_days"] == 30
    assert found["frontier"]["labels"] == "internal, public"
    assert found["on_prem"]["basis"] == "own premises"
    assert found["on_prem"]["requests"] == 4


def test_where_zones_were_declared_and_what_replies_told(paths) -> None:
    answer = asked(paths, "regions")
    assert {(row["zone"], row["declared"], row["attestation"]) for row in answer["rows"]} == {
        ("frontier", "world", "own engine"),
        ("on_prem", "DE", "own engine"),
    }
    assert answer["good"]


def test_what_still_lies_at_a_provider_by_label(paths) -> None:
    answer = asked(paths, "retention")
    assert {(row["zone"], row["label"], row["until"]) for row in answer["rows"]} == {
        ("frontier", "internal", "2026-12-22"),
        ("frontier", "public", "2026-12-21"),
    }
    assert asked(paths, "retention", "--where", "label = restricted")["rows"] == []


@pytest.mark.parametrize(
    ("day", "count"), [("2026-11-20", 0), (FIRST_DAY, 1), (SECOND_DAY, 1), ("2027-01-01", 1)]
)
def test_which_policy_was_in_force_on_a_day(paths, day: str, count: int) -> None:
    found = rows(paths, "in-force", "--on", day)
    assert len(found) == count
    assert all(row["policy"].startswith("sha256:") for row in found)


def test_what_is_complete_and_what_is_missing(paths) -> None:
    answer = asked(paths, "completeness")
    found = {row["what"]: row["count"] for row in answer["rows"]}
    assert found["records that were read, one after the other"] == answer["checkpoint"]["size"]
    assert found["requests whose end was lost in a crash"] == 0
    assert found["requests that were open at the checkpoint"] == 0
    assert found["starts"] == 1
    assert found["records after the checkpoint, not yet signed"] == 0
    assert answer["good"]


def test_everything_that_changed_meaning(paths) -> None:
    found = [row["what"] for row in rows(paths, "changes")]
    assert found[0] == "stopped"
    assert found[-1] == "created"
    assert {"policy_loaded", "document_stored", "started", "subject_key_made"} <= set(found)


def test_one_request_in_plain_words(paths) -> None:
    restricted = rows(paths, "requests", "--where", "key = key-pay")[-1]["id"]
    said = "\n".join(row["said"] for row in rows(paths, "explain", restricted))
    for words in (
        "repo payments says restricted (authenticated)",
        "claim:label says public (claimed).",
        "Not cloud-model@cloud: clearance.",
        'Rule: {"effect":"permit","id":"restricted-stays-home"',
        "Eligible, in order: vllm-model@vllm, vllm-2-model@vllm-2.",
        "Attempt 1 went to vllm.example:8000: zone on_prem, operator self (DE), places DE",
        "Tokens: ",
        "Document catalogue: sha256:",
        "It says that it comes from claude-code.",
        "Size: 100 bytes, parts 1.",
        "The engine called itself by another name than ours: it is sealed.",
    ):
        assert words in said
    assert "ada@example.com" not in said


def test_a_request_that_policy_never_saw_is_explained_as_far_as_it_went(paths) -> None:
    refused = rows(paths, "requests", "--where", "effect = refused")[0]["id"]
    said = "\n".join(row["said"] for row in rows(paths, "explain", refused))
    assert "Eligible, in order: nobody." in said
    assert ran("audit", "explain", "nobody", "--copy", "--ledger", str(paths.ledger)).code == 2


def test_a_filter_narrows_and_a_period_too(paths) -> None:
    assert len(rows(paths, "requests")) == 8
    assert len(rows(paths, "requests", "--where", "team = web and outcome = completed")) == 3
    assert len(rows(paths, "requests", "--from", SECOND_DAY)) == 3
    assert len(rows(paths, "requests", "--where", "attempts > 1")) == 1
    answer = asked(paths, "requests", "--rows", "2")
    assert len(answer["rows"]) == 2
    assert answer["notes"] == ["only the first 2 rows are shown; --rows shows more"]


async def _changed(log: FlowLog) -> None:
    await everyday(log)
    strict = deepcopy(a_policy())
    strict["policy"]["rules"] = [
        {**rule, "zones": ["on_prem"]} if rule["id"] == "internal-may-travel" else rule
        for rule in strict["policy"]["rules"]
        if rule != NO_GUESTS
    ]
    strict["zones"]["zones"]["frontier"] = {
        **strict["zones"]["zones"]["frontier"], "retention_days": 0,
    }  # fmt: skip
    signed = {"serial": 7, "requester": "ann", "approvers": ["bob", "cyd"]}
    await log.load(strict, **signed)
    await log.ask(caller=CLOUD)
    await log.ask(caller=HOME)


def test_a_change_of_the_policy_names_who_approved_it_and_the_decisions_it_changed(
    tmp_path: Path,
) -> None:
    paths = a_flow_log(tmp_path, _changed)
    began, change = rows(paths, "policies")
    assert began["differences"] == "the first"
    assert began["decisions_changed"] is None
    assert change["approved_by"] == "bob, cyd"
    assert change["asked_by"] == "ann"
    assert change["serial"] == 7
    assert "rules went: no-guests" in change["differences"]
    assert "rules changed: internal-may-travel" in change["differences"]
    assert "zones changed: frontier" in change["differences"]
    # Two public and internal requests would have stayed, and the guest would have been let in.
    assert change["decisions_changed"].startswith("3 of 7, the latest ")
    (few,) = rows(paths, "policies", "--replays", "1", "--from", SECOND_DAY)
    assert few["decisions_changed"] == "0 of 1"
    spells = rows(paths, "in-force")
    assert [row["serial"] for row in spells] == [0, 7]
    assert spells[0]["until"] == spells[1]["from"]
    old, new = ((row["retention_days"], row["requests"]) for row in rows(
        paths, "transfers", "--where", "zone = frontier") * 2)  # fmt: skip
    assert old == new == (30, 2)


@pytest.mark.parametrize("question", ["policies", "in-force", "completeness"])
def test_a_question_without_fields_takes_no_filter(paths, question: str) -> None:
    told = ran("audit", question, "--copy", "--ledger", str(paths.ledger), "--where", "team = web")
    assert told.code == 2
    assert "no filter" in told.err


def test_a_crash_shows_as_a_lost_end_and_a_start_without_a_stop(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)

    async def crash() -> None:
        log = await FlowLog.open(paths)
        await log.ask(caller=CLOUD)
        record = log.ledger.reader.entries().__next__()
        assert record.index == 0
        await asyncio.to_thread(log.ledger._parts.close)
        again = await FlowLog.open(paths)
        again.stage.house.clock.pass_ms(3_600_000)
        await again.ask(caller=CLOUD)
        await again.ledger.close()

    asyncio.run(crash())
    found = {row["what"]: row for row in rows(paths, "completeness")}
    assert found["starts"]["count"] == 2
    assert found["starts after an end without a stop"]["count"] == 1
    silence = found["times of ten minutes or more, while running, without a record"]
    assert silence["count"] == 1
    assert "for 60 min" in silence["found"]
