"""Whatever chance changes, neither verifier takes it for whole, and each says where it is.

PERIMETER_MUTATIONS asks for more than a few hundred changes.
"""

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit.canonical import digest_of
from gateway.audit.checkpoint import sign
from gateway.audit.cosignature import cosign, cosigner_of, with_signatures
from gateway.audit.verify import Verdict, verify
from gateway.cli.export import shard_sources
from gateway.export.bundle import About, Source, seal_bundle, write_bundle
from gateway.export.chain import write_bundles
from gateway.export.manifest import Manifest
from gateway.export.selection import Asked
from gateway.ledger import signing
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.verify import verify_folder
from tests.doubles.chains import lived, with_one_open
from tests.doubles.dice import Dice, dice
from tests.doubles.ledgers import a_boot, a_new_ledger, check_log, serve
from tests.doubles.mutations import MANY, OF_BYTES, json_changed, value_changed
from tests.doubles.records import NOW_US, a_person
from tests.doubles.static_logs import (
    ALONE,
    VKEY,
    WITNESS,
    WITNESS_KEY,
    head_of,
    judged,
    many,
    note_of,
    write_log,
)

ABOUT = About("f" * 32, NOW_US, "Perimeter test")
S = 1_000_000
HOUR = 3_600 * S
POLICY = {"version": 1, "levels": ["public", "restricted"]}
# What the exporter says and nobody checks: the records do not tell it.
SAID = {"REPORT.html", "personal.jsonl", "cosigners", "verify_bundle.py", "vkey"}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> LedgerPaths:
    """A ledger of five hours with a policy, requests of a person, and two boots."""
    paths = a_new_ledger(tmp_path_factory.mktemp("made"))

    async def boot(hours: int) -> None:
        async with a_boot(paths) as ledger:
            await ledger.store_document(POLICY, "policy")
            for _ in range(hours):
                ledger._clock.at_us += HOUR
                ledger._parts.writer.now_us = ledger._clock.now_us
                await serve(ledger, a_person())
                await ledger.record("quarantined", {"backend": "x"})

    asyncio.run(boot(3))
    asyncio.run(boot(2))
    check_log(paths)
    return paths


