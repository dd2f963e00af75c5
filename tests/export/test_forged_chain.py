"""Who owns the ledger and its keys hands out several shards; the auditor has the first key."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit.canonical import decode, digest_of
from gateway.cli.export import shard_sources
from gateway.export.bundle import About, Source
from gateway.export.chain import write_bundles
from gateway.export.manifest import Manifest, seal
from gateway.export.selection import Asked
from gateway.ledger import pruning, signing
from gateway.ledger.files import Files
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from gateway.ledger.shards import shards
from gateway.ledger.signers import KeyFiles
from gateway.ledger.verify import verify_folder
from tests.doubles.chains import copied, lived, told_pruned, with_one_open
from tests.doubles.granted import a_grant
from tests.doubles.ledgers import IDS, ORIGIN, a_boot, a_new_ledger, check_log, serve
from tests.doubles.records import NOW_US, a_decided, a_person
from tests.doubles.static_logs import judged
from tests.shell.test_ledger_chain import CHANGES

ABOUT = About("f" * 32, NOW_US, "Perimeter test")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAMES = ("0001", "0002-2026-11", "0003-2026-11")


def exported(paths: LedgerPaths, out: Path, asked: Asked | None = None) -> Path:
    key = signing.load(paths.signing_key)
    write_bundles(list(shard_sources(paths.folder, key)), asked or Asked(), ABOUT, out)
    return out


@pytest.fixture(scope="module")
def chained(tmp_path_factory) -> LedgerPaths:
    return lived(tmp_path_factory.mktemp("chained"), with_one_open)


@pytest.fixture
def paths(chained: LedgerPaths, tmp_path: Path) -> LedgerPaths:
    return copied(chained, tmp_path)


@pytest.fixture
def out(paths: LedgerPaths, tmp_path: Path) -> Path:
    return exported(paths, tmp_path / "out")


def vkey_of(paths: LedgerPaths) -> str:
    return paths.folder.vkey.read_text()


def name_again(out: Path) -> None:
    """Write SHARDS.json over what is there: nobody signs it."""
    told = {}
    for place in (one for one in out.iterdir() if one.is_dir()):
        manifest = place / "MANIFEST.json"
        file = manifest if manifest.exists() else place / "checkpoint"
        told[place.name] = digest_of(file.read_bytes())
    (out / "SHARDS.json").write_bytes(msgspec.json.encode(told))


def test_every_shard_is_whole_from_the_key_of_the_first(paths: LedgerPaths, out: Path) -> None:
    report, own = judged(out, vkey=vkey_of(paths)), check_log(paths)
    assert report["verdict"] == "whole", report
    for name in ("records", "decided", "attempted", "settled", "admin", "open", "lost", "shards"):
        assert report[name] == getattr(own, name), name
    assert judged(out, vkey=None)["verdict"] == "whole"


@pytest.mark.parametrize("how", CHANGES)
def test_whatever_breaks_the_chain_is_noticed_in_its_export_too(
    paths: LedgerPaths, tmp_path: Path, how: str
) -> None:
    """The holder of the key forges the ledger first and exports it then."""
    change, _, first_bad = CHANGES[how]
    change(paths, shards(paths.folder))
    report = judged(exported(paths, tmp_path / "out"), vkey=vkey_of(paths))
    assert report["verdict"] == "tampered", report
    assert report["first_bad"] == first_bad, report


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_named_again", [False, True])
def test_the_bundle_of_a_shard_that_was_dropped_is_missed(
    paths: LedgerPaths, out: Path, name: str, is_named_again: bool
) -> None:
    shutil.rmtree(out / name)
    if is_named_again:
        name_again(out)
    report = judged(out, vkey=vkey_of(paths))
    assert report["verdict"] == "tampered", report
    missed = {NAMES[0]: "before 0002-2026-11", NAMES[1]: "before 0003-2026-11"}.get(name, NAMES[2])
    assert (missed if is_named_again else name) in report["reason"], report


def test_a_list_that_says_other_than_what_is_here_is_noticed(paths, out: Path) -> None:
    place = out / "SHARDS.json"
    whole = msgspec.json.decode(place.read_bytes())
    (first, digest), *_ = whole.items()
    odd = [whole | {first: "sha256:" + "0" * 64}, {}, [], whole | {"../x": digest}, 7]
    for told in odd:
        place.write_bytes(msgspec.json.encode(told))
        assert judged(out, vkey=vkey_of(paths))["verdict"] != "whole", told
    doubled = msgspec.json.encode(whole).replace(b"{", f'{{"{first}":"{digest}",'.encode())
    for data in (b"[" * 10_000, b"\xff", doubled):
        place.write_bytes(data)
        report = judged(out, vkey=vkey_of(paths))
        assert (report["verdict"], report["reason"]) == ("tampered", "SHARDS.json cannot be read")


def test_one_bundle_of_several_says_that_the_others_are_not_here(paths, out: Path) -> None:
    chain = shards(paths.folder)
    told = [
        judged(out / name, vkey=folder.vkey.read_text())
        for name, folder in zip(NAMES, chain, strict=True)
    ]
    assert [one["verdict"] for one in told] == ["whole"] * 3
    beside = [[one for one in report["limits"] if "beside this one" in one] for report in told]
    assert [len(one) for one in beside] == [1, 2, 1], beside
    assert NAMES[2] in beside[1][1]


def test_a_shard_of_which_only_hashes_are_handed_out_is_missed(paths, out: Path) -> None:
    """As if it had been pruned: no record says so."""
    place = out / NAMES[1]
    for path in place.iterdir():
        if path.is_file() and path.name not in {"checkpoint", "vkey"}:
            path.unlink()
    shutil.rmtree(place / "documents")
    name_again(out)
    report = judged(out, vkey=vkey_of(paths))
    assert report["verdict"] == "tampered"
    shutil.rmtree(place / "tile/entries")
    report = judged(out, vkey=vkey_of(paths))
    assert (report["verdict"], report["shard"]) == ("tampered", NAMES[2]), report
    entries = [one.entry for one in Reading(shards(paths.folder)[1])]
    (place / "last").write_bytes(entries[-1])
    report = judged(out, vkey=vkey_of(paths))
    assert (report["verdict"], report["shard"], report["first_bad"]) == ("tampered", NAMES[1], 0)


def test_a_kept_checkpoint_of_any_shard_must_fit_its_shard(paths, out: Path, tmp_path) -> None:
    chain = shards(paths.folder)
    kept = [folder.checkpoint for folder in chain]
    words = [word for path in kept for word in ("--kept", path)]
    report = judged(out, *words, vkey=vkey_of(paths))
    assert (report["verdict"], report["checkpoints"]) == ("whole", 3), report
    later = tmp_path / "later"
    later.write_text(kept[2].read_text().replace("0003-2026-11", "0004-2026-11"))
    report = judged(out, "--kept", later, vkey=vkey_of(paths))
    assert (report["verdict"], "0004-2026-11 is missing" in report["reason"]) == ("tampered", True)


def test_a_kept_checkpoint_of_a_shard_that_began_after_the_time_is_named_as_not_looked_at(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path / "gw")
    asyncio.run(_over_months(paths))
    out = exported(paths, tmp_path / "out", Asked(NOW_US, NOW_US + 10**9))
    later = shards(paths.folder)[2].checkpoint
    report = judged(out, "--kept", later, vkey=vkey_of(paths))
    assert report["verdict"] == "whole"
    assert any("0003-" in one and "not looked at" in one for one in report["limits"]), report
    for other in ("perimeter.example/gw-1/0003-2027-02", f"{ORIGIN}/0001", f"{ORIGIN}/3", ORIGIN):
        (tmp_path / "kept").write_text(f"{other}\n" + later.read_text().partition("\n")[2])
        assert judged(out, "--kept", tmp_path / "kept", vkey=vkey_of(paths))["verdict"] != "whole"


def test_shards_of_exports_of_different_times_are_no_export(paths, out, tmp_path) -> None:
    other = exported(paths, tmp_path / "other", Asked(to_us=NOW_US + 10**12))
    shutil.rmtree(out / NAMES[1])
    shutil.copytree(other / NAMES[1], out / NAMES[1])
    name_again(out)
    report = judged(out, vkey=vkey_of(paths))
    assert (report["verdict"], "different" in report["reason"]) == ("tampered", True)


def times_of(paths: LedgerPaths) -> list[tuple[int, int]]:
    told = []
    for folder in shards(paths.folder):
        times = [decode(one.entry).ts_us for one in Reading(folder)]
        told.append((min(times), max(times)))
    return told


@pytest.mark.parametrize(("after_s", "is_whole"), [(59, True), (61, False)])
def test_a_grant_that_was_ended_in_an_earlier_shard_counts_no_longer(
    tmp_path: Path, after_s: int, is_whole: bool
) -> None:
    paths = a_new_ledger(tmp_path / "gw")
    now_us, digest = NOW_US + 1_000, "sha256:" + "9" * 64
    times = {"from_us": NOW_US, "until_us": NOW_US + 900_000_000}
    begins, until = (EPOCH + timedelta(microseconds=one) for one in times.values())
    grant = a_grant(digest, begins=begins, until=until)

    async def live() -> None:
        async with a_boot(paths) as ledger:
            await ledger.record("approval_used", {"approval": digest, **times})
            await ledger.record("waiver_ended", {"approval": digest, "reason": "revoked"})
            await ledger.hand_over()
            decided = a_decided(IDS.record_id(), boot=ledger.boot, granted=grant)
            late_us = now_us + after_s * 1_000_000
            await ledger.append([(replace(decided, ts_us=late_us), None)])

    asyncio.run(live())
    own, report = (
        verify_folder(paths.ledger),
        judged(exported(paths, tmp_path / "out"), vkey=vkey_of(paths)),
    )
    assert (report["verdict"], report["first_bad"]) == (str(own.verdict), own.first_bad), report
    assert (own.verdict == "whole", "had ended" in own.reason) == (is_whole, not is_whole), own


async def _over_months(paths: LedgerPaths) -> None:
    for month in range(3):
        async with a_boot(paths) as ledger:
            ledger._clock.at_us += month * 40 * 86_400_000_000
            await ledger.record("quarantined", {"backend": "x"})
            if month < 2:
                await ledger.hand_over()


def test_an_export_of_a_time_has_every_hand_over_and_shows_that_nothing_is_left_out(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path / "gw")
    asyncio.run(_over_months(paths))
    check_log(paths)
    late = NOW_US + 30 * 86_400 * 10**6
    for asked, many in ((Asked(NOW_US, NOW_US + 10**9), 2), (Asked(late), 3)):
        out = exported(paths, tmp_path / f"{asked.from_us}-{asked.to_us}", asked)
        assert len([one for one in out.iterdir() if one.is_dir()]) == many
        report = judged(out, vkey=vkey_of(paths))
        assert report["verdict"] == "whole", report
        assert report["records"] < check_log(paths).records


def test_a_key_is_followed_from_the_first_through_every_hand_over(tmp_path: Path) -> None:
    """Each manifest is signed with the newest key, which the first one does not know."""
    paths = a_new_ledger(tmp_path / "gw")

    async def live() -> None:
        async with a_boot(paths) as ledger:
            await serve(ledger)
        KeyFiles(paths.signing_key, Files()).wait()
        async with a_boot(paths) as ledger:
            await serve(ledger)
            await ledger.hand_over()
            await serve(ledger)

    asyncio.run(live())
    check_log(paths)
    out = exported(paths, tmp_path / "out")
    assert judged(out, vkey=vkey_of(paths))["verdict"] == "whole"
    strange = a_new_ledger(tmp_path / "strange")
    assert judged(out, vkey=vkey_of(strange))["verdict"] == "tampered"
    manifest = out / "0001/MANIFEST.sig"
    manifest.write_text((out / "0002-2026-11/MANIFEST.sig").read_text())
    report = judged(out, vkey=vkey_of(paths))
    assert (report["verdict"], report["shard"]) == ("tampered", "0001"), report


async def _rotated(paths: LedgerPaths) -> None:
    """A new key in an open shard, and a day after that."""
    async with a_boot(paths) as ledger:
        await serve(ledger)
    KeyFiles(paths.signing_key, Files()).wait()
    async with a_boot(paths) as ledger:
        await ledger.store_document({"version": 1}, "policy")
        ledger._clock.at_us += 86_400_000_000
        ledger._parts.writer.now_us = ledger._clock.now_us
        await serve(ledger)


def test_an_export_of_a_time_tells_the_key_that_its_shard_had_announced_before(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path / "gw")
    asyncio.run(_rotated(paths))
    check_log(paths)
    out = exported(paths, tmp_path / "out", Asked(NOW_US + 80_000_000_000))
    report = judged(out, vkey=vkey_of(paths))
    assert report["verdict"] == "whole", report
    place = out / "records.jsonl"
    first, second, *others = place.read_bytes().splitlines(keepends=True)
    assert (b"key_rotated" in first, len(others)) == (True, 1)
    manifest = msgspec.json.decode((out / "MANIFEST.json").read_bytes(), type=Manifest)
    source = Source(paths.folder, signing.load(paths.signing_key))
    twice, other = [first, first, second, *others], [second, second, *others]
    for lines in (twice, other, [first.replace(b"00", b"01", 1), second, *others], [b"{}", first]):
        place.write_bytes(b"".join(lines))
        seal(out, replace(manifest, records=len(lines)), source.key)
        assert judged(out, vkey=vkey_of(paths))["verdict"] == "tampered", lines
    place.write_bytes(b"".join([second, *others]))
    seal(out, replace(manifest, records=len(others) + 1), source.key)
    assert judged(out, vkey=vkey_of(paths))["verdict"] == "tampered"
    place.write_bytes(b"".join([first, second, *others]))
    seal(out, manifest, source.key)
    note = (out / "checkpoint").read_text().splitlines(keepends=True)
    (out / "checkpoint").write_text("".join(note[:-1]))
    seal(out, manifest, source.key)
    report = judged(out, vkey=vkey_of(paths))
    assert (report["verdict"], "lacks the key" in report["reason"]) == ("tampered", True), report


def test_a_pruned_shard_hands_over_by_its_last_record(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path / "gw")

    async def live() -> None:
        async with a_boot(paths) as ledger:
            await serve(ledger, a_person())
            await ledger.hand_over()
            first, _ = shards(paths.folder)
            await told_pruned(ledger, first)
            pruning.drop(first, Files())

    asyncio.run(live())
    out = exported(paths, tmp_path / "out")
    report = judged(out, vkey=vkey_of(paths))
    assert (report["verdict"], report["pruned_as_told_by"]) == ("whole", 3), report
    last = out / "0001/last"
    whole = last.read_bytes()
    for bent in (whole.replace(b"0002-", b"0003-"), whole[:-1], b"", whole + b" "):
        last.write_bytes(bent)
        assert judged(out, vkey=vkey_of(paths))["verdict"] == "tampered"
    last.unlink()
    assert judged(out, vkey=vkey_of(paths))["verdict"] == "tampered"


def test_a_last_shard_that_was_taken_away_before_the_export_is_missed(paths, tmp_path) -> None:
    shutil.rmtree(shards(paths.folder)[2].root)
    report = judged(exported(paths, tmp_path / "out"), vkey=vkey_of(paths))
    assert (report["verdict"], NAMES[2] in report["reason"]) == ("tampered", True), report
    own = verify_folder(paths.ledger)
    assert (str(own.verdict), NAMES[2] in own.reason) == ("tampered", True), own
