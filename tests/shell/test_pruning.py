"""A closed shard loses what its records say, and still proves which they were."""

from pathlib import Path

import pytest

from gateway.audit.canonical import decode
from gateway.audit.tree import leaf_hash
from gateway.domain.errors import ChainBroken
from gateway.ledger import pruning
from gateway.ledger.files import Files
from gateway.ledger.paths import LedgerFolder, LedgerPaths
from gateway.ledger.reading import Reading
from tests.doubles.ledgers import a_boot, a_new_ledger, check_log, serve
from tests.doubles.records import NOW_US, a_person

pytestmark = pytest.mark.anyio
FILES = Files()


async def a_closed_log(root: Path) -> tuple[LedgerPaths, LedgerFolder, list[bytes]]:
    """Return a log that nobody writes any more, and its entries."""
    paths = a_new_ledger(root)
    async with a_boot(paths) as ledger:
        for _ in range(3):
            await serve(ledger, a_person())
    check_log(paths)
    return paths, paths.folder, [stored.entry for stored in Reading(paths.folder)]


async def test_the_hashes_stay_and_the_content_goes(tmp_path: Path) -> None:
    _, folder, entries = await a_closed_log(tmp_path)
    assert not pruning.is_pruned(folder)
    sealed = pruning.keep_leaves(folder, FILES)
    assert sealed.size == len(entries)
    assert not pruning.is_pruned(folder)
    pruning.drop(folder, FILES)
    assert pruning.is_pruned(folder)
    assert list(pruning.read_leaves(folder)) == [leaf_hash(entry) for entry in entries]
    assert pruning.check(folder) == ""
    left = b"".join(path.read_bytes() for path in folder.root.rglob("*") if path.is_file())
    assert not [entry for entry in entries[:-1] if entry in left]
    assert pruning.last_of(folder) == decode(entries[-1])
    assert b"sealed" not in left
    assert not list(folder.root.glob("index.sqlite*"))
    assert pruning.leaves_of(folder).stat().st_mode & 0o077 == 0


async def test_the_last_record_stays_and_is_believed_only_as_the_leaves_say(tmp_path: Path) -> None:
    _, folder, entries = await a_closed_log(tmp_path)
    pruning.keep_leaves(folder, FILES)
    last = folder.root / "last"
    for other in (entries[1], entries[-1].replace(b"stopped", b"started"), b"{}", b""):
        last.write_bytes(other)
        assert pruning.last_of(folder) is None
    last.unlink()
    assert pruning.last_of(folder) is None


async def test_what_was_tampered_with_is_not_pruned(tmp_path: Path) -> None:
    _, folder, entries = await a_closed_log(tmp_path)
    segment = folder.segment(folder.segments()[-1])
    whole = segment.read_bytes()
    segment.write_bytes(whole.replace(entries[4], entries[4][:-2] + b" }"))
    with pytest.raises(ChainBroken):
        pruning.keep_leaves(folder, FILES)
    segment.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ChainBroken):
        pruning.keep_leaves(folder, FILES)
    assert not pruning.leaves_of(folder).exists()
    assert segment.exists()


async def test_nothing_is_deleted_without_leaves_that_give_the_signed_root(tmp_path: Path) -> None:
    _, folder, _ = await a_closed_log(tmp_path)
    with pytest.raises(ChainBroken):
        pruning.drop(folder, FILES)
    pruning.keep_leaves(folder, FILES)
    leaves = pruning.leaves_of(folder)
    whole = leaves.read_bytes()
    for bent in (whole[:-32], whole[:-1], whole[32:], b"", whole[:-1] + b"x", whole + bytes(32)):
        leaves.write_bytes(bent)
        assert pruning.check(folder)
        with pytest.raises(ChainBroken):
            pruning.drop(folder, FILES)
        assert folder.segments()
    leaves.write_bytes(whole)
    pruning.drop(folder, FILES)
    assert pruning.check(folder) == ""


async def test_a_checkpoint_that_nobody_signed_proves_no_leaves(tmp_path: Path) -> None:
    _, folder, _ = await a_closed_log(tmp_path)
    pruning.keep_leaves(folder, FILES)
    note = folder.checkpoint.read_text()
    folder.checkpoint.write_text(note.replace("\u2014", "-"))
    assert pruning.check(folder)
    with pytest.raises(ChainBroken):
        pruning.drop(folder, FILES)


async def test_a_prune_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    _, folder, entries = await a_closed_log(tmp_path)
    folder.root.joinpath("leaves.new").write_bytes(b"half")
    pruning.keep_leaves(folder, FILES)
    sealed = pruning.keep_leaves(folder, FILES)
    assert sealed.size == len(entries)
    pruning.drop(folder, FILES)
    pruning.drop(folder, FILES)
    assert pruning.is_pruned(folder)


async def test_a_shard_says_from_when_to_when_it_is(tmp_path: Path) -> None:
    _, folder, _ = await a_closed_log(tmp_path)
    span = pruning.span_of(folder)
    assert span is not None
    assert span.first_us == NOW_US
    assert span.first_us < span.last_us < NOW_US + 1_000_000
    assert span.months == ("2026-11", "2026-11")
    pruning.keep_leaves(folder, FILES)
    pruning.drop(folder, FILES)
    assert pruning.span_of(folder) is None
