"""Shards and announced keys as a gateway writes them, for the verifier that stands alone."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit import checkpoint
from gateway.audit.canonical import digest_of
from gateway.audit.checkpoint import NoteRefused, parse, parse_vkey, vkey_of
from gateway.audit.cosignature import text_of
from gateway.audit.record import Personal
from gateway.audit.verify import Verdict
from gateway.cli.export import shard_sources
from gateway.domain.errors import ChainBroken
from gateway.export.bundle import About
from gateway.export.chain import write_bundles
from gateway.export.selection import Asked
from gateway.export.static_log import write_static_log
from gateway.ledger import pruning, signing
from gateway.ledger.files import Files
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.shards import shards
from gateway.ledger.signers import KeyFiles
from gateway.ledger.verify import verify_folder
from tests.doubles.chains import told_pruned, with_one_open
from tests.doubles.gateway_folders import ran
from tests.doubles.ledgers import a_boot, a_new_ledger, a_request, check_log, serve
from tests.doubles.records import NOW_US, a_person
from tests.doubles.static_logs import judged

pytestmark = pytest.mark.anyio
ABOUT = About("f" * 32, NOW_US, "Perimeter test")


async def test_each_shard_of_a_chain_is_whole_and_carries_on_what_was_open(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path / "gw")
    async with a_boot(paths) as ledger:
        await with_one_open(ledger)
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
        await told_pruned(ledger, first)
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


async def test_what_no_entry_could_hold_goes_along_sealed_and_is_checked(tmp_path: Path) -> None:
    """In the first shard and in the next, whose blobs lie in the folder of the first."""
    paths, large = a_new_ledger(tmp_path / "gw"), a_large_person()
    async with a_boot(paths) as ledger:
        await serve(ledger, large)
        await ledger.hand_over()
        await serve(ledger, large)
    out = exported(paths, tmp_path / "out")
    kept = {path.name for path in paths.folder.blobs.iterdir()}
    gone = {path.name: path for path in out.glob("*/blobs/*")}
    assert gone.keys() == kept
    assert len(kept) >= 4
    assert not any(b"canary" in path.read_bytes() for path in out.rglob("*") if path.is_file())
    for folder in (path.parent for path in out.glob("*/blobs")):
        report = judged(folder, vkey=None)
        assert (report["verdict"], report["blobs"] > 0) == ("whole", True), report


async def test_a_blob_that_was_changed_names_the_record_and_so_does_one_that_is_gone(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path / "gw")
    async with a_boot(paths) as ledger:
        before, after = a_request(ledger, a_large_person())
        await ledger.append([before[0]])
        await ledger.append([(record, None) for record, _ in [*before[1:], *after]])
    [source] = paths.folder.blobs.iterdir()
    out = exported(paths, tmp_path / "out")
    [copy] = out.glob("blobs/*")
    whole = copy.read_bytes()
    copy.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    report = judged(out, vkey=None)
    assert (report["verdict"], report["first_bad"]) == ("tampered", 3), report
    assert "record 3: the blob sha256:" in report["reason"]
    assert report["reason"].endswith("is not what its digest says")
    copy.unlink()
    report = judged(out, vkey=None)
    assert (report["verdict"], report["first_bad"]) == ("tampered", 3), report
    source.write_bytes(b"x")
    with pytest.raises(ChainBroken, match="is not what its digest says"):
        exported(paths, tmp_path / "bent")
    source.unlink()
    report = judged(exported(paths, tmp_path / "without"), vkey=None)
    assert (report["verdict"], report["first_bad"]) == ("tampered", 3), report
    own = verify_folder(paths.ledger)
    assert (own.verdict, own.first_bad) == (Verdict.TAMPERED, 3), own
    assert "the blob sha256:" in own.reason


async def test_a_pruned_shard_stays_in_an_export_as_its_hashes(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path / "gw")
    async with a_boot(paths) as ledger:
        await serve(ledger, a_large_person())
        await ledger.hand_over()
        first, _ = shards(paths.folder)
        sealed = await told_pruned(ledger, first)
        await serve(ledger, a_large_person())
        pruning.drop(first, Files())
    check_log(paths)
    said = ran("ledger", "tiles", str(paths.ledger), str(tmp_path / "tiles"))
    assert (said.code, said.err) == (0, "")
    assert f"{sealed.size} hashes of pruned records as tiles" in said.out
    [_, other] = shards(paths.folder)
    assert f"not in it: {other.root}, a later shard" in said.out
    alone = ran("ledger", "tiles", str(other.root), str(tmp_path / "later"))
    assert " records as tiles" in alone.out
    assert "not in it" not in alone.out
    out = exported(paths, tmp_path / "out")
    named = msgspec.json.decode((out / "SHARDS.json").read_bytes())
    assert len(named) == 2
    assert named["0001"] == digest_of((out / "0001" / "checkpoint").read_bytes())
    [later] = [out / name for name in named if name != "0001"]
    assert judged(later, vkey=None)["verdict"] == "whole"
    report = judged(out / "0001", "--told-by", later, vkey=None)
    assert (report["verdict"], report["records"], report["size"]) == ("whole", 1, sealed.size)
    assert report["pruned_as_told_by"] is not None
    assert not (out / "0001" / "blobs").exists()


def a_large_person() -> Personal:
    """Somebody of whom more is told than an entry can hold."""
    return replace(a_person(), metadata={"user_id": "x" * 60_000})


def exported(paths: LedgerPaths, out: Path) -> Path:
    key = signing.load(paths.signing_key)
    write_bundles(list(shard_sources(paths.folder, key)), Asked(), ABOUT, out)
    return out
