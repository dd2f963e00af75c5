"""Personal fields under a key for each subject and month; apart from the log.

Destroying a subject's keys and its row in the mapping leaves every proof valid and every personal
field unreadable. The mapping knows a subject by a keyed hash only, so that no name stands here.
Keys, secrets and the pepper of that hash are wrapped by a key that lies elsewhere.
"""

import hmac
import os
import sqlite3
import threading
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct
from msgspec.structs import replace

from gateway.audit.record import Personal, Sealed
from gateway.domain.errors import LedgerUnavailable
from gateway.ledger import blobs, key_store, wrapping
from gateway.ledger.files import Files
from gateway.ledger.key_store import KeysUnreadable
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.rewrapping import WrappingFiles
from gateway.ledger.wrapping import WrapBroken, Wrapper

KEYS_CACHED_MAX = 10_000
# WHY: a key that somebody destroyed beside a running gateway is used for no longer than this.
KEY_CACHED_S_MAX = 60.0
_KEY_BYTES = 32
_NONCE_BYTES = 12
_ID_BYTES = 16
_PEPPER_BYTES = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    pseudonym: str
    fresh: bool = False


class Subject(Struct, frozen=True):
    """What stands for a subject: a random name, and a secret under which digests are his alone."""

    pseudonym: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Subject({self.pseudonym}, ***)"


class Erasure(Struct, frozen=True):
    """What was destroyed of a subject, until the ledger tells of it.

    `owner` is how his digests begin in the memory of conversations; `approval` names who asked.
    """

    pseudonym: str
    keys: tuple[str, ...]
    owner: bytes
    approval: str


def open_keys(paths: LedgerPaths, origin: str) -> "SubjectKeys":
    """Open the subject keys of a log with the key that wraps them; LedgerUnavailable."""
    wrapper = WrappingFiles(paths, Files()).in_use()
    keys = SubjectKeys.open(paths.subject_keys, origin, wrapper)
    keys.blobs = paths.folder.blobs
    return keys


def month_of(ts_us: int) -> str:
    """Return the month of a time, as `2026-12`."""
    return f"{_EPOCH + timedelta(microseconds=ts_us):%Y-%m}"