def source_of(paths: LedgerPaths) -> Source:
    note = paths.folder.checkpoint.read_text()
    cosigned = with_signatures(note, [cosign(note, WITNESS, WITNESS_KEY, NOW_US // S)])
    size = int(note.split("\n")[1])
    key = str(cosigner_of(WITNESS, WITNESS_KEY))
    return Source(paths.folder, signing.load(paths.signing_key), ((size, cosigned),), (key,))


ASKS = {"whole": Asked(), "time": Asked(NOW_US + 2 * HOUR, NOW_US + 3 * HOUR + S)}


def resign(out: Path, source: Source) -> None:
    text = f"{ALONE.MANIFEST_TEXT}\n{digest_of((out / 'MANIFEST.json').read_bytes())}\n"
    (out / "MANIFEST.sig").write_text(sign(text, source.key.name, source.key.private))


@pytest.fixture(scope="module", params=ASKS)
def bundle(request, made, tmp_path_factory) -> tuple[Path, Manifest]:
    out = tmp_path_factory.mktemp("bundle") / "out"
    manifest = write_bundle(source_of(made), ASKS[request.param], ABOUT, out)
    seal_bundle(source_of(made), manifest, out)
    report = judged(out, vkey=made.folder.vkey.read_text())
    assert report["verdict"] == "whole", report
    return out, manifest


def files_of(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def changed(folder: Path, names: list[str], chance: Dice) -> str:
    """Change something by chance and return what; empty where it is as it was."""
    name = chance.choice(names)
    path, how = folder / name, chance.random()
    before = path.read_bytes()
    if how < 0.05:
        path.unlink()
        return f"{name} is gone"
    if how < 0.1:
        other = folder / chance.choice(names)
        path.write_bytes(other.read_bytes())
        return f"{name} is {other.name}" if path.read_bytes() != before else ""
    change = chance.choice(OF_BYTES)
    path.write_bytes(change(before, chance))
    return f"{name} {change.__name__}" if path.read_bytes() != before else ""


def tries(seed: str, folder: Path, tmp_path: Path, names: list[str]) -> Iterator[tuple[str, Path]]:
    """Yield what was changed in a copy of the folder, and the copy."""
    for number in range(MANY):
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        what = changed(copy, names, dice(f"{seed}/{number}"))
        if what:
            yield f"{number}: {what}", copy
        shutil.rmtree(copy)


NAMED = re.compile(
    "record|checkpoint|MANIFEST|SHARDS|shard|document|blob|tile|vkey|(its|another) origin|"
    "not the file|in no list|larger than it may be"
)


def assert_refused(report: dict, what: str) -> None:
    assert report["verdict"] != "whole", what
    assert not report["reason"].startswith("cannot be read: "), (what, report)
    assert report["first_bad"] is not None or NAMED.search(report["reason"]), (what, report)


def test_no_change_by_chance_to_a_bundle_passes(bundle, made, tmp_path: Path) -> None:
    out, manifest = bundle
    signed = set((out / "MANIFEST.sig").read_bytes().splitlines())
    for what, copy in tries(f"bare {manifest.records}", out, tmp_path, files_of(out)):
        report = judged(copy, vkey=made.folder.vkey.read_text())
        # WHY: a signature that stands there twice signs nothing else.
        again = "MANIFEST.sig" in what and report["verdict"] == "whole"
        if not again or set((copy / "MANIFEST.sig").read_bytes().splitlines()) != signed:
            assert_refused(report, what)


def test_no_change_by_chance_passes_although_the_manifest_was_signed_again(
    bundle, made, tmp_path: Path
) -> None:
    """Who exports holds the key of the manifest; the tree of the log was signed before."""
    out, manifest = bundle
    names = [one for one in files_of(out) if one not in SAID and not one.startswith("MANIFEST")]
    for what, copy in tries(f"signed {manifest.records}", out, tmp_path, names):
        seal_bundle(source_of(made), manifest, copy)
        assert_refused(judged(copy, vkey=made.folder.vkey.read_text()), what)


SAID_OF_ITSELF = {"exporter", "exported_at_us", "product", "profile"}


def test_a_manifest_of_other_words_is_refused_although_it_was_signed_again(
    bundle, made, tmp_path: Path
) -> None:
    """What it says of who exported, when and with what, the exporter alone says.

    Another time or label passes where the records show that nothing is left out of that one.
    """
    out, manifest = bundle
    shutil.copytree(out, tmp_path / "out")
    path = tmp_path / "out/MANIFEST.json"
    whole = msgspec.json.decode(path.read_bytes())
    for number in range(MANY):
        other = value_changed(whole, dice(f"manifest {manifest.records}/{number}"))
        path.write_bytes(msgspec.json.encode(other))
        resign(tmp_path / "out", source_of(made))
        report = judged(tmp_path / "out", vkey=made.folder.vkey.read_text())
        if report["verdict"] == "whole":
            differ = {one for one in whole if whole[one] != other[one]} - SAID_OF_ITSELF
            assert differ <= {"selection"}, other
            run = [[one["selection"][end] for end in ("first", "last")] for one in (whole, other)]
            assert run[0] == run[1], other
        else:
            assert_refused(report, f"{number}: {other}")


def rewritten(entries: list[bytes], chance: Dice) -> list[bytes]:
    """Return the log with a record in another form, gone, twice, in other places or of others."""
    at, there = chance.randrange(len(entries)), chance.randrange(len(entries))
    told, how = list(entries), chance.random()
    if how < 0.1:
        del told[at]
    elif how < 0.2:
        told.insert(there, told[at])
    elif how < 0.3:
        told[at], told[there] = told[there], told[at]
    elif how < 0.4:
        told = told[: at + 1]
    else:
        told[at] = json_changed(told[at], chance)
    return told


def test_of_a_history_that_was_written_and_signed_anew_both_say_the_same(tmp_path: Path) -> None:
    """Where it breaks no rule, what was kept convicts it; both name the same record."""
    small, passed = list(many(20)), 0
    (tmp_path / "kept").write_text(note_of(head_of(small)))
    for number in range(3 * MANY):
        chance = dice(f"anew {number}")
        entries = rewritten(rewritten(small, chance) if number % 3 else small, chance)
        if not entries or entries == small:
            continue
        note = write_log(tmp_path / "log", entries)
        report, own = judged(tmp_path / "log"), verify(entries, note, VKEY)
        said = (report["verdict"], report["first_bad"])
        assert said == (str(own.verdict), own.first_bad), (number, report, own)
        kept = judged(tmp_path / "log", "--kept", tmp_path / "kept")
        assert_refused(kept, str(number))
        assert verify(entries, note, VKEY, [head_of(small)]).verdict is Verdict.TAMPERED
        passed += said[0] == "whole"
        shutil.rmtree(tmp_path / "log")
    assert 0 < passed < 2 * MANY


# What no verification rests on, and what a gateway makes again.
NO_EVIDENCE = {"index.sqlite", "index.sqlite-shm", "index.sqlite-wal", "lock"}


def test_no_change_by_chance_to_a_ledger_passes(tmp_path: Path) -> None:
    """Beside the store of the checkpoints, from the journal of each shard to its documents."""
    paths = lived(tmp_path / "lived", with_one_open)
    whole, vkey = check_log(paths), paths.folder.vkey.read_text()
    names = [one for one in files_of(paths.ledger) if not NO_EVIDENCE & set(one.split("/"))]
    assert len(names) > 12
    for what, copy in tries("ledger", paths.ledger, tmp_path, names):
        own = verify_folder(copy, vkey, paths.checkpoints)
        if own.verdict is Verdict.WHOLE:
            # WHY: bytes behind the last whole record are what a crash leaves.
            assert own.torn, what
            assert replace(own, torn=False, ends=whole.ends) == whole, what
        else:
            assert own.first_bad is not None or NAMED.search(own.reason), (what, own)


def test_no_change_by_chance_to_an_export_of_several_shards_passes(tmp_path: Path) -> None:
    paths = lived(tmp_path / "lived", with_one_open)
    vkey, out = paths.folder.vkey.read_text(), tmp_path / "out"
    key = signing.load(paths.signing_key)
    write_bundles(list(shard_sources(paths.folder, key)), Asked(), ABOUT, out)
    listed = msgspec.json.decode((out / "SHARDS.json").read_bytes())
    for what, copy in tries("shards", out, tmp_path, files_of(out)):
        report = judged(copy, vkey=vkey)
        if report["verdict"] != "whole":
            assert_refused(report, what)
        elif "MANIFEST.sig" in what:
            name = what.split()[1]
            lines = [set((one / name).read_bytes().splitlines()) for one in (copy, out)]
            assert lines[0] == lines[1], what
        else:
            assert msgspec.json.decode((copy / "SHARDS.json").read_bytes()) == listed, what
