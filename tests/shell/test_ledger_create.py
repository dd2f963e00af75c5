"""Only an explicit act makes a ledger."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.audit.checkpoint import parse_vkey
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger import documents, signing
from gateway.ledger.create import create
from gateway.ledger.reading import Reading
from tests.doubles.ledgers import INCEPTION, ORIGIN, a_boot, check_log, ledger_paths, opened
from tests.doubles.records import NOW_US


def test_a_new_ledger_is_whole_and_says_who_it_is(tmp_path: Path) -> None:
    paths = ledger_paths(tmp_path)
    vkey = create(paths, ORIGIN, NOW_US, INCEPTION)
    assert paths.folder.origin.read_text() == f"{ORIGIN}\n"
    assert parse_vkey(paths.folder.vkey.read_text()) == vkey
    report = check_log(paths)
    assert (report.records, report.admin, report.size) == (1, 1, 1)
    [stored] = Reading(paths.folder)
    assert str(vkey).encode() in stored.entry
    assert b'"inception":"2026-11-21"' in stored.entry
    assert repr(signing.load(paths.signing_key)) == f"SigningKey({ORIGIN}, ***)"


@pytest.mark.parametrize("days", [-1, 1])
def test_a_ledger_is_created_on_its_inception_date(tmp_path: Path, days: int) -> None:
    with pytest.raises(LedgerUnavailable, match="2026-11-21"):
        create(ledger_paths(tmp_path), ORIGIN, NOW_US, INCEPTION + timedelta(days=days))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "a\nb", "a|b"])
def test_a_name_that_is_no_origin_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(LedgerUnavailable, match="name"):
        create(ledger_paths(tmp_path), origin, NOW_US, INCEPTION)


def test_what_exists_is_never_overwritten(tmp_path: Path) -> None:
    paths = ledger_paths(tmp_path)
    create(paths, ORIGIN, NOW_US, INCEPTION)
    with pytest.raises(LedgerUnavailable, match="not empty"):
        create(paths, ORIGIN, NOW_US, INCEPTION)
    with pytest.raises(LedgerUnavailable, match="signing key"):
        create(
            ledger_paths(tmp_path / "x").__class__(
                tmp_path / "x", paths.signing_key, paths.checkpoints, paths.subject_keys
            ),
            ORIGIN,
            NOW_US,
            INCEPTION,
        )
    check_log(paths)


def test_a_name_that_the_store_knows_is_refused_and_another_is_taken(tmp_path: Path) -> None:
    first = ledger_paths(tmp_path)
    create(first, ORIGIN, NOW_US, INCEPTION)
    second = type(first)(
        tmp_path / "second", tmp_path / "second.key", first.checkpoints, first.subject_keys
    )
    with pytest.raises(ChainBroken, match="this name already"):
        create(second, ORIGIN, NOW_US, INCEPTION)
    third = type(first)(
        tmp_path / "third", tmp_path / "third.key", first.checkpoints, first.subject_keys
    )
    create(third, "perimeter.example/gw-1", NOW_US, INCEPTION)
    check_log(first)
    check_log(third)


def test_a_disk_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "trusted").write_text("a file where a folder should be")
    with pytest.raises(LedgerUnavailable, match="cannot be created"):
        create(ledger_paths(tmp_path), ORIGIN, NOW_US, INCEPTION)
    (tmp_path / "busy").mkdir()
    (tmp_path / "busy" / "ledger").write_text("a file")
    with pytest.raises(LedgerUnavailable, match="not empty"):
        create(ledger_paths(tmp_path / "busy"), ORIGIN, NOW_US, INCEPTION)


@pytest.mark.anyio
async def test_serving_never_creates_a_ledger(tmp_path: Path) -> None:
    paths = ledger_paths(tmp_path)
    with pytest.raises(LedgerUnavailable, match="no ledger"):
        await opened(paths)
    with pytest.raises(LedgerUnavailable, match="no ledger"):
        await opened(paths)


@pytest.mark.anyio
async def test_a_ledger_whose_parts_are_missing_is_not_opened(tmp_path: Path) -> None:
    paths = ledger_paths(tmp_path)
    create(paths, ORIGIN, NOW_US, INCEPTION)
    for path in (paths.subject_keys, paths.folder.vkey):
        data = path.read_bytes()
        path.unlink()
        with pytest.raises(LedgerUnavailable):
            await opened(paths)
        assert not path.exists()
        path.write_bytes(data)
    async with a_boot(paths) as ledger:
        assert ledger.origin == ORIGIN
        assert ledger.vkey == paths.folder.vkey.read_text().strip()


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:../../etc/passwd", "sha256:" + "A" * 64])
def test_what_is_no_digest_is_no_path(tmp_path: Path, text: str) -> None:
    folder = ledger_paths(tmp_path).folder
    assert not documents.is_digest(text)
    with pytest.raises(ChainBroken):
        documents.load(folder, text)


def test_the_inception_is_a_day() -> None:
    assert date(2026, 11, 21) == INCEPTION
