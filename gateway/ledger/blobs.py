"""Personal fields that no entry can hold: their ciphertext lies beside the log, by its digest.

It is sealed as the fields in an entry are, under the same key and for the same place, so whoever is
erased takes it along. The blobs of all shards lie together in the ledger's folder.
"""

from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

from msgspec import UNSET
from msgspec.structs import replace

from gateway.audit.canonical import DIGEST_PREFIX, digest_of
from gateway.audit.record import Sealed
from gateway.domain.errors import LedgerUnavailable, TooLarge
from gateway.ledger.files import Files
from gateway.ledger.plain import read_plain

# WHY: half an entry is left for what stands in clear.
SEALED_CHARACTERS_MAX = 32_768
BLOB_BYTES_MAX = 16 * 1024 * 1024
_HEX_CHARACTERS = sha256().digest_size * 2


def spill(folder: Path, sealed: Sealed, files: Files) -> Sealed:
    """Return the sealed fields as an entry names them, with their blob durable.

    LedgerUnavailable when it cannot be written; TooLarge when it is larger than a blob may be.
    """
    data = b64decode(sealed.data)
    if len(data) > BLOB_BYTES_MAX:
        raise TooLarge("what is personal of this request is larger than may be kept")
    digest = digest_of(data)
    try:
        files.make_folder(folder)
        files.sync_folder(folder.parent)
        files.publish(place_of(folder, digest), data)
    except OSError as error:
        hint = error.strerror or ""
        raise LedgerUnavailable("personal fields cannot be written", hint=hint) from None
    return replace(sealed, data="", blob=digest)


def whole(folder: Path, sealed: Sealed) -> Sealed:
    """Return the sealed fields with their ciphertext; ValueError when the blob is not there."""
    if sealed.blob is UNSET:
        return sealed
    fault = check(folder, sealed.blob)
    if fault:
        raise ValueError(fault)
    data = read_plain(place_of(folder, sealed.blob), BLOB_BYTES_MAX)
    return replace(sealed, data=b64encode(data).decode(), blob=UNSET)


def check(folder: Path, digest: str) -> str:
    """Return what is wrong with a blob; empty when it is whole."""
    name = digest.removeprefix(DIGEST_PREFIX)
    if len(name) != _HEX_CHARACTERS or not set(name) <= set("0123456789abcdef"):
        return "has no digest of the right form"
    try:
        data = read_plain(place_of(folder, digest), BLOB_BYTES_MAX)
    except OSError:
        return "is missing or cannot be read"
    return "" if digest_of(data) == digest else "is not what its digest says"


def place_of(folder: Path, digest: str) -> Path:
    """Return where the blob of that digest lies."""
    return folder / digest.removeprefix(DIGEST_PREFIX)
