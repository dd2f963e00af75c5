"""The signing key of a log, in a file of its own."""

import hmac
import stat
import struct
from base64 import b64decode, b64encode
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.audit.checkpoint import Vkey, vkey_of
from gateway.domain.errors import LedgerUnavailable
from gateway.ledger.files import Files
from gateway.ledger.frames import MAC_BYTES

_PREFIX = "PRIVATE+KEY+"
_ED25519 = b"\x01"
_SEED_BYTES = 32
KEY_FILE_BYTES_MAX = 1_024
_MAC_KEY_BYTES = 32
_MAC_OF = b"perimeter ledger: MAC of a frame\n"
_BOUND = struct.Struct(">QQ")


class SigningKey:
    """An Ed25519 key that signs under the name of one log; it never prints itself."""

    __slots__ = ("_mac_key", "name", "private")

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self.name = name
        self.private = private
        derive = HKDF(SHA256(), _MAC_KEY_BYTES, None, _MAC_OF + name.encode())
        self._mac_key = derive.derive(private.private_bytes_raw())

    @property
    def vkey(self) -> Vkey:
        """The public half."""
        return vkey_of(self.name, self.private)

    @property
    def private_bytes(self) -> bytes:
        """The seed of the key."""
        return self.private.private_bytes_raw()

    def under(self, name: str) -> "SigningKey":
        """Return the same key as it signs under the name of another shard."""
        return SigningKey(name, self.private)

    def mac(self, index: int, group: int, entry: bytes) -> bytes:
        """Return the MAC of an entry at that index, under a key that is of this log alone."""
        return hmac.digest(self._mac_key, _BOUND.pack(index, group) + entry, "sha256")[:MAC_BYTES]

    def __repr__(self) -> str:
        return f"SigningKey({self.name}, ***)"


def make(path: Path, name: str, files: Files) -> SigningKey:
    """Write a new key to a new file that only we can read; OSError."""
    key = SigningKey(name, Ed25519PrivateKey.generate())
    seed = b64encode(_ED25519 + key.private.private_bytes_raw()).decode()
    files.publish(path, f"{_PREFIX}{name}+{key.vkey.key_id.hex()}+{seed}\n".encode())
    return key


def load(path: Path) -> SigningKey:
    """Read a key file; LedgerUnavailable when it is missing, open to others or no key."""
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            text = file.read(KEY_FILE_BYTES_MAX).decode("ascii", "replace").strip()
    except OSError as error:
        raise LedgerUnavailable(
            "the signing key of the ledger cannot be read", hint=error.strerror or ""
        ) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise LedgerUnavailable(
            "the signing key of the ledger is open to other users", hint="chmod 600"
        )
    return _parse(text)


def _parse(text: str) -> SigningKey:
    name, _, rest = text.removeprefix(_PREFIX).partition("+")
    key_id, _, encoded = rest.partition("+")
    data = _decoded(encoded)
    if text.startswith(_PREFIX) and data[:1] == _ED25519 and len(data) == 1 + _SEED_BYTES:
        key = SigningKey(name, Ed25519PrivateKey.from_private_bytes(data[1:]))
        if key.vkey.key_id.hex() == key_id:
            return key
    raise LedgerUnavailable("the signing key of the ledger is damaged")


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""
