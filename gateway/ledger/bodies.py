"""Texts of requests and replies, kept outside the log: each under a key of its own.

A body lies at `<pseudonym>/<day>/<id>`. Its key is wrapped by the key of its subject and month, so
whoever is erased takes his bodies along, wherever copies of them are. What is bound into both is
the log, the record and the id: no body can stand for another.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from gateway.ledger.files import Files
from gateway.ledger.plain import read_plain
from gateway.ledger.subject_keys import Field, KeyGone, SealBroken, SubjectKey

BODY_BYTES_MAX = 64 * 1024 * 1024
_FOLDER_MODE = 0o700
_MARK = b"PMTBODY1"
_ID_BYTES = 16
_KEY_BYTES = 32
_NONCE_BYTES = 12
_WRAPPED_BYTES = _NONCE_BYTES + _KEY_BYTES + 16
_HEAD_BYTES = len(_MARK) + _ID_BYTES
_ID = re.compile(r"[0-9a-f]{32}")
_MONTH_CHARS = len("2026-12")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# Says of a pseudonym and a month whether a hold keeps what is known of them.
IsHeld = Callable[[str, str], bool]


class Due(Struct, frozen=True):
    """The folders of days that are over, how many bodies lie there, and how many a hold keeps."""

    days: tuple[Path, ...] = ()
    bodies: int = 0
    held: int = 0


def is_body_id(text: str) -> bool:
    """Is this the id of a body, and no word for why there is none?"""
    return _ID.fullmatch(text) is not None


class BodyStore:
    """A folder of bodies of one log. Methods block; OSError."""

    def __init__(
        self,
        root: Path,
        origin: str,
        files: Files | None = None,
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._root = root
        self._origin = origin
        self._files = files or Files()
        self._chance = chance

    def put(self, data: bytes, field: Field, key: SubjectKey, ts_us: int) -> str:
        """Seal and write a body; return its id when it is on the disk."""
        body_id, body_key = self._chance(_ID_BYTES).hex(), self._chance(_KEY_BYTES)
        bound = self._bound(field, body_id)
        wrapped = self._sealed(key.cipher, body_key, bound)
        sealed = self._sealed(AESGCM(body_key), data, bound)
        day = f"{_EPOCH + timedelta(microseconds=ts_us):%Y-%m-%d}"
        folder = self._root / key.pseudonym / day
        self._make(folder)
        head = _MARK + bytes.fromhex(key.id)
        self._files.publish(folder / body_id, head + wrapped + sealed)
        return body_id

    def get(self, body_id: str, field: Field, cipher_of: Callable[[str], AESGCM]) -> bytes:
        """Return a body; KeyGone when it was erased or pruned, SealBroken when it does not fit."""
        path = self._find(body_id)
        if path is None:
            raise KeyGone("this body is not there any more")
        raw = read_plain(path, BODY_BYTES_MAX)
        key_id, rest = raw[len(_MARK) : _HEAD_BYTES].hex(), raw[_HEAD_BYTES:]
        bound = self._bound(field, body_id)
        try:
            if not raw.startswith(_MARK):
                raise SealBroken("this is no body")
            body_key = _opened(cipher_of(key_id), rest[:_WRAPPED_BYTES], bound)
            return _opened(AESGCM(body_key), rest[_WRAPPED_BYTES:], bound)
        except (InvalidTag, ValueError):
            raise SealBroken("the body does not belong to this record") from None

    def erase(self, pseudonym: str) -> int:
        """Delete every body of a subject; return how many there were."""
        folder = self._root / pseudonym
        if not is_body_id(pseudonym) or not folder.is_dir():
            return 0
        count = sum(1 for one in folder.glob("*/*") if one.is_file())
        shutil.rmtree(folder)
        self._files.sync_folder(self._root)
        return count

    def due(self, before: date, is_held: IsHeld) -> Due:
        """Return the days before that one, without those that a hold keeps."""
        due = Due()
        for day in self._days():
            if day.name < before.isoformat():
                count = sum(1 for _ in day.iterdir())
                if is_held(day.parent.name, day.name[:_MONTH_CHARS]):
                    due = Due(due.days, due.bodies, due.held + count)
                else:
                    due = Due((*due.days, day), due.bodies + count, due.held)
        return due

    def prune(self, due: Due) -> None:
        """Delete what is due."""
        for day in due.days:
            shutil.rmtree(day)

    def _days(self) -> Iterator[Path]:
        if self._root.is_dir():
            yield from sorted(one for one in self._root.glob("*/*-*-*") if one.is_dir())

    def _find(self, body_id: str) -> Path | None:
        if not is_body_id(body_id):
            return None
        return next(iter(self._root.glob(f"*/*/{body_id}")), None)

    def _make(self, folder: Path) -> None:
        """Make the folders of a subject and a day, each durably named."""
        for path in (folder.parent, folder):
            if not path.is_dir():
                path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
                self._files.sync_folder(path.parent)

    def _sealed(self, cipher: AESGCM, data: bytes, bound: bytes) -> bytes:
        nonce = self._chance(_NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, data, bound)

    def _bound(self, field: Field, body_id: str) -> bytes:
        return f"{self._origin}|{field.record_id}|{field.name}|{body_id}".encode()


def _opened(cipher: AESGCM, sealed: bytes, bound: bytes) -> bytes:
    return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
