"""Whoever can write to the ledger's folder can put anything there; a command answers in a line."""

import asyncio
import os
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import checkpoint
from gateway.audit.canonical import encode
from gateway.audit.tree import leaf_hash, root_of
from gateway.audit.verify import Verdict
from gateway.cli import main
from gateway.ledger import frames, signing, torn
from gateway.ledger import verify_shard as verifying
from gateway.ledger.paths import LedgerFolder, LedgerPaths
from gateway.ledger.reader import Reader
from gateway.ledger.reading import Place, Reading
from gateway.ledger.verify import verify_folder
from tests.doubles.ledgers import ORIGIN, a_boot, a_new_ledger, check_log, ledger_paths, serve
from tests.doubles.records import NOW_US, a_decided, a_person, an_admin


@pytest.fixture(scope="module")
def closed(tmp_path_factory) -> LedgerPaths:
    paths = a_new_ledger(tmp_path_factory.mktemp("closed"))

    async def write() -> None:
        async with a_boot(paths) as ledger:
            await ledger.store_document({"version": 1}, "policy")
            await serve(ledger, a_person())
        async with a_boot(paths) as ledger:
            await serve(ledger)

    asyncio.run(write())
    check_log(paths)
    return paths


@pytest.fixture
def paths(closed: LedgerPaths, tmp_path: Path) -> LedgerPaths:
    shutil.copytree(closed.ledger.parent, tmp_path / "copy")
    return ledger_paths(tmp_path / "copy")


def entries_of(paths: LedgerPaths) -> list[bytes]:
    return [stored.entry for stored in Reading(paths.folder)]


def request_of(paths: LedgerPaths) -> str:
    entry = next(one for one in entries_of(paths) if b'"type":"decided"' in one)
    return entry.split(b'"id":"')[1].split(b'"')[0].decode()


