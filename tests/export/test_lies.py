"""The exporter holds the signing key and lies: what the records say is said all the same."""

import asyncio
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit.canonical import decode, digest_of, encode
from gateway.audit.checkpoint import sign
from gateway.export.bundle import About, Source, seal_bundle, write_bundle
from gateway.export.manifest import Manifest
from gateway.export.selection import Asked
from gateway.ledger import signing
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from tests.doubles.ledgers import a_boot, a_new_ledger, check_log, serve
from tests.doubles.records import NOW_US, a_person
from tests.doubles.static_logs import (
    ALONE,
    VKEY,
    judged,
    many,
    write_log,
)

ABOUT = About("f" * 32, NOW_US, "Perimeter test")
S = 1_000_000
SMALL = list(many(20))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> LedgerPaths:
    paths = a_new_ledger(tmp_path_factory.mktemp("made"))

    async def write() -> None:
        async with a_boot(paths) as ledger:
            await ledger.store_document({"version": 1}, "policy")
            for _ in range(4):
                ledger._clock.at_us += 3_600 * S
                ledger._parts.writer.now_us = ledger._clock.now_us
                await ledger.record("quarantined", {"backend": "x"})
            await serve(ledger, a_person())

    asyncio.run(write())
    check_log(paths)
    return paths


def moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Change = Callable[[Path, Manifest], Manifest]


def lied(paths: LedgerPaths, out: Path, asked: Asked, change: Change) -> dict:
    """Return the verdict on an export that was changed before its manifest was signed."""
    source = Source(paths.folder, signing.load(paths.signing_key))
    manifest = write_bundle(source, asked, ABOUT, out)
    seal_bundle(source, change(out, manifest), out)
    return judged(out, vkey=paths.folder.vkey.read_text())


def hours_of(paths: LedgerPaths) -> list[int]:
    return [decode(one.entry).ts_us for one in Reading(paths.folder)]


def run_of(first: int, last: int) -> Change:
    """Hand out that run of records in place of the one that was asked for."""

    def change(out: Path, manifest: Manifest) -> Manifest:
        whole = (out / "records.jsonl").read_bytes().splitlines(keepends=True)
        begin = manifest.selection.first
        kept = whole[first - begin : last + 1 - begin]
        (out / "records.jsonl").write_bytes(b"".join(kept))
        run = replace(manifest.selection, first=first, last=last)
        return replace(manifest, selection=run, records=len(kept))

    return change


def test_a_run_beside_the_time_is_not_taken_for_one_without_records(made, tmp_path: Path) -> None:
    times = hours_of(made)
    late = [index for index, at in enumerate(times) if at > NOW_US + 2 * 3_600 * S]
    asked = Asked(times[late[0]] - S, times[late[0]] + S)
    report = lied(made, tmp_path / "honest", asked, lambda _out, manifest: manifest)
    assert (report["verdict"], report["records"]) == ("whole", 3), report
    said = [one for one in report["limits"] if "export of the time" in one]
    assert [one.split()[-3:] for one in said] == [
        [moment(asked.from_us), "to", moment(asked.to_us)]
    ]
    before = lied(made, tmp_path / "before", asked, run_of(late[0] - 1, late[0] - 1))
    assert (before["verdict"], before["first_bad"]) == ("tampered", late[0] - 1), before
    after = lied(made, tmp_path / "after", asked, run_of(late[0] + 1, late[0] + 1))
    assert (after["verdict"], after["first_bad"]) == ("tampered", late[0] + 1), after


def test_the_report_of_a_liar_stands_beside_what_the_verifier_counts(made, tmp_path) -> None:
    def change(out: Path, manifest: Manifest) -> Manifest:
        page = (out / "REPORT.html").read_text()
        (out / "REPORT.html").write_text(page.replace("on_prem", "nowhere"))
        return manifest

    report = lied(made, tmp_path / "out", Asked(), change)
    assert report["sent"] == {"restricted to on_prem": 1}