class SubjectKeys:
    """The keys of all subjects, in one SQLite file. Methods raise sqlite3.Error.

    Safe to use from several threads. `blobs` is the folder of what no entry could hold.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        origin: str,
        wrapper: Wrapper,
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.blobs = Path("blobs")
        self._sql = connection
        self._origin = origin
        self._wrapper = wrapper
        self._chance = chance
        self._lock = threading.Lock()
        self._now_s: Callable[[], float] = monotonic
        self._cached: OrderedDict[tuple[str, str], tuple[SubjectKey, float]] = OrderedDict()
        self._known: OrderedDict[str, tuple[Subject, float]] = OrderedDict()
        row = connection.execute("SELECT value FROM pepper").fetchone()
        self._pepper: bytes = self._unwrap(row[0], wrapping.PLACE_OF_PEPPER)

    @classmethod
    def make(cls, path: Path, origin: str, wrapper: Wrapper) -> "SubjectKeys":
        """Open the store, and make it where it is not there yet."""
        if key_store.is_made(path):
            return cls.open(path, origin, wrapper)
        connection = key_store.make(path)
        pepper = wrapper.wrap(os.urandom(_PEPPER_BYTES), wrapping.PLACE_OF_PEPPER)
        connection.execute("INSERT INTO pepper VALUES (1, ?, ?)", (pepper, wrapper.id))
        return cls(connection, origin, wrapper)

    @classmethod
    def open(cls, path: Path, origin: str, wrapper: Wrapper) -> "SubjectKeys":
        """Open an existing store; one that is not there is an error, never made anew.

        LedgerUnavailable when it is of another form, or wrapped by another key.
        """
        connection = key_store.connect(path)
        with ExitStack() as held:
            held.callback(connection.close)
            if not key_store.is_ours(connection):
                raise LedgerUnavailable("the subject keys are of another version")
            try:
                keys = cls(connection, origin, wrapper)
            except KeysUnreadable:
                raise LedgerUnavailable(
                    "the subject keys are wrapped by another key", hint="paths.wrapping_key"
                ) from None
            held.pop_all()
        return keys

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
            with self._sql:
                self._sql.execute("BEGIN IMMEDIATE")
                found = self._stored(self._made(subject), month)
            self._cached[subject, month] = (found, self._now_s())
            self._cached.move_to_end((subject, month))
            if len(self._cached) > KEYS_CACHED_MAX:
                self._cached.popitem(last=False)
            return found

    def key_of(self, pseudonym: str, month: str) -> SubjectKey | None:
        """Return the key of who has that pseudonym, as `key` does; None when he was erased."""
        with self._lock, self._sql:
            self._sql.execute("BEGIN IMMEDIATE")
            row = self._sql.execute(
                "SELECT 1 FROM subjects WHERE pseudonym = ?", (pseudonym,)
            ).fetchone()
            return None if row is None else self._stored(pseudonym, month)

    def announced(self, key_ids: Collection[str]) -> None:
        """Note that durable records tell of these keys, so that they are fresh no more."""
        with self._lock:
            for name, (key, read_s) in list(self._cached.items()):
                if key.id in key_ids:
                    self._cached[name] = (replace(key, fresh=False), read_s)
            with self._sql:
                self._sql.executemany(
                    "UPDATE keys SET announced = 1 WHERE id = ?", [(one,) for one in key_ids]
                )

    def subject(self, subject: str) -> Subject:
        """Return what stands for a subject; it is durable when this returns."""
        with self._lock:
            with self._sql:
                self._sql.execute("BEGIN IMMEDIATE")
                self._made(subject)
            found = self._looked_up(subject)
            if found is None:
                raise KeysUnreadable("a subject is not there after it was made")
            return found

    def known(self, subject: str) -> Subject | None:
        """Return what stands for a subject; None when nothing does. Nothing is made."""
        with self._lock:
            return self._remembered(subject) or self._looked_up(subject)

    def cached_secret(self, subject: str) -> bytes | None:
        """Return the secret of a subject if it was read within `KEY_CACHED_S_MAX`."""
        with self._lock:
            found = self._remembered(subject)
        return None if found is None else found.secret

    def known_secret(self, subject: str) -> bytes | None:
        """Return the secret of a subject as `known` does."""
        found = self.known(subject)
        return None if found is None else found.secret

    def secret(self, subject: str) -> bytes:
        """Return the secret of a subject as `subject` does."""
        return self.subject(subject).secret

    def secret_of(self, pseudonym: str) -> bytes | None:
        """Return the secret of who has that pseudonym; None when nobody does."""
        with self._lock:
            row = self._sql.execute(
                "SELECT secret FROM subjects WHERE pseudonym = ?", (pseudonym,)
            ).fetchone()
            return (
                None if row is None else self._unwrap(row[0], wrapping.place_of_secret(pseudonym))
            )

    def pseudonyms(self) -> frozenset[str]:
        """Return the pseudonym of everybody who is known, or has a key."""
        with self._lock:
            rows = self._sql.execute(
                "SELECT pseudonym FROM subjects UNION SELECT pseudonym FROM keys"
            ).fetchall()
            return frozenset(row[0] for row in rows)

    def months(self, pseudonym: str) -> tuple[str, ...]:
        """Return the months in which somebody has keys, in order."""
        with self._lock:
            rows = self._sql.execute(
                "SELECT month FROM keys WHERE pseudonym = ? ORDER BY month", (pseudonym,)
            ).fetchall()
            return tuple(row[0] for row in rows)

    def erase(self, pseudonym: str, owner: bytes, approval: str) -> Erasure:
        """Destroy the keys and the mapping of a subject; what went is kept until it is told.

        When it returns, they are gone from the file: freed pages are overwritten, and then cut off.
        """
        with self._lock:
            self._known.clear()
            self._cached.clear()
            with self._sql:
                self._sql.execute("BEGIN IMMEDIATE")
                rows = self._sql.execute("SELECT id FROM keys WHERE pseudonym = ?", (pseudonym,))
                gone = Erasure(pseudonym, tuple(row[0] for row in rows), owner, approval)
                self._sql.execute("DELETE FROM keys WHERE pseudonym = ?", (pseudonym,))
                self._sql.execute("DELETE FROM subjects WHERE pseudonym = ?", (pseudonym,))
                self._sql.execute(
                    "INSERT OR IGNORE INTO erasures VALUES (?, ?, ?, ?)",
                    (pseudonym, " ".join(gone.keys), owner, approval),
                )
            self._sql.execute("VACUUM")
            return gone

    def untold(self) -> tuple[Erasure, ...]:
        """Return the erasures of which no durable record tells yet."""
        with self._lock:
            rows = self._sql.execute("SELECT pseudonym, keys, owner, approval FROM erasures")
            return tuple(
                Erasure(name, tuple(keys.split()), owner, approval)
                for name, keys, owner, approval in rows.fetchall()
            )

    def told(self, pseudonym: str) -> None:
        """Note that a durable record tells of an erasure."""
        with self._lock, self._sql:
            self._sql.execute("DELETE FROM erasures WHERE pseudonym = ?", (pseudonym,))

    def seal(self, personal: Personal, field: Field, key: SubjectKey) -> Sealed:
        """Return the personal fields as ciphertext that belongs to that field alone."""
        nonce = self._chance(_NONCE_BYTES)
        plain = msgspec.json.encode(personal)
        data = key.cipher.encrypt(nonce, plain, self._bound(field))
        return Sealed(key.id, b64encode(nonce).decode(), b64encode(data).decode())

    def open_sealed(self, sealed: Sealed, field: Field) -> Personal:
        """Return the personal fields; KeyGone after erasure, SealBroken when they do not fit."""
        cipher = self.cipher_of(sealed.key)
        try:
            sealed = blobs.whole(self.blobs, sealed)
            nonce, data = b64decode(sealed.nonce), b64decode(sealed.data)
            plain = cipher.decrypt(nonce, data, self._bound(field))
            return msgspec.json.decode(plain, type=Personal)
        except (InvalidTag, ValueError):
            raise SealBroken("the sealed fields do not belong to this record") from None

    def cipher_of(self, key_id: str) -> AESGCM:
        """Return the key of that id; KeyGone after erasure."""
        with self._lock:
            row = self._sql.execute(
                "SELECT key, pseudonym, month FROM keys WHERE id = ?", (key_id,)
            ).fetchone()
        if row is None:
            raise KeyGone("the key of these fields was destroyed")
        return AESGCM(self._unwrap(row[0], wrapping.place_of_key(key_id, row[1], row[2])))

    def close(self) -> None:
        """Let go of the file and of every key in memory."""
        with self._lock:
            self._cached.clear()
            self._known.clear()
            self._sql.close()

    def _stored(self, pseudonym: str, month: str) -> SubjectKey:
        row = self._sql.execute(
            "SELECT id, key, announced FROM keys WHERE pseudonym = ? AND month = ?",
            (pseudonym, month),
        ).fetchone()
        if row is not None:
            key = self._unwrap(row[1], wrapping.place_of_key(row[0], pseudonym, month))
            return SubjectKey(row[0], AESGCM(key), pseudonym, fresh=not row[2])
        key_store.assert_wrapped_by(self._sql, self._wrapper.id)
        key_id, key = self._chance(_ID_BYTES).hex(), self._chance(_KEY_BYTES)
        wrapped = self._wrapper.wrap(key, wrapping.place_of_key(key_id, pseudonym, month))
        self._sql.execute(
            "INSERT INTO keys (id, pseudonym, month, key, wrapped_by) VALUES (?, ?, ?, ?, ?)",
            (key_id, pseudonym, month, wrapped, self._wrapper.id),
        )
        return SubjectKey(key_id, AESGCM(key), pseudonym, fresh=True)

    def _made(self, subject: str) -> str:
        """Return the pseudonym of a subject, made where there is none."""
        row = self._row_of(subject)
        if row is not None:
            return str(row[0])
        key_store.assert_wrapped_by(self._sql, self._wrapper.id)
        pseudonym = self._chance(_ID_BYTES).hex()
        secret = self._wrapper.wrap(self._chance(_KEY_BYTES), wrapping.place_of_secret(pseudonym))
        self._sql.execute(
            "INSERT INTO subjects VALUES (?, ?, ?, ?)",
            (self._handle(subject), pseudonym, secret, self._wrapper.id),
        )
        return pseudonym

    def _remembered(self, subject: str) -> Subject | None:
        found, read_s = self._known.get(subject, (None, 0.0))
        if found is None or self._now_s() - read_s > KEY_CACHED_S_MAX:
            return None
        self._known.move_to_end(subject)
        return found

    def _looked_up(self, subject: str) -> Subject | None:
        row = self._row_of(subject)
        if row is None:
            self._known.pop(subject, None)
            return None
        found = Subject(row[0], self._unwrap(row[1], wrapping.place_of_secret(row[0])))
        self._known[subject] = (found, self._now_s())
        self._known.move_to_end(subject)
        if len(self._known) > KEYS_CACHED_MAX:
            self._known.popitem(last=False)
        return found

    def _row_of(self, subject: str) -> tuple[str, bytes] | None:
        found: tuple[str, bytes] | None = self._sql.execute(
            "SELECT pseudonym, secret FROM subjects WHERE handle = ?", (self._handle(subject),)
        ).fetchone()
        return found

    def _handle(self, subject: str) -> bytes:
        return hmac.digest(self._pepper, subject.encode(), "sha256")

    def _unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        try:
            return self._wrapper.unwrap(wrapped, bound)
        except WrapBroken:
            raise KeysUnreadable("a key is wrapped by another key, or damaged") from None

    def _bound(self, field: Field) -> bytes:
        return f"{self._origin}|{field.record_id}|{field.name}".encode()
