"""What the boundary report proves, on a log that the flow has written, and on forged ones."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from gateway.audit.facts import DAY_US
from gateway.domain.approval import Action, Approved
from gateway.domain.label import Label, Level
from gateway.ledger.ledger import open_ledger
from gateway.ledger.paths import LedgerPaths
from gateway.stores.standing import facts_of
from tests.doubles.flow_logs import FIRST_DAY, SECOND_DAY, FlowLog, a_flow_log, a_policy
from tests.doubles.gateway_folders import ran
from tests.doubles.granted import a_grant
from tests.doubles.ledgers import IDS, a_new_ledger
from tests.doubles.manual import ManualClock
from tests.doubles.records import PUBLIC, a_decided, a_decision, an_attempted
from tests.doubles.signatories import WAIVED, a_statement


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> LedgerPaths:
    return a_flow_log(tmp_path_factory.mktemp("log"))


def asked(paths: LedgerPaths, *words: str) -> tuple[int, dict]:
    """Ask in JSON."""
    told = ran("audit", "boundary", "--copy", "--ledger", str(paths.ledger), "--as", "json", *words)
    return told.code, msgspec.json.decode(told.out) if told.out else {"err": told.err}


def pairs(answer: dict) -> dict[tuple[str, str], int]:
    return {(row["label"], row["zone"]): row["attempts"] for row in answer["rows"]}


def test_every_pair_of_label_and_zone_is_counted_those_that_were_never_reached_too(
    paths, capsys
) -> None:
    code, answer = asked(paths)
    assert code == 0
    assert pairs(answer) == {
        ("internal", "frontier"): 1,
        ("internal", "on_prem"): 0,
        ("public", "frontier"): 1,
        ("public", "on_prem"): 0,
        ("restricted", "frontier"): 0,
        ("restricted", "on_prem"): 4,
        ("restricted+secret", "frontier"): 0,
        ("restricted+secret", "on_prem"): 1,
    }
    assert answer["good"]


def test_one_command_proves_that_nothing_restricted_left_the_union(paths) -> None:
    words = ("--where", "level >= restricted", "--within", "EU", "--prove")
    code, answer = asked(paths, *words, "--from", FIRST_DAY, "--to", SECOND_DAY)
    assert code == 0
    assert answer["verified"]
    assert {row["label"].partition("+")[0] for row in answer["rows"]} == {"restricted"}
    size = answer["checkpoint"]["size"]
    sentence = next(note for note in answer["notes"] if "proven" in note)
    assert sentence.startswith("zero crossings and none left EU: proven over ")
    assert "5 attempts" in sentence
    assert f"tree sizes 1 to {size}" in sentence or f"tree sizes 0 to {size}" in sentence


def test_without_a_verification_it_says_so(paths) -> None:
    code, answer = asked(paths)
    assert code == 0
    assert not answer["verified"]
    assert any(note.startswith("NOT VERIFIED") for note in answer["notes"])
    assert not any("proven" in note for note in answer["notes"])


def test_what_left_the_places_that_were_asked_for_is_a_crossing(paths) -> None:
    code, answer = asked(paths, "--within", "EU")
    assert code == 1
    crossed = {row["zone"]: row["crossings"] for row in answer["rows"] if row["crossings"]}
    assert crossed == {"frontier": 1}
    assert any("2 of 7 attempts CROSSED" in note for note in answer["notes"])


def test_a_day_alone_counts_only_its_own(paths) -> None:
    _, first = asked(paths, "--to", FIRST_DAY)
    _, second = asked(paths, "--from", SECOND_DAY)
    assert sum(pairs(first).values()) == 5
    assert sum(pairs(second).values()) == 2


def test_a_place_that_nobody_knows_is_refused(paths) -> None:
    told = ran("audit", "boundary", "--copy", "--ledger", str(paths.ledger), "--within", "Europe")
    assert told.code == 2
    assert "EU, EEA, or ISO" in told.err


@pytest.mark.parametrize(
    ("zone", "policy", "changed", "why"),
    [
        ("frontier", a_policy(), {}, "does not clear the label"),
        ("moon", a_policy(), {"label": PUBLIC}, "cannot be known"),
        ("on_prem", {"no": "policy"}, {}, "cannot be known"),
        ("frontier", a_policy(), {"label": Label(Level(0, "restricted"))}, "no such level"),
        ("frontier", a_policy(), {"label": Label(Level(0, "unheard-of"))}, "no such level"),
    ],
    ids=["not cleared", "no such zone", "no such policy", "a lower rank", "no such level"],
)
def test_what_was_recorded_as_decided_is_not_taken_for_granted(
    tmp_path: Path, zone: str, policy: dict, changed: dict, why: str
) -> None:
    paths = a_new_ledger(tmp_path)

    async def write() -> None:
        log = await FlowLog.open(paths)
        ledger, name = log.ledger, IDS.record_id()
        digest = await ledger.store_document(policy, "policy")
        decision = msgspec.structs.replace(a_decision(zone), policy=digest)
        decided = a_decided(
            name, boot=ledger.boot, decision=decision, documents={"policy": digest},
            ts_us=log.stage.house.clock.now_us(), **changed,
        )  # fmt: skip
        tried = an_attempted(name, boot=ledger.boot, zone=zone, ts_us=decided.ts_us)
        await ledger.append([(decided, None), (tried, None)])
        await ledger.close()

    asyncio.run(write())
    told = ran("audit", "boundary", "--copy", "--ledger", str(paths.ledger), "--as", "json")
    answer = msgspec.json.decode(told.out)
    assert told.code == 1
    crossed = [row for row in answer["rows"] if row["crossings"]]
    assert [row["zone"] for row in crossed] == [zone]
    assert why in crossed[0]["cleared"]


def test_a_log_that_is_not_what_was_signed_answers_nothing(tmp_path: Path) -> None:
    paths = a_flow_log(tmp_path)
    segment = max(paths.folder.journal.iterdir())
    segment.write_bytes(segment.read_bytes().replace(b'"zone":"on_prem"', b'"zone":"on_prom"'))
    for words in ((), ("--prove",)):
        code, answer = asked(paths, *words)
        assert code == 1
        assert "rows" not in answer
        assert "perimeter:" in answer["err"]


def test_an_open_request_counts_as_far_as_it_went(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)

    async def write() -> None:
        log = await FlowLog.open(paths)
        documents = log.stage.worlds.world.documents
        decision = msgspec.structs.replace(a_decision("on_prem"), policy=documents["policy"])
        ts_us = log.stage.house.clock.now_us()
        name, boot = IDS.record_id(), log.ledger.boot
        decided = a_decided(name, boot=boot, decision=decision, documents=documents, ts_us=ts_us)
        tried = an_attempted(name, boot=boot, ts_us=ts_us)
        await log.ledger.append([(decided, None), (tried, None)])
        await log.ledger.close()
        again = await open_ledger(paths, IDS.record_id(), ManualClock(), IDS)
        await again.close()

    asyncio.run(write())
    _, answer = asked(paths)
    assert pairs(answer)[("restricted+pii@DE,FR", "on_prem")] == 1


@pytest.mark.parametrize(
    ("zone", "digest", "days", "why"),
    [
        ("frontier", "sha256:signed", 0, ""),
        ("frontier", "sha256:other", 0, "nobody signed"),
        ("elsewhere", "sha256:signed", 0, "nobody signed"),
        ("frontier", "sha256:signed", -2, "had ended"),
        ("frontier", "sha256:signed", 1, "had not begun"),
    ],
    ids=["signed", "another statement", "another zone", "ended", "not begun"],
)
def test_what_persons_granted_is_told_and_only_what_they_signed(
    tmp_path: Path, zone: str, digest: str, days: int, why: str
) -> None:
    paths = a_new_ledger(tmp_path)

    async def write() -> None:
        log = await FlowLog.open(paths)
        ledger, name = log.ledger, IDS.record_id()
        begins = log.stage.house.clock.now_us() + days * DAY_US
        times = {"from_us": begins, "until_us": begins + DAY_US}
        statement = a_statement(Action.WAIVER, scope=WAIVED | {"zone": zone}, **times)
        approved = Approved(statement, "sha256:signed", "ada", ("bob",))
        await ledger.record("approval_used", facts_of(approved, "sha256:00"))
        policy = await ledger.store_document(a_policy(), "policy")
        decided = a_decided(
            name,
            boot=ledger.boot,
            decision=msgspec.structs.replace(a_decision("frontier"), policy=policy),
            documents={"policy": policy},
            ts_us=log.stage.house.clock.now_us(),
            granted=a_grant(digest, zone="frontier"),
        )
        tried = an_attempted(name, boot=ledger.boot, zone="frontier", ts_us=decided.ts_us)
        await ledger.append([(decided, None), (tried, None)])
        await ledger.close()

    asyncio.run(write())
    code, answer = asked(paths)
    (row,) = [one for one in answer["rows"] if one["attempts"]]
    assert (code, row["crossings"]) == ((1, 1) if why else (0, 0))
    assert (why or "no: 1 were granted") in row["cleared"]
    assert any("persons had granted" in note for note in answer["notes"]) is not bool(why)
    told = ran("audit", "waivers", "--copy", "--ledger", str(paths.ledger), "--as", "json")
    (used,) = msgspec.json.decode(told.out)["rows"]
    assert (used["granted"], used["zone"]) == (f"waiver:{digest}", "frontier")
    assert used["attempts"] == 1
