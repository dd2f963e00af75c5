"""What root on the host can still do, as docs/roles.md says it, and what shows or convicts him.

That a history which was cut off or signed anew is convicted by a checkpoint that a witness or a
bucket kept is shown in test_anchors.py and test_ledger_adversaries.py.
"""

import sqlite3
from base64 import b64decode
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.audit.canonical import decode
from gateway.audit.record import Admin, Decided
from gateway.audit.verify import Verdict
from gateway.ledger.ledger import field_of
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from gateway.ledger.subject_keys import KeyGone, SubjectKeys, open_keys
from gateway.ledger.verify import verify_folder
from gateway.ledger.wrapping import FileWrapper
from tests.doubles.key_service import ServiceWrapper, key_service
from tests.doubles.ledgers import ORIGIN, a_boot, a_new_ledger, check_log, serve
from tests.doubles.records import a_person

pytestmark = pytest.mark.anyio
WHO = "ada@example.com"


async def served(root: Path) -> tuple[LedgerPaths, Decided]:
    paths = a_new_ledger(root)
    async with a_boot(paths) as ledger:
        await serve(ledger, a_person(WHO))
    found = (decode(stored.entry) for stored in Reading(paths.folder))
    return paths, next(one for one in found if isinstance(one, Decided))


def files_in(root: Path) -> dict[Path, bytes]:
    return {one: one.read_bytes() for one in root.rglob("*") if one.is_file()}


async def test_a_program_of_his_own_opens_what_is_sealed_and_nothing_shows_it(
    tmp_path: Path,
) -> None:
    paths, record = await served(tmp_path)
    before = files_in(tmp_path)
    assert record.sealed is not None
    wrapping = b64decode(paths.wrapping.read_text().strip().rpartition("+1+")[2])
    with closing(sqlite3.connect(f"file:{paths.subject_keys}?mode=ro", uri=True)) as sql:
        wrapped, who, month = sql.execute(
            "SELECT key, pseudonym, month FROM keys WHERE id = ?", (record.sealed.key,)
        ).fetchone()
    place = f"key|{record.sealed.key}|{who}|{month}".encode()
    key = AESGCM(wrapping).decrypt(wrapped[:12], wrapped[12:], place)
    bound = f"{ORIGIN}|{record.id}|decided".encode()
    nonce, data = b64decode(record.sealed.nonce), b64decode(record.sealed.data)
    personal = msgspec.json.decode(AESGCM(key).decrypt(nonce, data, bound))
    assert personal["subject"] == WHO
    assert before == files_in(tmp_path)


async def test_where_a_key_service_wraps_it_has_seen_him_ask(tmp_path: Path) -> None:
    with key_service() as service:
        service.keys["one"] = FileWrapper(b"1" * 32)
        wrapper = ServiceWrapper(service, "one")
        keys = SubjectKeys.make(tmp_path / "keys.sqlite", ORIGIN, wrapper)
        key = keys.key(WHO, "2026-11")
        keys.close()
        asked = len(service.asked)
        again = SubjectKeys.open(tmp_path / "keys.sqlite", ORIGIN, wrapper)
        assert again.cipher_of(key.id) is not None
        again.close()
        assert service.asked[asked:] == ["unwrap", "unwrap"]


async def test_keys_that_he_deletes_are_missed_and_no_record_accounts_for_them(
    tmp_path: Path,
) -> None:
    paths, record = await served(tmp_path)
    with closing(sqlite3.connect(paths.subject_keys)) as sql, sql:
        sql.execute("DELETE FROM keys")
    assert record.sealed is not None
    with closing(open_keys(paths, ORIGIN)) as keys, pytest.raises(KeyGone):
        keys.open_sealed(record.sealed, field_of(record))
    stored = [decode(one.entry) for one in Reading(paths.folder)]
    told = [one for one in stored if isinstance(one, Admin)]
    assert record.sealed.key in [one.facts.get("key") for one in told]
    assert [one for one in told if one.what == "erased"] == []
    check_log(paths)


async def test_a_ledger_that_he_cut_off_or_deleted_no_longer_fits_what_somebody_kept(
    tmp_path: Path,
) -> None:
    paths, _ = await served(tmp_path)
    kept = paths.folder.checkpoint.read_text()
    fresh = a_new_ledger(tmp_path / "anew")
    for begun in (paths, fresh):
        assert verify_folder(begun.ledger).verdict is Verdict.WHOLE
    assert verify_folder(paths.ledger, kept=[kept]).verdict is Verdict.WHOLE
    assert verify_folder(fresh.ledger, kept=[kept]).verdict is not Verdict.WHOLE
    segment = paths.folder.segment(paths.folder.segments()[-1])
    segment.write_bytes(segment.read_bytes()[:-400])
    assert verify_folder(paths.ledger, kept=[kept]).verdict is Verdict.TAMPERED
