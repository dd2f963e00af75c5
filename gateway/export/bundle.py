"""The folder that an auditor gets: records, proofs, policies, keys, a verifier and a report."""

import shutil
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.record import Record
from gateway.audit.tiles import ENTRIES
from gateway.export.manifest import Manifest, Selected, seal
from gateway.export.report import report
from gateway.export.selection import Asked, Chosen, Selection, chosen, select
from gateway.export.spilled import write_blob
from gateway.export.static_log import CHECKPOINT, latest, write_tiles
from gateway.export.tally import Tally
from gateway.ledger import documents
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain
from gateway.ledger.signing import SigningKey
from gateway.ledger.verify import LINE_BYTES_MAX

RECORDS = "records.jsonl"
OPENED = "personal.jsonl"
REPORT = "REPORT.html"
VERIFIER = "verify_bundle.py"
OLDER = "checkpoints"
COSIGNERS = "cosigners"
REDACTED = "redacted"
FULL = "full"

Opened = Callable[[Record], object]


class Source(Struct, frozen=True):
    """The log that is exported: where it lies, its key, what witnesses signed of it, their keys.

    `opened` returns the personal fields of a record; with it, the export is a full one. `blobs` is
    the folder of what no entry could hold, which all shards of a ledger share.
    """

    folder: LedgerFolder
    key: SigningKey
    cosigned: Sequence[tuple[int, str]] = ()
    witnesses: Sequence[str] = ()
    opened: Opened | None = None
    blobs: Path | None = None


class About(Struct, frozen=True):
    """Who exports, when, and with which program."""

    exporter: str
    now_us: int
    product: str


def write_bundle(
    source: Source, asked: Asked, about: About, out: Path, *, beside: bool = False
) -> Manifest:
    """Write the export into a new folder and return what it says of itself, without its files.

    `beside`: where no record lies in that time, it holds what shows this.

    Blocks. OSError; LedgerUnavailable, ChainBroken. What is in the folder is not sealed yet.
    """
    note, sealed = _checkpoint(source)
    selection = select(source.folder, sealed.size, asked, beside=beside)
    out.mkdir(parents=True)
    (out / CHECKPOINT).write_text(note, encoding="utf-8")
    whole = selection.is_whole
    write_tiles(source.folder, sealed, out, lambda tile: whole or tile.level != ENTRIES)
    tally = Tally()
    records = _write_records(source, selection, tally, out)
    _write_documents(source.folder, tally.documents, out)
    _write_keys(source, sealed.size, out)
    manifest = Manifest(
        origin=source.key.name,
        vkey=_vkey(source.folder).strip(),
        profile=REDACTED if source.opened is None else FULL,
        exporter=about.exporter,
        exported_at_us=about.now_us,
        product=about.product,
        size=sealed.size,
        records=records,
        selection=_selected(selection),
    )
    root = b64encode(sealed.root).decode()
    (out / REPORT).write_text(report(manifest, tally, root), encoding="utf-8")
    return manifest


def seal_bundle(source: Source, manifest: Manifest, out: Path) -> str:
    """Sign what is in the folder, and return the digest of its manifest; OSError."""
    return seal(out, manifest, source.key)


def _checkpoint(source: Source) -> tuple[str, Checkpoint]:
    """Return the latest checkpoint, as witnesses have signed it where they have."""
    note, sealed = latest(source.folder)
    for size, cosigned in source.cosigned:
        if size == sealed.size:
            return cosigned, sealed
    return note, sealed


def _write_records(source: Source, selection: Selection, tally: Tally, out: Path) -> int:
    records = 0
    with (out / RECORDS).open("wb") as file:
        for one in chosen(source.folder, selection):
            record = tally.read(one)
            file.write(_line(one))
            write_blob(record, source.blobs or source.folder.blobs, out)
            records += 1
            if source.opened is not None and one.inside:
                _write_opened(out, one, record, source.opened(record))
    return records


def _line(one: Chosen) -> bytes:
    """Return the line of a record: the bytes that are hashed, as one JSON text."""
    return msgspec.json.encode({"index": one.index, "entry": one.entry.decode()}) + b"\n"


def _write_opened(out: Path, one: Chosen, record: Record, personal: object) -> None:
    if personal is not None:
        line = {"index": one.index, "id": record.id, "personal": personal}
        with (out / OPENED).open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")


def _write_documents(folder: LedgerFolder, named: dict[str, str], out: Path) -> None:
    (out / "documents").mkdir()
    for digest in named:
        if not documents.check(folder, digest):
            name = f"{digest.removeprefix('sha256:')}.json"
            shutil.copyfile(folder.documents / name, out / "documents" / name)


def _write_keys(source: Source, size: int, out: Path) -> None:
    (out / "vkey").write_text(_vkey(source.folder), encoding="ascii")
    shutil.copyfile(Path(__file__).with_name(VERIFIER), out / VERIFIER)
    if source.witnesses:
        (out / COSIGNERS).write_text("".join(f"{one}\n" for one in source.witnesses))
    older = [(at, note) for at, note in source.cosigned if at <= size]
    if older:
        (out / OLDER).mkdir()
    for at, note in older:
        (out / OLDER / str(at)).write_text(note, encoding="utf-8")


def _vkey(folder: LedgerFolder) -> str:
    """Return the key that the log began with; a later one may sign the manifest."""
    return read_plain(folder.vkey, LINE_BYTES_MAX).decode("ascii")


def _selected(selection: Selection) -> Selected:
    asked = selection.asked
    return Selected(asked.from_us, asked.to_us, asked.labels, selection.first, selection.last)
