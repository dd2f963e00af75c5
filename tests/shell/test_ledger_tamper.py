"""Whoever changes the log on disk is named by `verify`, with the first bad record."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.audit import checkpoint
from gateway.audit.canonical import encode
from gateway.audit.tree import leaf_hash, root_of
from gateway.audit.verify import Verdict
from gateway.ledger import frames, signing
from gateway.ledger.checkpoints import CheckpointStore
from gateway.ledger.frames import HEADER_BYTES
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading, Stored
from gateway.ledger.verify import verify_folder
from tests.doubles.ledgers import a_boot, a_new_ledger, check_log, serve
from tests.doubles.records import a_person, an_admin

POLICY = {"version": 1, "levels": ["public", "restricted"]}


@pytest.fixture(scope="module")
def closed(tmp_path_factory) -> LedgerPaths:
    """A ledger of two boots, closed, with an index that is complete."""
    paths = a_new_ledger(tmp_path_factory.mktemp("closed"))

    async def write() -> None:
        async with a_boot(paths) as ledger:
            await ledger.store_document(POLICY, "policy")
            await serve(ledger, a_person())
        async with a_boot(paths) as ledger:
            await ledger.store_document(POLICY, "policy")
            await serve(ledger)

    asyncio.run(write())
    check_log(paths)
    return paths


@pytest.fixture
def paths(closed: LedgerPaths, tmp_path: Path) -> LedgerPaths:
    root = closed.ledger.parent
    shutil.copytree(root, tmp_path / "copy")
    there = tmp_path / "copy"
    return LedgerPaths(
        ledger=there / "ledger",
        signing_key=there / "keys" / "signing.key",
        checkpoints=there / "trusted" / "checkpoints.sqlite",
        subject_keys=there / "keys" / "subjects.sqlite",
    )


def entries_of(paths: LedgerPaths) -> list[Stored]:
    return list(Reading(paths.folder))


def write_again(paths: LedgerPaths, entries: list[bytes]) -> None:
    """Write a journal of these entries with every mark, length and checksum right."""
    for first in paths.folder.segments():
        paths.folder.segment(first).unlink()
    data = frames.header(0) + b"".join(frames.frame(entry, 0) for entry in entries)
    paths.folder.segment(0).write_bytes(data)


def edited(entries: list[bytes], at: int) -> list[bytes]:
    bent = entries[at].replace(b'"v":1', b'"v":2', 1)
    return [*entries[:at], bent, *entries[at + 1 :]]


def swapped(entries: list[bytes], at: int) -> list[bytes]:
    there = at + 1 if at + 1 < len(entries) else at - 1
    changed = list(entries)
    changed[at], changed[there] = changed[there], changed[at]
    return changed


CHANGES: dict[str, Callable[[list[bytes], int], list[bytes]]] = {
    "edited": edited,
    "deleted": lambda entries, at: [*entries[:at], *entries[at + 1 :]],
    "swapped": swapped,
    "inserted": lambda entries, at: [
        *entries[:at],
        encode(an_admin("quarantined", "forged")),
        *entries[at:],
    ],
    "cut off": lambda entries, at: entries[:at],
}


@pytest.mark.parametrize("how", CHANGES)
def test_adv_77_every_change_to_a_record_names_the_first_bad_one(
    paths: LedgerPaths, how: str
) -> None:
    entries = [stored.entry for stored in entries_of(paths)]
    for at in range(len(entries)):
        changed = CHANGES[how](entries, at)
        write_again(paths, changed)
        report = verify_folder(paths.ledger)
        pairs = zip(changed, entries, strict=False)
        same = min(len(changed), len(entries))
        first = next((i for i, (a, b) in enumerate(pairs) if a != b), same)
        assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, first), report
    write_again(paths, entries)
    check_log(paths)


def test_one_flipped_bit_anywhere_in_the_journal_is_noticed(paths: LedgerPaths) -> None:
    stored = entries_of(paths)
    for first in paths.folder.segments():
        path = paths.folder.segment(first)
        whole = path.read_bytes()
        for at in range(0, len(whole), 7):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            report = verify_folder(paths.ledger)
            hit = [
                one.index
                for one in stored
                if one.place.segment == first and one.place.offset <= max(at, HEADER_BYTES)
            ]
            assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, hit[-1]), report
        path.write_bytes(whole)
    check_log(paths)


def test_a_removed_segment_is_noticed(paths: LedgerPaths) -> None:
    for first in paths.folder.segments():
        path = paths.folder.segment(first)
        whole = path.read_bytes()
        path.unlink()
        report = verify_folder(paths.ledger)
        assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, first), report
        path.write_bytes(whole)


def test_without_the_index_the_range_is_named_or_the_broken_rule(paths: LedgerPaths) -> None:
    paths.folder.index.unlink()
    entries = [stored.entry for stored in entries_of(paths)]
    write_again(paths, edited(entries, 3))
    report = verify_folder(paths.ledger)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 3)
    changed = [entry.replace(b"key-7", b"key-8") for entry in entries]
    write_again(paths, changed)
    report = verify_folder(paths.ledger)
    assert report.verdict is Verdict.TAMPERED
    assert f"0 to {len(entries) - 1}" in report.reason


def test_an_index_that_lies_changes_no_verdict(paths: LedgerPaths) -> None:
    with sqlite3.connect(paths.folder.index) as sql:
        sql.execute("UPDATE entries SET leaf = zeroblob(32) WHERE position = 2")
    check_log(paths)
    paths.folder.index.write_bytes(b"no database at all" * 100)
    check_log(paths)


def test_a_changed_or_removed_document_is_noticed(paths: LedgerPaths) -> None:
    report = check_log(paths)
    [(digest, index)] = report.documents.items()
    path = paths.folder.documents / f"{digest.removeprefix('sha256:')}.json"
    path.write_bytes(path.read_bytes().replace(b"public", b"secret"))
    report = verify_folder(paths.ledger)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, index)
    path.unlink()
    report = verify_folder(paths.ledger)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, index)


def test_a_checkpoint_that_was_changed_is_noticed(paths: LedgerPaths) -> None:
    note = paths.folder.checkpoint.read_text()
    paths.folder.checkpoint.write_text(note.replace("\n", "\n1", 1))
    assert verify_folder(paths.ledger).verdict is Verdict.TAMPERED


def test_adv_80_a_forged_history_needs_the_key_and_the_store_convicts_it(
    paths: LedgerPaths,
) -> None:
    """The holder of the signing key can forge the folder, not the store that lies apart."""
    kept = paths.folder.checkpoint.read_text()
    assert verify_folder(paths.ledger, None, None, [kept]).verdict is Verdict.WHOLE
    assert verify_folder(paths.ledger, None, None, ["nonsense"]).verdict is Verdict.UNREADABLE
    entries = [stored.entry for stored in entries_of(paths)]
    forged = [entry.replace(b"key-7", b"key-8") for entry in entries]
    write_again(paths, forged)
    paths.folder.index.unlink()
    key = signing.load(paths.signing_key)
    text = checkpoint.body(key.name, len(forged), root_of(leaf_hash(entry) for entry in forged))
    paths.folder.checkpoint.write_text(checkpoint.sign(text, key.name, key.private))
    assert verify_folder(paths.ledger).verdict is Verdict.WHOLE
    named = f"one of the records 0 to {len(entries) - 1} is not the sealed one"
    for report in (
        verify_folder(paths.ledger, None, paths.checkpoints),
        verify_folder(paths.ledger, None, None, [kept]),
    ):
        assert (report.verdict, named in report.reason) == (Verdict.TAMPERED, True), report


def test_another_key_than_the_trusted_one_is_noticed(paths: LedgerPaths, tmp_path: Path) -> None:
    other = a_new_ledger(tmp_path / "other")
    trusted = paths.folder.vkey.read_text()
    assert verify_folder(paths.ledger, trusted).verdict is Verdict.WHOLE
    assert verify_folder(other.ledger, trusted).verdict is Verdict.TAMPERED
    assert verify_folder(paths.ledger, "nonsense").verdict is Verdict.UNREADABLE


@pytest.mark.parametrize("gone", ["origin", "vkey"])
def test_what_cannot_be_read_is_said_to_be_unreadable(paths: LedgerPaths, gone: str) -> None:
    (paths.ledger / gone).unlink()
    assert verify_folder(paths.ledger).verdict is Verdict.UNREADABLE


@pytest.mark.parametrize("gone", ["journal", "checkpoint"])
def test_a_ledger_without_what_every_ledger_has_was_tampered_with(
    paths: LedgerPaths, gone: str
) -> None:
    path = paths.ledger / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    report = verify_folder(paths.ledger)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, None)
    assert "missing" in report.reason


def test_no_ledger_is_unreadable(tmp_path: Path, paths: LedgerPaths) -> None:
    assert verify_folder(tmp_path / "nothing").verdict is Verdict.UNREADABLE
    missing = tmp_path / "no.sqlite"
    assert verify_folder(paths.ledger, None, missing).verdict is Verdict.UNREADABLE


def test_an_unsealed_torn_tail_is_told_and_is_no_tampering(paths: LedgerPaths) -> None:
    with paths.folder.segment(paths.folder.segments()[-1]).open("ab") as file:
        file.write(frames.frame(b"{}", 99)[:-1])
    report = verify_folder(paths.ledger, None, paths.checkpoints)
    assert (report.verdict, report.torn, report.unsealed) == (Verdict.WHOLE, True, 0)


def test_a_store_that_does_not_know_the_log_is_named(paths: LedgerPaths, tmp_path: Path) -> None:
    other = a_new_ledger(tmp_path / "other")
    report = verify_folder(other.ledger, None, paths.checkpoints)
    assert report.verdict is Verdict.TAMPERED
    assert "store" in report.reason
    CheckpointStore.make(tmp_path / "empty.sqlite").close()
    report = verify_folder(paths.ledger, None, tmp_path / "empty.sqlite")
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, None)
    assert "store" in report.reason


def test_an_index_without_its_table_changes_no_verdict(paths: LedgerPaths) -> None:
    with sqlite3.connect(paths.folder.index) as sql:
        sql.execute("DROP TABLE entries")
    sql.close()
    check_log(paths)


def test_of_two_faults_the_earlier_is_named(paths: LedgerPaths) -> None:
    entries = [stored.entry for stored in entries_of(paths)]
    write_again(paths, edited(entries, 2))
    path = paths.folder.segment(0)
    path.write_bytes(path.read_bytes()[:-3])
    report = verify_folder(paths.ledger)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 2)
