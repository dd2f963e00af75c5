"""A secret of this machine, made at its first use.

It authenticates what the node caches, and the secrets of access keys are made from it.
"""

import hashlib
import hmac
import os
from pathlib import Path

from gateway.config.settings import Paths
from gateway.domain.errors import LedgerUnavailable
from gateway.identity import access_keys

NAME = "node.secret"
SECRET_BYTES = 32
MODE = 0o600
FINGERPRINT_PURPOSE = "fingerprint"
DICTIONARY_PURPOSE = "dictionary"


def node_secret(path: Path) -> bytes:
    """Return the secret, made on first use; LedgerUnavailable when the place cannot be used."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        except FileExistsError:
            return _read(path)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(SECRET_BYTES))
            file.flush()
            # WHY: access keys hang on it; a crash may not leave the next start with another one.
            os.fsync(file.fileno())
        return _read(path)
    except OSError as error:
        reason = error.strerror or "unknown error"
        raise LedgerUnavailable("The node secret cannot be kept.", hint=reason) from None


def secret_place(paths: Paths) -> Path:
    """Return where the secret lies: beside the signing key."""
    return paths.signing_key.parent / NAME


def access_root(paths: Paths) -> bytes:
    """Return what the secrets of this node's access keys are made from."""
    return derived(node_secret(secret_place(paths)), access_keys.PURPOSE)


def dictionary_key(paths: Paths) -> bytes:
    """Return the key under which words of dictionaries are hashed."""
    return derived(node_secret(secret_place(paths)), DICTIONARY_PURPOSE)


def fingerprint_key(paths: Paths) -> bytes:
    """Return the key of the fingerprints of findings.

    INVARIANT: it is the same in every life of the node: what a steward allowed stays allowed.
    """
    return derived(node_secret(secret_place(paths)), FINGERPRINT_PURPOSE)


def derived(secret: bytes, purpose: str) -> bytes:
    """Return the secret for one purpose; it tells nothing of the others."""
    return hmac.digest(secret, f"perimeter/{purpose}/1".encode(), hashlib.sha256)


def _read(path: Path) -> bytes:
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise LedgerUnavailable("The node secret is damaged.", hint="remove it to make a new one")
    return secret
