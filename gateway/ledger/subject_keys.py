"""Personal fields under a key for each subject and month; apart from the log.

Destroying a subject's keys and its row in the mapping leaves every proof valid and every personal
field unreadable. The mapping knows a subject by a keyed hash only, so that no name stands here.
"""

import hmac
import os
import sqlite3
import threading
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from gateway.audit.record import Personal, Sealed

KEYS_CACHED_MAX = 10_000
# WHY: a key that somebody destroyed beside a running gateway is used for no longer than this.
KEY_CACHED_S_MAX = 60.0
BUSY_S_MAX = 5.0
_KEY_BYTES = 32
_NONCE_BYTES = 12
_ID_BYTES = 16
_PEPPER_BYTES = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# WHY: `wrapped_by` names the key-encryption key once there is one; empty says that none wraps it.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS pepper (one INTEGER PRIMARY KEY CHECK (one = 1), value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS subjects (
  handle BLOB PRIMARY KEY, pseudonym TEXT NOT NULL UNIQUE
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (
  id TEXT PRIMARY KEY, pseudonym TEXT NOT NULL, month TEXT NOT NULL, key BLOB NOT NULL,
  wrapped_by TEXT NOT NULL DEFAULT '', announced INTEGER NOT NULL DEFAULT 0,
  UNIQUE (pseudonym, month)
) WITHOUT ROWID;
PRAGMA user_version = 2;
"""


class KeyGone(LookupError):
    """The key of these fields does not exist any more: the subject was erased."""


class SealBroken(ValueError):
    """The sealed fields do not belong here, or were changed."""


class Field(Struct, frozen=True):
    """Where sealed fields stand: the record id, and which record of that request.

    It is bound into the ciphertext, so that nobody can move it to another record.
    """

    record_id: str
    name: str = "decided"


class SubjectKey(Struct, frozen=True):
    """A key by its id; `fresh` says that no durable record tells yet that it was made."""

    id: str
    cipher: AESGCM
    fresh: bool = False


def month_of(ts_us: int) -> str:
    """Return the month of a time, as `2026-12`."""
    return f"{_EPOCH + timedelta(microseconds=ts_us):%Y-%m}"


class SubjectKeys:
    """The keys of all subjects, in one SQLite file. Methods raise sqlite3.Error.

    Safe to use from several threads.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        origin: str,
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._sql = connection
        self._origin = origin
        self._chance = chance
        self._lock = threading.Lock()
        self._now_s: Callable[[], float] = monotonic
        self._cached: OrderedDict[tuple[str, str], tuple[SubjectKey, float]] = OrderedDict()
        self._pepper: bytes = connection.execute("SELECT value FROM pepper").fetchone()[0]

    @classmethod
    def make(cls, path: Path, origin: str) -> "SubjectKeys":
        """Open the store, and make it where it is not there yet."""
        path.touch(mode=0o600)
        connection = _connect(path)
        connection.executescript(_SCHEMA)
        connection.execute(
            "INSERT OR IGNORE INTO pepper VALUES (1, ?)", (os.urandom(_PEPPER_BYTES),)
        )
        return cls(connection, origin)

    @classmethod
    def open(cls, path: Path, origin: str) -> "SubjectKeys":
        """Open an existing store; one that is not there is an error, never made anew."""
        return cls(_connect(path), origin)

    def cached(self, subject: str, month: str) -> SubjectKey | None:
        """Return the key of a subject and month if it was read within `KEY_CACHED_S_MAX`."""
        with self._lock:
            found, read_s = self._cached.get((subject, month), (None, 0.0))
            if found is None or self._now_s() - read_s > KEY_CACHED_S_MAX:
                return None
            self._cached.move_to_end((subject, month))
            return found

    def key(self, subject: str, month: str) -> SubjectKey:
        """Return the key of a subject and month; a new one is durable when this returns."""
        with self._lock:
            found = self._stored(subject, month)
            self._cached[subject, month] = (found, self._now_s())
            self._cached.move_to_end((subject, month))
            if len(self._cached) > KEYS_CACHED_MAX:
                self._cached.popitem(last=False)
            return found

    def announced(self, key_ids: Collection[str]) -> None:
        """Note that durable records tell of these keys, so that they are fresh no more."""
        with self._lock:
            for name, (key, read_s) in list(self._cached.items()):
                if key.id in key_ids:
                    self._cached[name] = (SubjectKey(key.id, key.cipher), read_s)
            with self._sql:
                self._sql.executemany(
                    "UPDATE keys SET announced = 1 WHERE id = ?", [(one,) for one in key_ids]
                )

    def pseudonym(self, subject: str) -> str:
        """Return the random name that stands for a subject; it is durable when this returns."""
        with self._lock, self._sql:
            self._sql.execute("BEGIN IMMEDIATE")
            return self._pseudonym(subject)

    def seal(self, personal: Personal, field: Field, key: SubjectKey) -> Sealed:
        """Return the personal fields as ciphertext that belongs to that field alone."""
        nonce = self._chance(_NONCE_BYTES)
        plain = msgspec.json.encode(personal)
        data = key.cipher.encrypt(nonce, plain, self._bound(field))
        return Sealed(key.id, b64encode(nonce).decode(), b64encode(data).decode())

    def open_sealed(self, sealed: Sealed, field: Field) -> Personal:
        """Return the personal fields; KeyGone after erasure, SealBroken when they do not fit."""
        with self._lock:
            row = self._sql.execute("SELECT key FROM keys WHERE id = ?", (sealed.key,)).fetchone()
        if row is None:
            raise KeyGone("the key of these fields was destroyed")
        try:
            nonce, data = b64decode(sealed.nonce), b64decode(sealed.data)
            plain = AESGCM(row[0]).decrypt(nonce, data, self._bound(field))
            return msgspec.json.decode(plain, type=Personal)
        except (InvalidTag, ValueError):
            raise SealBroken("the sealed fields do not belong to this record") from None

    def close(self) -> None:
        """Let go of the file and of every key in memory."""
        with self._lock:
            self._cached.clear()
            self._sql.close()

    def _stored(self, subject: str, month: str) -> SubjectKey:
        with self._sql:
            self._sql.execute("BEGIN IMMEDIATE")
            pseudonym = self._pseudonym(subject)
            row = self._sql.execute(
                "SELECT id, key, announced FROM keys WHERE pseudonym = ? AND month = ?",
                (pseudonym, month),
            ).fetchone()
            if row is not None:
                return SubjectKey(row[0], AESGCM(row[1]), fresh=not row[2])
            key_id, key = self._chance(_ID_BYTES).hex(), self._chance(_KEY_BYTES)
            self._sql.execute(
                "INSERT INTO keys (id, pseudonym, month, key) VALUES (?, ?, ?, ?)",
                (key_id, pseudonym, month, key),
            )
            return SubjectKey(key_id, AESGCM(key), fresh=True)

    def _pseudonym(self, subject: str) -> str:
        handle = hmac.digest(self._pepper, subject.encode(), "sha256")
        row = self._sql.execute(
            "SELECT pseudonym FROM subjects WHERE handle = ?", (handle,)
        ).fetchone()
        if row is not None:
            return str(row[0])
        pseudonym = self._chance(_ID_BYTES).hex()
        self._sql.execute("INSERT INTO subjects VALUES (?, ?)", (handle, pseudonym))
        return pseudonym

    def _bound(self, field: Field) -> bytes:
        return f"{self._origin}|{field.record_id}|{field.name}".encode()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_S_MAX,
        isolation_level=None,
        check_same_thread=False,
    )
    # WHY: a key that was destroyed must not stay in free pages or in a write-ahead log.
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = EXTRA")
    return connection
