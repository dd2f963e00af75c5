"""`perimeter replay` and `perimeter explain` answer from a ledger on disk, honest or not."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.cli import main
from gateway.domain.decision import Effect
from gateway.ledger.paths import LedgerPaths
from tests.doubles.ledgers import a_boot, a_new_ledger
from tests.doubles.records import a_decided, a_decision, an_attempted, an_id
from tests.flow.test_replay import a_store, recorded

ID = an_id("one")


def a_ledger(tmp_path: Path, **forged) -> LedgerPaths:
    """Write one decision of the flow, with some fields replaced, into a new ledger."""
    paths = a_new_ledger(tmp_path)
    store = a_store()

    async def write() -> None:
        async with a_boot(paths) as ledger:
            for value in store.values():
                await ledger.store_document(value)
            record = replace(recorded(store), id=ID, boot=ledger.boot)
            await ledger.append([(replace(record, **forged), None)])

    asyncio.run(write())
    return paths


def ask(command: str, paths: LedgerPaths, record: str = ID) -> int:
    return main([command, record, "--ledger", str(paths.ledger)])


def test_an_honest_record_is_replayed_and_the_log_is_not_said_to_be_verified(
    tmp_path: Path, capsys
) -> None:
    paths = a_ledger(tmp_path)
    for command, told in (("replay", "the same decision"), ("explain", "still open")):
        assert ask(command, paths) == 0
        out = capsys.readouterr().out
        assert told in out
        assert "perimeter verify says whether it is whole" in out
    for command in ("replay", "explain"):
        assert ask(command, paths, an_id("nobody")) == 1
        assert "no such record" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ({"facts": None}, "the decision cannot be made again: the record holds no facts"),
        ({"ask": None}, "the decision cannot be made again: the record holds no facts"),
        ({"documents": {}}, "the decision cannot be made again: the record names no policy"),
        ({"decision": a_decision("on_prem")}, "names another policy than the record"),
        ({"raised_by": ("x\x1b[2J",)}, r"raised_by: recorded x\x1b[2J, now"),
    ],
)
def test_a_forged_record_is_told_in_a_sentence(
    tmp_path: Path, capsys, forged: dict, why: str
) -> None:
    paths = a_ledger(tmp_path, **forged)
    assert ask("replay", paths) == 1
    told = capsys.readouterr()
    assert why in told.err
    assert "same decision" not in told.out


def test_a_document_that_is_gone_makes_the_ledger_unusable(tmp_path: Path, capsys) -> None:
    paths = a_ledger(tmp_path)
    for document in paths.folder.documents.iterdir():
        document.write_bytes(b"[]")
    assert ask("replay", paths) == 2
    assert "is not what its digest says" in capsys.readouterr().err


def test_a_request_that_was_refused_before_policy_spoke_has_nothing_to_replay(
    tmp_path: Path, capsys
) -> None:
    refused = replace(a_decision(effect=Effect.REFUSED), reason="malformed")
    nothing = {"ask": None, "facts": None, "signals": (), "label": None, "candidates": ()}
    paths = a_ledger(tmp_path, decision=refused, **nothing)
    assert ask("replay", paths) == 0
    assert "refused before policy spoke" in capsys.readouterr().out


def test_explain_escapes_what_the_log_says(tmp_path: Path, capsys) -> None:
    paths = a_new_ledger(tmp_path)
    nasty = "x\x1b[2J\nwhole: everything\u202e"

    async def write() -> None:
        async with a_boot(paths) as ledger:
            decided = a_decided("one", boot=ledger.boot, candidates=(nasty,))
            tried = an_attempted("one", boot=ledger.boot, offering=nasty)
            await ledger.append([(decided, None), (tried, None)])

    asyncio.run(write())
    assert ask("explain", paths) == 0
    out = capsys.readouterr().out
    assert r"Attempt 1: x\x1b[2J\nwhole: everything\u202e in zone on_prem." in out
    assert not {"\x1b", "\u202e"} & set(out)