@pytest.mark.parametrize(
    "wrong", [{"records": 3}, {"size": 3}, {"origin": "perimeter.example/gw-1"}]
)
def test_a_manifest_that_speaks_of_another_log_is_noticed(made, tmp_path: Path, wrong) -> None:
    report = lied(made, tmp_path / "out", Asked(), lambda _, manifest: replace(manifest, **wrong))
    assert (report["verdict"], "speaks of another" in report["reason"]) == ("tampered", True)


def test_an_export_of_labels_says_what_it_does_not_show(made, tmp_path: Path) -> None:
    same: Change = lambda _out, manifest: manifest  # noqa: E731
    report = lied(made, tmp_path / "out", Asked(labels=("restricted",)), same)
    assert report["verdict"] == "whole"
    assert any("left out" in one for one in report["limits"])


def a_hidden_folder(out: Path) -> None:
    (out / "more/and/more").mkdir(parents=True)


def a_deep_folder(out: Path) -> None:
    place = os.open(out, os.O_RDONLY)
    for _ in range(2_000):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)


def a_linked_folder(out: Path) -> None:
    shutil.move(out / "tile", out.parent / "elsewhere")
    (out / "tile").symlink_to(out.parent / "elsewhere")


def a_linked_file(out: Path) -> None:
    (out / "REPORT.html").unlink()
    (out / "REPORT.html").symlink_to("/dev/zero")


def an_endless_file(out: Path) -> None:
    os.truncate(out / "REPORT.html", 1 << 42)


def an_endless_tile(out: Path) -> None:
    os.truncate(next(path for path in (out / "tile/0").rglob("*") if path.is_file()), 1 << 42)


def an_endless_line(out: Path) -> None:
    os.truncate(out / "records.jsonl", 1 << 42)


def a_pipe(out: Path) -> None:
    (out / "records.jsonl").unlink()
    os.mkfifo(out / "records.jsonl")


def another_field(out: Path) -> None:
    path = out / "records.jsonl"
    path.write_bytes(path.read_bytes().replace(b'{"index":0,', b'{"index":0,"note":"x",', 1))


TRAPS = [a_hidden_folder, a_deep_folder, a_linked_folder, a_linked_file, an_endless_file,
         an_endless_tile, an_endless_line, a_pipe, another_field]  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS, ids=lambda one: one.__name__)
def test_no_trap_in_an_export_stalls_or_fools_its_verifier(made, tmp_path: Path, trap) -> None:
    out = tmp_path / "out"
    source = Source(made.folder, signing.load(made.signing_key))
    seal_bundle(source, write_bundle(source, Asked(), ABOUT, out), out)
    trap(out)
    try:
        report = judged(out, vkey=made.folder.vkey.read_text())
        assert report["verdict"] == "tampered", report
    finally:
        if trap is a_deep_folder:
            os.system(f"rm -rf {out}")  # noqa: S605 - deeper than this interpreter goes


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "tile/../../outside", "a//b"])
def test_a_manifest_leads_to_no_file_outside(made, tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").write_text("x")

    out = tmp_path / "out"
    lied(made, out, Asked(), lambda _, manifest: manifest)
    source = Source(made.folder, signing.load(made.signing_key))
    data = (out / "MANIFEST.json").read_bytes()
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    more = f'"files":{{"{name}":{{"sha256":"{digest}","bytes":1}},'.encode()
    (out / "MANIFEST.json").write_bytes(data.replace(b'"files": {', more, 1))
    resign(out, source)
    report = judged(out, vkey=made.folder.vkey.read_text())
    said = "is no tile" if name.startswith("tile/") else "is not the file"
    assert (report["verdict"], said in report["reason"]) == ("tampered", True), report


def entries_of_others(out: Path) -> None:
    path = next((out / "tile/entries").rglob("000.p/*"))
    path.write_bytes(path.read_bytes().replace(b"on_prem", b"us_east", 1))


def entries_gone(out: Path) -> None:
    next((out / "tile/entries").rglob("000.p/*")).unlink()


def entries_cut(out: Path) -> None:
    path = next((out / "tile/entries").rglob("000.p/*"))
    size = int.from_bytes(path.read_bytes()[:2], "big")
    path.write_bytes(path.read_bytes()[: 2 + size])


def another_tile(out: Path) -> None:
    (out / "tile/0/001").write_bytes(b"0" * 32)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (entries_of_others, "another in tile/entries"),
        (entries_gone, "record 0 is missing in tile/entries"),
        (entries_cut, "record 1 is missing in tile/entries"),
        (another_tile, "tile/0/001 is no tile"),
    ],
)
def test_other_readers_of_the_tiles_read_the_same_records(made, tmp_path, change, said) -> None:
    def changed(out: Path, manifest: Manifest) -> Manifest:
        change(out)
        return manifest

    report = lied(made, tmp_path / "out", Asked(), changed)
    assert (report["verdict"], said in report["reason"]) == ("tampered", True), report


