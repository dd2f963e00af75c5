"""The log as tiles in a folder: what is written gives the root that was signed, or nothing is."""

import asyncio
from pathlib import Path

import pytest

from gateway.audit import checkpoint
from gateway.audit.tiles import ENTRIES, TiledTree, tile_at, tiles_of, unbundle
from gateway.audit.tree import Head
from gateway.cli import main
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.export.static_log import write_static_log
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from tests.doubles.ledgers import a_boot, a_new_ledger, serve
from tests.doubles.records import a_person


@pytest.fixture
def paths(tmp_path: Path) -> LedgerPaths:
    paths = a_new_ledger(tmp_path / "gw")

    async def write() -> None:
        async with a_boot(paths) as ledger:
            for _ in range(90):
                await serve(ledger, a_person())

    asyncio.run(write())
    return paths


def test_the_folder_holds_every_tile_and_the_checkpoint_and_nothing_else(
    paths: LedgerPaths, tmp_path: Path
) -> None:
    out = tmp_path / "static"
    sealed = write_static_log(paths.folder, out)
    assert sealed.size > 256
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert names == {"checkpoint", *(tile.path for tile in tiles_of(sealed.size))}
    vkey = checkpoint.parse_vkey(paths.folder.vkey.read_text())
    assert checkpoint.verify((out / "checkpoint").read_text(), vkey) == sealed


def test_the_tiles_hold_the_entries_and_give_the_root_that_was_signed(
    paths: LedgerPaths, tmp_path: Path
) -> None:
    out = tmp_path / "static"
    sealed = write_static_log(paths.folder, out)
    tree = TiledTree(sealed.size, lambda tile: (out / tile.path).read_bytes())
    assert tree.head == Head(sealed.size, sealed.root)
    bundles = [tile for tile in tiles_of(sealed.size) if tile.level == ENTRIES]
    entries = [
        entry for tile in bundles for entry in unbundle((out / tile.path).read_bytes(), tile.width)
    ]
    assert entries == [stored.entry for stored in Reading(paths.folder)]
    assert all(tile_at(tile.path) == tile for tile in bundles)


def test_a_changed_journal_is_not_written_as_a_log(paths: LedgerPaths, tmp_path: Path) -> None:
    segment = paths.folder.segment(0)
    data = segment.read_bytes()
    segment.write_bytes(data[: len(data) - 400])
    with pytest.raises(ChainBroken):
        write_static_log(paths.folder, tmp_path / "static")
    assert not (tmp_path / "static" / "checkpoint").exists()


def test_a_checkpoint_that_the_log_did_not_sign_is_refused(
    paths: LedgerPaths, tmp_path: Path
) -> None:
    paths.folder.checkpoint.write_text("nothing")
    with pytest.raises(ChainBroken):
        write_static_log(paths.folder, tmp_path / "static")


def test_a_folder_that_is_there_is_left_alone(paths: LedgerPaths, tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    with pytest.raises(LedgerUnavailable):
        write_static_log(paths.folder, tmp_path / "static")


def test_the_command_writes_the_log_as_tiles(
    paths: LedgerPaths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "static"
    assert main(["ledger", "tiles", str(paths.ledger), str(out)]) == 0
    assert "records as tiles" in capsys.readouterr().out
    assert main(["ledger", "tiles", str(paths.ledger), str(out)]) == 2
