"""What an auditor may ask, clause by clause, and what he is told of that is missing."""

import asyncio
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit.record import Record
from gateway.cli import audit
from gateway.cli.audit.questions import QUESTIONS
from gateway.domain.attestation import Attestation
from gateway.ledger.paths import LedgerPaths
from tests.doubles.flow_logs import CLOUD, FlowLog, a_flow_log, a_policy
from tests.doubles.gateway_folders import ran
from tests.doubles.ledgers import IDS, a_boot, a_new_ledger, opened
from tests.doubles.records import PUBLIC, a_decided, a_decision, a_settled, a_try, an_attempted

# Whatever is asked of a log, and the question that answers it.
ASKED_FOR = {
    "every label and zone pair with counts": "boundary",
    "explain one": "explain",
    "denied": "denied",
    "near misses": "near-misses",
    "fallbacks with their eligible sets": "fallbacks",
    "waivers and break-glass": "waivers",
    "what persons approved": "approvals",
    "policy changes with approver and the decisions they changed": "policies",
    "unlabelled share": "unlabelled",
    "label raises": "raises",
    "claims that differed, by team": "claims",
    "detector trends": "detectors",
    "transfer register": "transfers",
    "declared against observed region": "regions",
    "provider retention exposure": "retention",
    "who read the audit": "readers",
    "completeness": "completeness",
    "subject access and erasure log": "subjects",
    "which policy was in force at a date": "in-force",
}


def asked(paths: LedgerPaths, question: str, *words: str, code: int = 0) -> dict[str, Any]:
    told = ran("audit", question, *words, "--copy", "--ledger", str(paths.ledger), "--as", "json")
    assert told.code == code, told.err
    return msgspec.json.decode(told.out)


def found(paths: LedgerPaths, *words: str, code: int = 0) -> dict[str, dict[str, Any]]:
    return {row["what"]: row for row in asked(paths, "completeness", *words, code=code)["rows"]}


def test_there_is_a_question_for_everything_that_may_be_asked() -> None:
    assert set(ASKED_FOR.values()) <= audit.available().keys()


@pytest.mark.parametrize("name", [name for name, one in QUESTIONS.items() if one.kinds])
def test_a_question_whose_facts_no_gateway_writes_is_absent_and_not_empty(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert name in audit.available()
    monkeypatch.setattr(audit, "ADMIN_KINDS", audit.ADMIN_KINDS - QUESTIONS[name].kinds)
    assert name not in audit.available()
    with pytest.raises(SystemExit) as ended:
        ran("audit", name, "--copy", "--ledger", "nowhere")
    assert ended.value.code == 2


async def _agreed(log: FlowLog) -> None:
    policy = deepcopy(a_policy())
    frontier = policy["zones"]["zones"]["frontier"]
    more = {"transfer_basis": "scc", "dpa_ref": "DPA 2026/7", "operator_jurisdiction": "US"}
    policy["zones"]["zones"]["frontier"] = {**frontier, **more}
    await log.load(policy, serial=1)
    await log.ask(caller=CLOUD)


def test_the_register_of_transfers_says_country_basis_and_agreement(tmp_path: Path) -> None:
    (row,) = asked(a_flow_log(tmp_path, _agreed), "transfers")["rows"]
    assert (row["zone"], row["country"]) == ("frontier", "US")
    assert (row["basis"], row["agreement"]) == ("scc", "DPA 2026/7")
    assert row["requests"] == 1


async def _strayed(log: FlowLog) -> None:
    """One reply that told the place that was declared, and one that told another."""
    policy = log.stage.worlds.world.documents["policy"]
    offering, zone = "cloud-model@cloud", "frontier"
    for region, verdict in (("us", Attestation.MATCH), ("eu", Attestation.MISMATCH)):
        decision = replace(a_decision(zone), policy=policy)
        known: dict[str, Any] = {"boot": log.ledger.boot, "ts_us": log.stage.house.clock.now_us()}
        name = IDS.record_id()
        served = {"tried": (a_try(1, offering, zone),), "served_by": offering, "zone": zone}
        records: list[Record] = [
            a_decided(
                name,
                decision=decision,
                candidates=(offering,),
                documents=log.stage.worlds.world.documents,
                label=PUBLIC,
                **known,
            ),
            an_attempted(name, offering=offering, zone=zone, **known),
            a_settled(name, observed_region=region, attestation=verdict, **served, **known),
        ]
        await log.ledger.append([(one, None) for one in records])


def test_a_region_other_than_the_declared_one_is_told_and_makes_the_answer_a_bad_one(
    tmp_path: Path,
) -> None:
    answer = asked(a_flow_log(tmp_path, _strayed), "regions", code=1)
    told = {(row["observed"], row["attestation"], row["requests"]) for row in answer["rows"]}
    assert told == {("us", "match", 1), ("eu", "mismatch", 1)}
    assert not answer["good"]
    assert answer["notes"] == ["1 replies told another place than the declared one"]


async def _anchored(log: FlowLog) -> None:
    await log.ask(caller=CLOUD)
    log.next_day()
    await log.ledger.record("anchored", {"to": "a witness", "size": 1})
    await log.ask(caller=CLOUD)
    log.next_day()
    log.next_day()
    await log.ask(caller=CLOUD)


def test_days_without_an_anchor_are_named(tmp_path: Path) -> None:
    paths = a_flow_log(tmp_path, _anchored)
    missing = "days with records on which no anchor is recorded"
    row = found(paths)[missing]
    assert (row["count"], row["found"]) == (2, "2026-11-21, 2026-11-24")
    one = found(paths, "--from", "2026-11-22", "--to", "2026-11-22")
    assert one[missing]["count"] == 0
    assert found(paths)["days without any record"]["count"] == 1


def test_an_end_that_a_crash_took_is_told_as_lost(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)

    async def crash() -> str:
        ledger = await opened(paths)
        name = IDS.record_id()
        known = {"boot": ledger.boot}
        await ledger.append([(a_decided(name, **known), None), (an_attempted(name, **known), None)])
        await asyncio.to_thread(ledger._parts.close)
        async with a_boot(paths):
            return name

    name = asyncio.run(crash())
    row = found(paths, code=1)["requests whose end was lost in a crash"]
    assert (row["count"], row["found"]) == (1, name)


def test_what_no_checkpoint_covers_is_told_with_its_time(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)

    async def unsealed() -> None:
        async with a_boot(paths) as ledger:
            note = paths.folder.checkpoint.read_bytes()
            await ledger.record("keys_loaded", {"keys": 1})
            await ledger.record("keys_loaded", {"keys": 2})
        paths.folder.checkpoint.write_bytes(note)

    asyncio.run(unsealed())
    row = found(paths)["records after the checkpoint, not yet signed"]
    assert row["count"] >= 3
    assert row["found"].startswith("since 2026-11-21")