def last_segment(paths: LedgerPaths) -> Path:
    return paths.folder.segment(paths.folder.segments()[-1])


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_link_to_zeros(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


PLACES: dict[str, Callable[[LedgerPaths], Path]] = {
    "origin": lambda paths: paths.folder.origin,
    "vkey": lambda paths: paths.folder.vkey,
    "checkpoint": lambda paths: paths.folder.checkpoint,
    "segment": last_segment,
}


@pytest.mark.parametrize("trap", [a_pipe, a_link_to_zeros, a_folder])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_plain_file_is_not_read(paths: LedgerPaths, place: str, trap, capsys) -> None:
    trap(PLACES[place](paths))
    assert main(["verify", str(paths.ledger)]) == 2
    assert capsys.readouterr().err.startswith("unreadable: the ledger cannot be read")


@pytest.mark.parametrize("trap", [a_pipe, a_link_to_zeros, a_folder])
def test_a_document_that_is_no_plain_file_is_missing(paths: LedgerPaths, trap) -> None:
    trap(next(paths.folder.documents.iterdir()))
    assert verify_folder(paths.ledger).verdict is Verdict.TAMPERED


@pytest.mark.parametrize("trap", [a_pipe, a_folder])
def test_an_index_that_is_no_plain_file_changes_no_verdict(paths: LedgerPaths, trap) -> None:
    trap(paths.folder.index)
    check_log(paths)


@pytest.mark.parametrize("place", ["origin", "vkey", "checkpoint"])
def test_a_file_that_is_far_too_large_is_not_read(paths: LedgerPaths, place: str) -> None:
    os.truncate(PLACES[place](paths), 1 << 40)
    assert verify_folder(paths.ledger).verdict is Verdict.UNREADABLE


def test_a_tail_that_no_crash_can_leave_is_tampering(paths: LedgerPaths) -> None:
    size = last_segment(paths).stat().st_size
    os.truncate(last_segment(paths), 40 << 30)
    report = verify_folder(paths.ledger)
    assert report.verdict is Verdict.TAMPERED
    assert "more follows than a crash leaves" in report.reason
    os.truncate(last_segment(paths), size)
    with last_segment(paths).open("ab") as file:
        file.write((frames.MARK + struct.pack(">I", 65_535)) * (torn.TAIL_MARKS_MAX + 9))
    report = verify_folder(paths.ledger)
    assert report.verdict is Verdict.TAMPERED
    assert "more follows than a crash leaves" in report.reason


def test_a_later_group_is_found_across_the_pieces_that_are_read(
    paths: LedgerPaths, monkeypatch
) -> None:
    entry = b"x" * 100
    for piece in (1, 3, 7, 64, 1_000):
        monkeypatch.setattr(torn, "PIECE_BYTES", piece)
        path = paths.ledger / "piece"
        path.write_bytes(b"\xf1P" * 5 + frames.frame(entry, 3) + b"??" + frames.frame(entry, 9))
        with path.open("rb") as file:
            assert torn.look(file, 1, 5) is torn.Rest.LATER
            assert torn.look(file, 1, 9) is torn.Rest.TORN


ODD_INDEXES = (
    "UPDATE entries SET leaf = 'x' WHERE position = 2",
    "UPDATE entries SET leaf = 100000000000 WHERE position = 2",
    "UPDATE entries SET leaf = zeroblob(5000000) WHERE position = 2",
    "UPDATE covered SET size = 'abc'",
    "DELETE FROM covered",
    "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END",
    "DROP TABLE entries; CREATE VIEW entries AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL"
    " SELECT x FROM c) SELECT x AS position, 'a' AS id, 'b' AS type, 0 AS segment, 0 AS offset,"
    " x'00' AS leaf FROM c WHERE x = 0",
)


@pytest.mark.parametrize("change", ODD_INDEXES)
def test_an_odd_index_changes_no_answer(paths: LedgerPaths, change: str) -> None:
    sql = sqlite3.connect(paths.folder.index)
    sql.executescript(change)
    sql.close()
    check_log(paths)
    assert main(["explain", request_of(paths), "--ledger", str(paths.ledger)]) == 0


def test_the_commands_do_not_ask_the_index(paths: LedgerPaths, capsys) -> None:
    wanted = request_of(paths)
    assert main(["explain", wanted, "--ledger", str(paths.ledger)]) == 0
    before = capsys.readouterr().out
    assert "served by qwen3-coder@on_prem" in before
    sql = sqlite3.connect(paths.folder.index)
    sql.executescript("DELETE FROM entries WHERE type <> 'decided'")
    sql.close()
    assert main(["explain", wanted, "--ledger", str(paths.ledger)]) == 0
    assert capsys.readouterr().out == before


@pytest.mark.parametrize("kind", ["attempted", "settled", "decided"])
def test_an_index_hides_no_record_of_a_request_that_it_knows(paths: LedgerPaths, kind: str) -> None:
    wanted = request_of(paths)

    async def hide() -> None:
        async with a_boot(paths) as ledger:
            held = ledger._parts.reader._live.reader._index
            assert held is not None
            held.catch_up(ledger.size)
            held._sql.execute("DELETE FROM entries WHERE id = ? AND type = ?", (wanted, kind))
            found = ledger.reader.record_of(wanted)
            assert found is not None
            assert found.settled is not None
            assert len(found.attempted) == 1

    asyncio.run(hide())


def test_the_origin_in_the_folder_is_that_of_the_key(paths: LedgerPaths) -> None:
    paths.folder.origin.write_text("another/log\n")
    report = verify_folder(paths.ledger, paths.folder.vkey.read_text())
    assert report.verdict is Verdict.TAMPERED
    assert "origin" in report.reason


def test_a_key_that_the_first_record_does_not_name_convicts_the_folder(paths: LedgerPaths) -> None:
    entries = entries_of(paths)
    key = Ed25519PrivateKey.generate()
    text = checkpoint.body(ORIGIN, len(entries), root_of(map(leaf_hash, entries)))
    paths.folder.vkey.write_text(f"{checkpoint.vkey_of(ORIGIN, key)}\n")
    paths.folder.checkpoint.write_text(checkpoint.sign(text, ORIGIN, key))
    report = verify_folder(paths.ledger)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 0)
    assert "another key" in report.reason


