"""The key that wraps other keys, behind an interface that a key service can stand behind.

What lies in the store of subject keys is of no use without it, so that a copy of the store alone
opens nothing. Erasure does not need it: what is destroyed is the wrapped key.
"""

import os
import stat
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.domain.errors import LedgerUnavailable
from gateway.ledger.files import Files

KEY_FILE_BYTES_MAX = 1_024
_PREFIX = "PERIMETER+WRAPPING+KEY+1+"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_ID_CHARS = 16
_ID_OF = b"perimeter wrapping key: id\n"


class WrapBroken(ValueError):
    """What was wrapped does not belong here, was changed, or was wrapped by another key."""


class Wrapper(Protocol):
    """Wraps keys. A key service has the same two calls; both may block."""

    @property
    def id(self) -> str:
        """What tells this key from another; it tells nothing of the key."""

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        """Return the key as ciphertext that opens only where `bound` is the same. OSError."""

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Return the key; WrapBroken when it does not belong there, OSError."""


class FileWrapper:
    """A wrapping key in a file of its own: AES-256-GCM; it never prints itself."""

    __slots__ = ("_cipher", "id")

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self.id = sha256(_ID_OF + key).hexdigest()[:_ID_CHARS]

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        """Return nonce and ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, bound)

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Return the key; WrapBroken."""
        try:
            return self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            raise WrapBroken("a wrapped key cannot be opened") from None

    def __repr__(self) -> str:
        return f"FileWrapper({self.id}, ***)"


def make(path: Path, files: Files) -> FileWrapper:
    """Write a new key to a new file that only we can read; OSError."""
    key = os.urandom(_KEY_BYTES)
    files.publish(path, f"{_PREFIX}{b64encode(key).decode()}\n".encode())
    return FileWrapper(key)


def load(path: Path) -> FileWrapper:
    """Read a key file; LedgerUnavailable when it is missing, open to others or no key."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(KEY_FILE_BYTES_MAX).decode("ascii", "replace").strip()
    except OSError as error:
        hint = error.strerror or ""
        raise LedgerUnavailable("the wrapping key cannot be read", hint=hint) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise LedgerUnavailable("the wrapping key is open to other users", hint="chmod 600")
    key = _decoded(text.removeprefix(_PREFIX)) if text.startswith(_PREFIX) else b""
    if len(key) != _KEY_BYTES:
        raise LedgerUnavailable("the wrapping key is damaged")
    return FileWrapper(key)


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""


# To what the key of the hashes of names is bound; a store has one.
PLACE_OF_PEPPER = b"pepper"


# INVARIANT: a wrapped key opens at its own place alone: nobody can put one in place of another.
def place_of_key(key_id: str, pseudonym: str, month: str) -> bytes:
    """Return to what the key of a subject and month is bound."""
    return f"key|{key_id}|{pseudonym}|{month}".encode()


def place_of_secret(pseudonym: str) -> bytes:
    """Return to what the secret of a subject is bound."""
    return f"secret|{pseudonym}".encode()
