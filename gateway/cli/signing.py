"""The private keys of persons, in files of their own, in the form that OpenSSL reads."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

MODE = 0o600
KEY_BYTES_MAX = 8 * 1024
OPEN_TO_OTHERS = 0o077


def write_key(path: Path, key: Ed25519PrivateKey) -> None:
    """Write a new file that only we can read; OSError, also when there is one already."""
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def read_key(path: Path) -> Ed25519PrivateKey:
    """Return the key of a file; OSError, or ValueError when it is open to others or no key."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & OPEN_TO_OTHERS:
            raise ValueError("the key is open to other users; chmod 600")
        data = file.read(KEY_BYTES_MAX)
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError):
        key = None
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise ValueError("not an Ed25519 private key in PEM form, without a password")