def test_a_checkpoint_with_other_line_ends_is_refused(paths: LedgerPaths, tmp_path: Path) -> None:
    changed = paths.folder.checkpoint.read_bytes().replace(b"\n", b"\r\n")
    kept = tmp_path / "kept"
    kept.write_bytes(changed)
    assert main(["verify", str(paths.ledger), "--kept", str(kept)]) == 2
    paths.folder.checkpoint.write_bytes(changed)
    assert verify_folder(paths.ledger).verdict is Verdict.TAMPERED


def put_back_the_first_checkpoint(paths: LedgerPaths, entries: list[bytes]) -> None:
    key = signing.load(paths.signing_key)
    text = checkpoint.body(ORIGIN, 1, leaf_hash(entries[0]))
    paths.folder.checkpoint.write_text(checkpoint.sign(text, ORIGIN, key.private))
    for first in paths.folder.segments():
        paths.folder.segment(first).unlink()
    data = frames.header(0) + b"".join(frames.frame(entry, 0) for entry in entries)
    paths.folder.segment(0).write_bytes(data)


def test_a_rewritten_history_under_an_old_checkpoint_is_noticed(paths: LedgerPaths) -> None:
    first = entries_of(paths)[0]
    boot = an_admin("started")
    many = [a_decided(f"r{number}", ts_us=NOW_US) for number in range(3_000)]
    put_back_the_first_checkpoint(paths, [first, *map(encode, (boot, *many))])
    report = verify_folder(paths.ledger)
    assert report.verdict is Verdict.TAMPERED
    assert "more records follow the checkpoint" in report.reason
    slow = [a_decided(f"r{number}", ts_us=NOW_US + number * 1_000_000) for number in range(60)]
    put_back_the_first_checkpoint(paths, [first, *map(encode, (boot, *slow))])
    assert verify_folder(paths.ledger).verdict is Verdict.TAMPERED


def test_verify_says_what_it_could_not_show(paths: LedgerPaths, capsys) -> None:
    vkey = paths.folder.vkey.read_text().strip()
    kept = str(paths.folder.checkpoint)
    ledger, store = str(paths.ledger), str(paths.checkpoints)
    assert main(["verify", ledger]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].endswith("records, all proven by a signature")
    assert "an older copy that was put back would not be noticed" in out
    assert "agree with the key in its own folder" in out
    for held in (["--checkpoints", store], ["--kept", kept]):
        assert main(["verify", ledger, "--vkey", vkey, *held]) == 0
        assert "without" not in capsys.readouterr().out
    entries = entries_of(paths)
    put_back_the_first_checkpoint(paths, entries)
    assert main(["verify", ledger]) == 0
    unproven = f"{len(entries) - 1} of them not proven by a signature"
    assert unproven in capsys.readouterr().out.splitlines()[0]


def test_records_that_come_while_it_is_verified_are_not_looked_at(
    paths: LedgerPaths, monkeypatch
) -> None:
    size = len(entries_of(paths))
    end_of = verifying._end

    def overtaken(folder: LedgerFolder) -> Place:
        end = end_of(folder)
        with folder.segment(end.segment).open("ab") as file:
            file.write(frames.frame(b"{}", size))
        return end

    monkeypatch.setattr(verifying, "_end", overtaken)
    report = verify_folder(paths.ledger)
    assert (report.verdict, report.records) == (Verdict.WHOLE, size)
    monkeypatch.undo()
    assert verify_folder(paths.ledger).verdict is Verdict.TAMPERED


def test_a_damaged_journal_is_not_taken_for_one_without_the_record(
    paths: LedgerPaths, capsys
) -> None:
    wanted = request_of(paths)
    paths.folder.segment(0).write_bytes(b"")
    assert main(["explain", wanted, "--ledger", str(paths.ledger)]) == 2
    assert "damaged before record 0" in capsys.readouterr().err
    report = verify_folder(paths.ledger)
    assert "header" in report.reason
    paths.folder.checkpoint.write_bytes(b"")
    assert "note" in verify_folder(paths.ledger).reason


def test_a_traceback_is_never_shown(paths: LedgerPaths, capsys, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr(Reader, "record_of", broken)
    for command in ("explain", "replay"):
        assert main([command, "x", "--ledger", str(paths.ledger)]) == 2
        assert capsys.readouterr().err == "perimeter: the ledger cannot be read: RuntimeError\n"
