"""Logs in memory, written as tiles by hand, so that each part can be another than it should be."""

import importlib.util
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from itertools import islice
from pathlib import Path
from types import ModuleType

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import gateway.export
from gateway.audit import checkpoint
from gateway.audit.canonical import encode
from gateway.audit.tiles import ENTRIES, Tiling
from gateway.audit.tree import Head
from gateway.ledger.files import Files
from gateway.ledger.journal import SEGMENT_BYTES_MAX, Journal
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import START
from tests.doubles.records import BOOT, a_decided, a_settled, an_admin, an_attempted

ORIGIN = "perimeter.example/gw-0"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
VKEY = str(checkpoint.vkey_of(ORIGIN, KEY))
WITNESS = "witness.example/w1"
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
VERIFIER = Path(gateway.export.__file__).with_name("verify_bundle.py")
CREATED = an_admin("created", boot="", facts={"origin": ORIGIN, "vkey": VKEY})
STARTED = an_admin("started")
GROUP = 1_024
_PLACE = "019aa000-0000-7000-9000-000000000000"


def many(size: int) -> Iterator[bytes]:
    """Yield the entries of a log of that size: requests of one attempt, one after the other."""
    return islice(_endless(), size)


def _endless() -> Iterator[bytes]:
    yield encode(CREATED)
    yield encode(STARTED)
    records = (a_decided(_PLACE), an_attempted(_PLACE), a_settled(_PLACE))
    forms = [encode(record) for record in records]
    number = 0
    while True:
        number += 1
        name = f"019aa000-0000-7000-9000-{number:012d}".encode()
        yield from (form.replace(_PLACE.encode(), name) for form in forms)


def head_of(entries: Iterable[bytes]) -> Head:
    tiling = Tiling()
    for entry in entries:
        for _ in tiling.append(entry):
            pass
    return tiling.head


def note_of(head: Head, key: Ed25519PrivateKey = KEY, origin: str = ORIGIN) -> str:
    return checkpoint.sign(checkpoint.body(origin, head.size, head.root), origin, key)


def write_ledger(root: Path, records: int) -> LedgerFolder:
    """Write a ledger of that many records as a gateway leaves it on the disk, and sign it."""
    return write_journal(root, many(records))


def write_journal(root: Path, entries: Iterator[bytes]) -> LedgerFolder:
    """Write a ledger of these entries, whatever they are, and sign it."""
    folder = LedgerFolder(root)
    for path in (folder.root, folder.journal, folder.documents):
        path.mkdir(parents=True)
    folder.origin.write_text(f"{ORIGIN}\n")
    folder.vkey.write_text(f"{VKEY}\n")
    journal = Journal(folder, Files(), 0, START, SEGMENT_BYTES_MAX)
    tiling = Tiling()
    while group := list(islice(entries, GROUP)):
        journal.write(group)
        for entry in group:
            for _ in tiling.append(entry):
                pass
    journal.close()
    folder.checkpoint.write_text(note_of(tiling.head))
    return folder


def write_log(
    root: Path,
    entries: Iterable[bytes],
    note: str | None = None,
    hashed: Sequence[bytes] | None = None,
) -> str:
    """Write a log as tiles and return its note; `hashed` are the entries of which the tiles tell.

    Without `note` the log signs what it holds.
    """
    tiling = Tiling()
    for entry in entries:
        _save(root, tiling.append(entry), hashed is None)
    _save(root, tiling.rest(), hashed is None)
    if hashed is not None:
        told = Tiling()
        for entry in hashed:
            _save(root, told.append(entry), None)
        _save(root, told.rest(), None)
    told_note = note_of(tiling.head) if note is None else note
    (root / "checkpoint").write_text(told_note)
    return told_note


def _save(root: Path, made: Iterable, everything: bool | None) -> None:
    for tile, data in made:
        if everything or (tile.level == ENTRIES) is (everything is False):
            path = root / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def verifier() -> ModuleType:
    """Return the stand-alone verifier as a module, read from its file."""
    spec = importlib.util.spec_from_file_location("verify_bundle", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ALONE = verifier()


def judged(folder: Path, *words: object, vkey: str | None = VKEY) -> dict:
    """Return the report of the stand-alone verifier, whose exit code must agree with it."""
    said = io.StringIO()
    keyed = [] if vkey is None else ["--vkey", vkey]
    with redirect_stdout(said):
        code = ALONE.main([str(folder), "--json", *keyed, *map(str, words)])
    report = msgspec.json.decode(said.getvalue())
    assert code == {"whole": 0, "tampered": 1, "unreadable": 2}[report["verdict"]]
    return report


assert STARTED.boot == BOOT
