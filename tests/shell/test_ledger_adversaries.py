"""The cases of the adversary list that the ledger alone answers; its other tests go further."""

import sqlite3
from pathlib import Path

import pytest
from msgspec import structs

from gateway.audit import checkpoint
from gateway.audit.canonical import commit
from gateway.audit.tree import Head, consistency_proof, leaf_hash, root_of, verify_consistency
from gateway.audit.verify import Verdict, verify
from gateway.domain.errors import LedgerUnavailable, TooLarge
from gateway.ledger import signing
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from tests.doubles.ledgers import a_boot, a_new_ledger, a_request, check_log, serve
from tests.doubles.records import a_decided, a_person

pytestmark = pytest.mark.anyio


def entries_of(paths: LedgerPaths) -> list[bytes]:
    return [stored.entry for stored in Reading(paths.folder)]


async def test_adv_74_no_text_in_a_record_can_look_like_another_record(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    nasty = 'x"}\n{"type":"admin"}\x1b[2J\u202e=HYPERLINK("x")'
    async with a_boot(paths) as ledger:
        decided = a_decided("r", boot=ledger.boot, key_id=nasty, raised_by=(nasty,))
        await ledger.append([(decided, a_person(nasty))])
        found = ledger.reader.record_of(decided.id)
        assert found is not None
        assert found.decided.raised_by == (nasty,)
    assert check_log(paths).admin == 4
    assert all(byte >= 0x20 for entry in entries_of(paths) for byte in entry)


async def test_adv_76_cutting_the_end_and_signing_again_contradicts_an_older_checkpoint(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
    entries = entries_of(paths)
    leaves = [leaf_hash(entry) for entry in entries]
    key = signing.load(paths.signing_key)
    anchored = checkpoint.verify(paths.folder.checkpoint.read_text(), key.vkey)
    shorter = entries[:-3]
    text = checkpoint.body(key.name, len(shorter), root_of(map(leaf_hash, shorter)))
    note = checkpoint.sign(text, key.name, key.private)
    assert verify(shorter, note, str(key.vkey)).verdict is Verdict.WHOLE
    report = verify(shorter, note, str(key.vkey), [Head(anchored.size, anchored.root)])
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, len(shorter))
    forged = [*leaves[:-3], *(leaf_hash(b"another end") for _ in range(5))]
    proof = consistency_proof(forged, len(leaves))
    longer = Head(len(forged), root_of(forged))
    assert not verify_consistency(Head(anchored.size, anchored.root), longer, proof)


async def test_adv_80_a_history_made_anew_with_the_key_contradicts_what_others_saw(
    tmp_path: Path,
) -> None:
    """Whoever has the key signs what he likes; a head that somebody else keeps convicts it."""
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
    key = signing.load(paths.signing_key)
    seen = checkpoint.verify(paths.folder.checkpoint.read_text(), key.vkey)
    other = a_new_ledger(tmp_path / "other")
    async with a_boot(other) as ledger:
        for _ in range(3):
            await serve(ledger)
    forged = entries_of(other)
    assert len(forged) > seen.size
    text = checkpoint.body(key.name, len(forged), root_of(map(leaf_hash, forged)))
    note = checkpoint.sign(text, key.name, key.private)
    report = verify(forged, note, str(key.vkey), [Head(seen.size, seen.root)])
    assert report.verdict is Verdict.TAMPERED


async def test_adv_77_replacing_the_index_changes_no_evidence(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        before, after = a_request(ledger)
        await ledger.append([*before, *after])
    with sqlite3.connect(paths.folder.index) as sql:
        sql.execute("UPDATE entries SET id = 'somebody else' WHERE id = ?", (before[0][0].id,))
    sql.close()
    check_log(paths)
    async with a_boot(paths):
        pass
    check_log(paths)


async def test_adv_79_an_index_is_given_once_and_without_a_gap(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    receipts = []
    async with a_boot(paths) as ledger:
        receipts += [(await serve(ledger)).index for _ in range(3)]
    async with a_boot(paths) as ledger:
        receipts += [(await serve(ledger)).index for _ in range(3)]
    assert receipts == [4, 7, 10, 15, 18, 21]
    assert [stored.index for stored in Reading(paths.folder)] == list(range(23))


async def test_adv_82_what_stands_in_a_record_cannot_be_guessed(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    person = a_person("eva@corp.example")
    async with a_boot(paths) as ledger:
        await serve(ledger, person)
    text = b"".join(entries_of(paths))
    for guess in (person.subject, person.address, person.repo):
        for plain in (commit(bytes(16), guess.encode()), guess):
            assert plain.encode() not in text


async def test_adv_83_a_record_that_is_too_large_is_refused_and_never_cut(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        before, _ = a_request(ledger, a_person())
        huge = structs.replace(before[0][0], key_id="k" * 70_000)
        with pytest.raises(TooLarge):
            await ledger.append([(huge, a_person())])
    assert check_log(paths).decided == 0


async def test_adv_84_a_float_never_enters_a_record(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        with pytest.raises(LedgerUnavailable):
            await ledger.record("quarantined", {"cost": 0.1})
    check_log(paths)
