"""Shards and announced keys as a gateway writes them, for the verifier that stands alone."""

from pathlib import Path

import pytest

from gateway.audit import checkpoint
from gateway.audit.checkpoint import NoteRefused, parse, parse_vkey, vkey_of
from gateway.audit.cosignature import text_of
from gateway.cli.export import shard_sources
from gateway.export.bundle import About
from gateway.export.chain import write_bundles
from gateway.export.selection import Asked
from gateway.export.static_log import write_static_log
from gateway.ledger import pruning, signing
from gateway.ledger.files import Files
from gateway.ledger.shards import shards
from gateway.ledger.signers import KeyFiles
from tests.doubles.ledgers import a_boot, a_new_ledger, a_request, check_log, serve
from tests.doubles.records import NOW_US
from tests.doubles.static_logs import judged

pytestmark = pytest.mark.anyio
ABOUT = About("f" * 32, NOW_US, "Perimeter test")


async def test_each_shard_of_a_chain_is_whole_and_carries_on_what_was_open(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path / "gw")
    async with a_boot(paths) as ledger:
        before, after = a_request(ledger)
        await ledger.append(before)
        await ledger.hand_over()
        await ledger.append(after)
        await ledger.hand_over()
        await serve(ledger)
    own = check_log(paths)
    reports = []
    for number, shard in enumerate(shards(paths.folder)):
        write_static_log(shard, tmp_path / str(number))
        reports.append(judged(tmp_path / str(number), vkey=shard.vkey.read_text()))
    assert [one["verdict"] for one in reports] == ["whole"] * 3, reports
    assert [one["open"] for one in reports] == [1, 0, 0]
    assert sum(one["records"] for one in reports) == own.records
    assert sum(one["settled"] for one in reports) == own.settled == 2


async def test_an_export_of_a_chain_is_a_bundle_for_each_shard(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path / "gw")
    async with a_boot(paths) as ledger:
        await serve(ledger)
        await ledger.hand_over()
        await serve(ledger)
    key = signing.load(paths.signing_key)
    write_bundles(list(shard_sources(paths.folder, key)), Asked(), ABOUT, tmp_path / "out")
    folders = [one for one in (tmp_path / "out").iterdir() if one.is_dir()]
    assert len(folders) == 2
    assert [judged(one, vkey=None)["verdict"] for one in folders] == ["whole"] * 2


async def test_a_log_that_announced_a_key_needs_the_signature_of_that_key(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path / "gw")
    async with a_boot(paths) as ledger:
        await serve(ledger)
    old = signing.load(paths.signing_key)
    KeyFiles(paths.signing_key, Files()).wait()
    async with a_boot(paths) as ledger:
        await serve(ledger)
    check_log(paths)
    write_static_log(paths.folder, tmp_path / "out")
    vkey = paths.folder.vkey.read_text()
    assert judged(tmp_path / "out", vkey=vkey)["verdict"] == "whole"
    text = text_of((tmp_path / "out/checkpoint").read_text())
    (tmp_path / "out/checkpoint").write_text(checkpoint.sign(text, old.name, old.private))
    report = judged(tmp_path / "out", vkey=vkey)
    assert (report["verdict"], report["first_bad"] is not None) == ("tampered", True)
    assert parse(text).size > report["first_bad"]
    with pytest.raises(NoteRefused):
        checkpoint.verify("nothing", parse_vkey(str(vkey_of(old.name, old.private))))


async def test_a_pruned_shard_is_written_as_its_hashes_and_told_of_as_pruned(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path / "gw")
    async with a_boot(paths) as ledger:
        await serve(ledger)
        await ledger.hand_over()
        first, later = shards(paths.folder)
        sealed = pruning.keep_leaves(first, Files())
        told = {"origin": sealed.origin, "size": sealed.size, "root": sealed.root.hex()}
        await ledger.record("pruned", {"shard": "0001", **told})
        pruning.drop(first, Files())
    for name, shard in (("first", first), ("later", later)):
        write_static_log(shard, tmp_path / name)
    (tmp_path / "later" / "vkey").write_text(later.vkey.read_text())
    vkey = first.vkey.read_text()
    assert not (tmp_path / "first/tile/entries").exists()
    assert judged(tmp_path / "first", vkey=vkey)["verdict"] == "tampered"
    report = judged(tmp_path / "first", "--told-by", tmp_path / "later", vkey=vkey)
    assert report["verdict"] == "whole", report
    assert report["pruned_as_told_by"] is not None
