"""Compiled detectors on disk, so that a start need not compile them."""

import hashlib
import hmac
import os
import platform
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from io import BufferedReader, FileIO
from pathlib import Path

from msgspec import Struct

from gateway.classification import detectors
from gateway.classification.detectors import DETECTORS, Detector, DetectorKind
from gateway.classification.unfolding.unfolder import UNREAD_KINDS

DATABASE_BYTES_MAX = 64 * 1024 * 1024
SECRET_BYTES_MIN = 16

_DATA = Path(detectors.__file__).parent / "data"
_TAG_BYTES = hashlib.sha256().digest_size


class DetectorBrokenError(RuntimeError):
    """A detector does not find what it must find; nothing may be served with it."""


class Loaded(Struct, frozen=True):
    """A detector, whether its database came from the cache, and whether it is there now."""

    detector: Detector
    warm: bool
    stored: bool


def load_detectors(folder: Path, secret: bytes) -> tuple[Loaded, ...]:
    """Return every detector of the table, compiled anew where the cache does not hold it.

    `secret` belongs to this node and never leaves it. A folder that cannot be written costs the
    time to compile, no more. DetectorBrokenError when a detector fails its probe.
    """
    return tuple(_loaded(name, kind, folder, secret) for name, kind in DETECTORS.items())


@cache
def kinds_of_findings() -> frozenset[str]:
    """Return every kind of finding that the detectors of the table know."""
    kinds = set(UNREAD_KINDS)
    for kind in DETECTORS.values():
        rules = kind.parse((_DATA / kind.rules_file).read_text(encoding="utf-8"))
        kinds |= {rule.id for rule in rules if kind.names_kinds}
    return frozenset(kinds)


def _loaded(name: str, kind: DetectorKind, folder: Path, secret: bytes) -> Loaded:
    rules = kind.parse((_DATA / kind.rules_file).read_text(encoding="utf-8"))
    seal = Seal(secret, name, kind.engine(), kind.expressions(rules))
    path = folder / f"{name}-{seal.file_name}.db"
    kept = seal.open(_read(path))
    detector = _working(kind, rules, kept) if kept is not None else None
    if detector is not None:
        return Loaded(detector, warm=True, stored=True)
    database = kind.compile(rules)
    detector = _working(kind, rules, database)
    if detector is None:
        raise DetectorBrokenError(f"the detector {name} does not find its probe")
    return Loaded(detector, warm=False, stored=_write(path, seal.close(database)))


def _working(kind: DetectorKind, rules: object, database: bytes) -> Detector | None:
    """Return the detector if the engine takes the database and finds the probe with it."""
    # WHY: the engine has an exception of its own kind for each way to refuse a database, and a
    # database that was compiled here must be tried in any case.
    try:
        detector = kind.load(rules, database)
        return detector if detector.scan(kind.probe).hits else None
    except Exception:  # noqa: BLE001
        return None


class Seal:
    """Authenticates a database under the node's secret.

    INVARIANT: name and content are keyed hashes over everything that the bytes depend on, so a
    database of another node, version, machine or rule set is not even looked at, and the engine,
    which trusts its input, never sees a forged one.
    """

    __slots__ = ("_context", "_secret")

    def __init__(self, secret: bytes, name: str, engine: str, parts: Iterable[bytes]) -> None:
        if len(secret) < SECRET_BYTES_MIN:
            raise ValueError(f"the node's secret needs at least {SECRET_BYTES_MIN} bytes")
        self._secret = secret
        fields = (name.encode(), engine.encode(), platform.machine().encode(), *parts)
        digest = hashlib.sha256()
        for field in fields:
            digest.update(len(field).to_bytes(8, "big") + field)
        self._context = digest.digest()

    @property
    def file_name(self) -> str:
        """The part of the file's name that nobody without the secret can choose."""
        return self._tag(b"name", b"").hex()[:32]

    def close(self, database: bytes) -> bytes:
        """Return the file's content: tag, then database."""
        return self._tag(b"content", database) + database

    def open(self, content: bytes | None) -> bytes | None:
        """Return the database, or None for content that this seal did not close."""
        if content is None:
            return None
        tag, database = content[:_TAG_BYTES], content[_TAG_BYTES:]
        return database if hmac.compare_digest(tag, self._tag(b"content", database)) else None

    def _tag(self, purpose: bytes, data: bytes) -> bytes:
        message = b"perimeter detector cache 1 " + purpose + b"\x00" + self._context + data
        return hmac.digest(self._secret, message, hashlib.sha256)


def _read(path: Path) -> bytes | None:
    """Return the file's bytes, None when there is no plain file of a credible size."""
    try:
        with BufferedReader(FileIO(path, opener=_without_links)) as file:
            content = file.read(DATABASE_BYTES_MAX + 1)
    except OSError:
        return None
    return content if 0 < len(content) <= DATABASE_BYTES_MAX else None


def _without_links(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _write(path: Path, content: bytes) -> bool:
    """Replace the file in one step; False when the folder does not let us."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, written = tempfile.mkstemp(prefix=".database-", dir=path.parent)
    except OSError:
        return False
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(written).replace(path)
    except OSError:
        with suppress(OSError):
            Path(written).unlink()
        return False
    return True
