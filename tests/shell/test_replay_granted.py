"""A decision that was made with a grant is the same only where the log says who signed that."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.app.granting import grant_of
from gateway.app.moment import EPOCH
from gateway.audit.record import Admin, Decided
from gateway.cli import main
from gateway.domain.approval import Action, Approved, Statement
from gateway.domain.decision import Scan
from gateway.domain.request import Ask
from gateway.flow.opening import Stamp, decided, personal_of
from gateway.flow.ruling import gather, rule
from gateway.ledger.paths import LedgerPaths
from gateway.stores.standing import USED, active_of, facts_of
from tests.doubles.houses import an_envelope, chat
from tests.doubles.ledgers import a_boot, a_new_ledger
from tests.doubles.records import an_id
from tests.doubles.signatories import a_statement
from tests.flow.test_replay import NOW, SALT, a_store, a_world

ID = an_id("one")
SIGNED = an_id("signed")
NOW_US = (NOW - EPOCH) // timedelta(microseconds=1)
SCOPES = {
    Action.BREAK_GLASS: {"zone": "frontier", "label": "confidential", "uses": "2"},
    Action.WAIVER: {
        "zone": "frontier",
        "from": "confidential",
        "to": "internal",
        "uses": "2",
        "team": "core",
    },
}


def a_grant_of(action: Action, **scope: str) -> Statement:
    times = {"from_us": NOW_US - 1, "until_us": NOW_US + 3_600_000_000}
    return a_statement(action, scope=SCOPES[action] | scope, **times)


def taken(statement: Statement, digest: str, *approvers: str) -> dict[str, Any]:
    return facts_of(Approved(statement, digest, "ada", approvers or ("bob", "cleo")), "sha256:00")


def made_with(store: dict[str, Any], statement: Statement, digest: str) -> Decided:
    """A decision as serving makes it, with what the statement grants."""
    world = a_world(store)
    approved = Approved(statement, digest, "ada", ("bob", "cleo"))
    grant = grant_of(digest, active_of(approved), world.vocabulary)
    world = replace(world, grants=(grant,))
    caller = {"repos": ("website",), "team": "core"}
    claims = {"label": "confidential"}
    envelope = an_envelope(chat("claude-opus"), caller=caller, claims=claims)
    ruling = rule(gather(envelope, Ask("claude-opus"), Scan(), world), world, NOW)
    assert ruling.grant == grant
    record = decided(Stamp(NOW, "b"), world, envelope, personal_of(envelope, SALT), ruling)
    return replace(record, id=ID)


def a_ledger(
    tmp_path: Path, store: dict[str, Any], record: Decided, *facts: dict[str, Any], last: bool
) -> LedgerPaths:
    """Write the decision, and before it (or last) what the log says that persons signed."""
    paths = a_new_ledger(tmp_path)

    async def write() -> None:
        async with a_boot(paths) as ledger:
            for value in store.values():
                await ledger.store_document(value)
            told = [(Admin(SIGNED, record.ts_us, ledger.boot, USED, one), None) for one in facts]
            own = [(replace(record, boot=ledger.boot), None)]
            await ledger.append([*own, *told] if last else [*told, *own])

    asyncio.run(write())
    return paths


def replayed(paths: LedgerPaths) -> int:
    return main(["replay", ID, "--ledger", str(paths.ledger)])


@pytest.mark.parametrize("action", list(SCOPES))
def test_what_was_signed_is_replayed_and_its_record_named(
    tmp_path: Path, capsys, action: Action
) -> None:
    store, statement = a_store(), a_grant_of(action)
    record = made_with(store, statement, "sha256:01")
    other = taken(a_grant_of(action, uses="7"), "sha256:02")
    paths = a_ledger(tmp_path, store, record, other, taken(statement, "sha256:01"), last=False)
    assert replayed(paths) == 0
    told = capsys.readouterr().out
    assert "the same decision" in told
    assert f"was signed: record {SIGNED}, number " in told


NOT_SIGNED: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "another statement": [taken(a_grant_of(Action.BREAK_GLASS), "sha256:02")],
    "another zone": [taken(a_grant_of(Action.BREAK_GLASS, zone="on_prem"), "sha256:01")],
    "a lower label": [taken(a_grant_of(Action.BREAK_GLASS, label="internal"), "sha256:01")],
    "a label that nobody knows": [taken(a_grant_of(Action.BREAK_GLASS, label="x"), "sha256:01")],
    "other uses": [taken(a_grant_of(Action.BREAK_GLASS, uses="1"), "sha256:01")],
    "uses that are no number": [taken(a_grant_of(Action.BREAK_GLASS, uses="x"), "sha256:01")],
    "one team": [taken(a_grant_of(Action.BREAK_GLASS, team="core"), "sha256:01")],
    "a waiver": [taken(a_grant_of(Action.WAIVER), "sha256:01")],
    "one person": [taken(a_grant_of(Action.BREAK_GLASS), "sha256:01", "bob")],
    "the same person twice": [taken(a_grant_of(Action.BREAK_GLASS), "sha256:01", "bob", "bob")],
    "who asked": [taken(a_grant_of(Action.BREAK_GLASS), "sha256:01", "bob", "ada")],
    "a closing": [
        taken(a_statement(Action.CLOSE_ZONE, scope={"zone": "frontier"}), "sha256:01"),
    ],
    "a scope without words": [
        taken(a_grant_of(Action.BREAK_GLASS), "sha256:01") | {"scope": {}},
    ],
    "no scope": [taken(a_grant_of(Action.BREAK_GLASS), "sha256:01") | {"scope": 7}],
    "times beyond every calendar": [
        taken(a_grant_of(Action.BREAK_GLASS), "sha256:01") | {"until_us": 2**62},
    ],
}


@pytest.mark.parametrize("name", NOT_SIGNED)
def test_what_nobody_signed_so_is_told(tmp_path: Path, capsys, name: str) -> None:
    store = a_store()
    record = made_with(store, a_grant_of(Action.BREAK_GLASS), "sha256:01")
    assert replayed(a_ledger(tmp_path, store, record, *NOT_SIGNED[name], last=False)) == 1
    told = capsys.readouterr()
    assert "granted: recorded break_glass:sha256:01, and no record before this one" in told.err
    assert "same decision" not in told.out


def test_what_was_signed_afterwards_was_not_signed_then(tmp_path: Path, capsys) -> None:
    store, statement = a_store(), a_grant_of(Action.BREAK_GLASS)
    record = made_with(store, statement, "sha256:01")
    paths = a_ledger(tmp_path, store, record, taken(statement, "sha256:01"), last=True)
    assert replayed(paths) == 1
    assert "no record before this one" in capsys.readouterr().err


def test_a_grant_that_was_cut_out_of_the_record_is_another_decision(tmp_path: Path, capsys) -> None:
    store, statement = a_store(), a_grant_of(Action.BREAK_GLASS)
    record = replace(made_with(store, statement, "sha256:01"), granted=UNSET)
    paths = a_ledger(tmp_path, store, record, taken(statement, "sha256:01"), last=False)
    assert replayed(paths) == 1
    assert "reason: recorded granted" in capsys.readouterr().err
