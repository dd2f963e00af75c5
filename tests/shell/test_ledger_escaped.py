"""A record with newlines, ANSI and bidi marks is stored as it is, and shown escaped everywhere."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.audit.record import Decided
from gateway.cli import main
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reader import Reader
from tests.doubles.ledgers import Pair, a_boot, a_new_ledger, a_request, check_log
from tests.doubles.records import an_admin

pytestmark = pytest.mark.anyio
NASTY = "code\nwhole: forged\r\x1b[2K\u202eevil\u2066\u200b\x00"
SEEN = ("\r", "\x1b", "\u202e", "\u2066", "\u200b", "\x00")


async def a_log_with_a_nasty_record(paths: LedgerPaths) -> str:

    async with a_boot(paths) as ledger:
        before, after = a_request(ledger)
        decided, personal = before[0]
        assert isinstance(decided, Decided)
        assert decided.ask is not None
        nasty: Pair = (
            replace(decided, ask=replace(decided.ask, model=NASTY), run=NASTY, raised_by=(NASTY,)),
            personal,
        )
        await ledger.append([nasty, *before[1:]])
        await ledger.append(after)
        await ledger.append(
            [(an_admin("quarantined", "x", boot=ledger.boot, facts={"b": NASTY}), None)]
        )
    return decided.id


def assert_plain(text: str) -> None:
    assert text
    assert not [mark for mark in SEEN if mark in text]
    assert "\nwhole: forged" not in text


async def test_adv_74_what_a_caller_wrote_moves_no_cursor(tmp_path: Path, capsys) -> None:
    paths = a_new_ledger(tmp_path)
    name = await a_log_with_a_nasty_record(paths)
    check_log(paths)
    found = Reader(paths.folder).record_of(name)
    assert found is not None
    assert found.decided.ask is not None
    assert found.decided.ask.model == NASTY
    for command in (
        ["explain", name, "--ledger", str(paths.ledger)],
        ["explain", "--run", NASTY, "--ledger", str(paths.ledger)],
        ["replay", name, "--ledger", str(paths.ledger)],
        ["verify", str(paths.ledger)],
        ["audit", "explain", name, "--copy", "--ledger", str(paths.ledger)],
    ):
        main(command)
        told = capsys.readouterr()
        assert_plain(told.out + told.err)


async def test_a_bad_record_with_such_marks_is_named_in_one_plain_line(
    tmp_path: Path, capsys
) -> None:
    paths = a_new_ledger(tmp_path)
    await a_log_with_a_nasty_record(paths)
    last = paths.folder.segments()[-1]
    data = paths.folder.segment(last).read_bytes()
    paths.folder.segment(last).write_bytes(data.replace(b"\\u001b[2K", b"\\u001b[1K", 1))
    assert main(["verify", str(paths.ledger)]) == 1
    assert_plain(capsys.readouterr().err)