@pytest.mark.parametrize("name", ["REPORT.html", "personal.jsonl"])
def test_a_file_without_end_is_not_read_although_the_manifest_names_its_size(
    made, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    lied(made, out, Asked(), lambda _, manifest: manifest)
    (out / name).touch()
    os.truncate(out / name, 1 << 42)
    path = out / "MANIFEST.json"
    told = msgspec.json.decode(path.read_bytes())
    told["files"][name] = {"bytes": 1 << 42, "sha256": "0" * 64}
    path.write_bytes(msgspec.json.encode(told))
    resign(out, Source(made.folder, signing.load(made.signing_key)))
    report = judged(out, vkey=made.folder.vkey.read_text())
    assert (report["verdict"], f"{name} is larger" in report["reason"]) == ("tampered", True)


DOUBLED = {
    "MANIFEST.json": (b'"size": ', b'"size": 1, "size": '),
    "records.jsonl": (b'{"index":0,', b'{"index":9,"index":0,'),
}


@pytest.mark.parametrize("name", DOUBLED)
def test_a_name_that_stands_twice_is_refused_for_readers_differ_in_which_counts(
    made, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    source = Source(made.folder, signing.load(made.signing_key))
    manifest = write_bundle(source, Asked(), ABOUT, out)
    seal_bundle(source, manifest, out)
    path = out / name
    whole = path.read_bytes()
    path.write_bytes(whole.replace(*DOUBLED[name], 1))
    if name != "MANIFEST.json":
        seal_bundle(source, manifest, out)
    assert path.read_bytes() != whole
    resign(out, source)
    report = judged(out, vkey=made.folder.vkey.read_text())
    assert (report["verdict"], name in report["reason"]) == ("tampered", True), report


def resign(out: Path, source: Source) -> None:
    text = f"{ALONE.MANIFEST_TEXT}\n{digest_of((out / 'MANIFEST.json').read_bytes())}\n"
    (out / "MANIFEST.sig").write_text(sign(text, source.key.name, source.key.private))


def test_a_manifest_that_was_removed_with_its_signature_is_missed(made, tmp_path: Path) -> None:
    out = tmp_path / "out"
    lied(made, out, Asked(), lambda _, manifest: manifest)
    (out / "MANIFEST.json").unlink()
    assert judged(out, vkey=made.folder.vkey.read_text())["verdict"] != "whole"
    (out / "MANIFEST.sig").unlink()
    assert judged(out, vkey=made.folder.vkey.read_text())["verdict"] != "whole"


def test_a_level_that_moves_the_cursor_is_printed_as_text(tmp_path: Path, capsys) -> None:
    hostile = "\\u001b[2J\\u202ex"
    entries = [one.replace(b'"name":"restricted"', f'"name":"{hostile}"'.encode()) for one in SMALL]
    entries = [encode(decode(one)) if b"u202e" not in one else canonical(one) for one in entries]
    write_log(tmp_path, entries)
    assert ALONE.main([str(tmp_path), "--vkey", VKEY]) == 0
    said = capsys.readouterr().out
    assert all(32 <= ord(c) < 127 or c == "\n" for c in said)
    assert "\\x1b[2J" in said


def canonical(entry: bytes) -> bytes:
    """Return the entry with its escaped characters as they are written."""
    return entry.replace(b"\\u202e", "\u202e".encode())
