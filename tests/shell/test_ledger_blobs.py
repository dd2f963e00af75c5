"""What is personal and too large for an entry lies beside the log, sealed, by its digest."""

from pathlib import Path

import pytest
from msgspec import UNSET, structs

from gateway.audit.canonical import decode
from gateway.audit.record import Decided, Personal
from gateway.audit.verify import Verdict
from gateway.domain.decision import Finding
from gateway.domain.errors import LedgerUnavailable, TooLarge
from gateway.ledger import blobs
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from gateway.ledger.verify import verify_folder
from tests.doubles.disks import FailingFiles, TracedFiles
from tests.doubles.ledgers import a_boot, a_new_ledger, a_request, check_log, serve
from tests.doubles.records import a_person

pytestmark = pytest.mark.anyio
# WHY: as many as the detectors tell of one request: 256 hits, and 1,024 that are only tags.
FINDINGS = 1_280


def a_person_with_many_findings() -> Personal:
    path = "/messages/12/content/3/input/" + "deeply/nested/" * 8
    many = (
        Finding("secrets", "iban", f"{path}{number}", number, number + 22, "f" * 32)
        for number in range(FINDINGS)
    )
    return structs.replace(a_person(), findings=tuple(many))


def decided(paths: LedgerPaths) -> Decided:
    found = (decode(stored.entry) for stored in Reading(paths.folder))
    return next(one for one in found if isinstance(one, Decided))


async def test_adv_83_as_many_findings_as_there_can_be_are_recorded_whole(tmp_path: Path) -> None:
    paths, person = a_new_ledger(tmp_path), a_person_with_many_findings()
    async with a_boot(paths) as ledger:
        await serve(ledger, person)
        record = decided(paths)
        assert record.sealed is not None
        assert record.sealed.data == ""
        assert await ledger.personal_of(record) == person
    async with a_boot(paths) as ledger:
        assert await ledger.personal_of(decided(paths)) == person
        await ledger.hand_over()
        await serve(ledger, person)
    report = check_log(paths)
    assert report.decided == 2
    assert b"canary" not in b"".join(path.read_bytes() for path in paths.folder.blobs.iterdir())


async def test_a_blob_is_durable_before_the_entry_that_names_it(tmp_path: Path) -> None:
    paths, files = a_new_ledger(tmp_path), TracedFiles()
    async with a_boot(paths, Options(files=files)) as ledger:
        files.trace.clear()
        await ledger.append(a_request(ledger, a_person_with_many_findings())[0])
    begun = files.trace[: files.trace.index("rename checkpoint")]
    assert begun.count("sync folder blobs") == 2
    after = begun[len(begun) - begun[::-1].index("sync folder blobs") :]
    assert after[:3] == ["write", "sync begins", "synced"]


@pytest.mark.parametrize("operation", ["create", "write", "sync", "rename", "sync_folder"])
async def test_a_blob_that_cannot_be_written_refuses_the_request(
    tmp_path: Path, operation: str
) -> None:
    paths, files = a_new_ledger(tmp_path), FailingFiles()
    async with a_boot(paths, Options(files=files)) as ledger:
        files.failing = {operation}
        with pytest.raises(LedgerUnavailable, match="personal fields"):
            await ledger.append(a_request(ledger, a_person_with_many_findings())[0])
        files.failing = set()
        await serve(ledger, a_person_with_many_findings())
    assert check_log(paths).decided == 1


async def test_a_blob_that_was_changed_and_one_that_is_gone_name_the_record(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await ledger.append(a_request(ledger, a_person_with_many_findings())[0])
    record = decided(paths)
    assert record.sealed is not None
    blob = blobs.place_of(paths.folder.blobs, str(record.sealed.blob))
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    report = verify_folder(paths.ledger)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 3)
    assert "is not what its digest says" in report.reason
    blob.unlink()
    report = verify_folder(paths.ledger)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 3)
    assert "is missing" in report.reason
    async with a_boot(paths) as ledger:
        assert ledger.personal(decided(paths)) is None


async def test_adv_83_what_is_larger_than_a_blob_is_refused_and_never_cut(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(blobs, "BLOB_BYTES_MAX", 50_000)
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        with pytest.raises(TooLarge):
            await ledger.append(a_request(ledger, a_person_with_many_findings())[0])
    assert check_log(paths).decided == 0


async def test_what_an_entry_can_hold_stays_in_it(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger, a_person())
    sealed = decided(paths).sealed
    assert sealed is not None
    assert sealed.blob is UNSET
    assert not paths.folder.blobs.exists()
    assert blobs.check(paths.folder.blobs, "sha256:../../etc") == "has no digest of the right form"
