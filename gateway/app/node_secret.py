"""A secret of this machine, made at its first start; it authenticates what the node caches."""

import os
from pathlib import Path

from gateway.domain.errors import LedgerUnavailable

SECRET_BYTES = 32
MODE = 0o600


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
        return _read(path)
    except OSError as error:
        reason = error.strerror or "unknown error"
        raise LedgerUnavailable("The node secret cannot be kept.", hint=reason) from None


def _read(path: Path) -> bytes:
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise LedgerUnavailable("The node secret is damaged.", hint="remove it to make a new one")
    return secret
