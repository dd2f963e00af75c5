"""What an export says of itself: every file by its digest, signed by the key of the log."""

from hashlib import file_digest
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.audit.canonical import digest_of
from gateway.audit.checkpoint import sign
from gateway.ledger.signing import SigningKey

MANIFEST = "MANIFEST.json"
SIGNATURE = "MANIFEST.sig"
# WHY: two lines, and a space in the first: nobody can take it for the text of a checkpoint.
TEXT = "perimeter export v1"
_ENCODER = msgspec.json.Encoder(order="sorted")


class Selected(Struct, frozen=True):
    """What was asked for, and the run of records that it is."""

    from_us: int | None
    to_us: int | None
    labels: tuple[str, ...]
    first: int
    last: int


class File(Struct, frozen=True):
    """One file."""

    sha256: str
    bytes: int


class Manifest(Struct, frozen=True, kw_only=True):
    """The manifest. `exporter` is the fingerprint of the key of the person who asked."""

    version: int = 1
    origin: str
    vkey: str
    profile: str
    exporter: str
    exported_at_us: int
    product: str
    size: int
    records: int
    selection: Selected
    files: dict[str, File] = {}


def files_of(folder: Path) -> dict[str, File]:
    """Return every file of a folder with its digest; OSError."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): _file(path) for path in found}


def seal(folder: Path, manifest: Manifest, key: SigningKey) -> str:
    """Write the manifest over what is in the folder, sign it, and return its digest; OSError."""
    told = msgspec.structs.replace(manifest, files=files_of(folder))
    data = msgspec.json.format(_ENCODER.encode(told)) + b"\n"
    digest = digest_of(data)
    (folder / MANIFEST).write_bytes(data)
    note = sign(f"{TEXT}\n{digest}\n", key.name, key.private)
    (folder / SIGNATURE).write_text(note, encoding="utf-8")
    return digest


def _file(path: Path) -> File:
    with path.open("rb") as file:
        return File(file_digest(file, "sha256").hexdigest(), path.stat().st_size)
