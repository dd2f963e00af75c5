"""Policies and catalogues by digest, beside the log, so that a decision can be made again."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from gateway.audit.canonical import DIGEST_PREFIX, digest_of, document
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger.files import Files
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain
from gateway.ledger.shards import shards

DOCUMENT_BYTES_MAX = 16 * 1024 * 1024
_HEX_CHARACTERS = sha256().digest_size * 2


def store(folder: LedgerFolder, value: object, files: Files) -> str:
    """Make a document durable under its digest and return that; LedgerUnavailable, OSError."""
    data = document(value)
    if len(data) > DOCUMENT_BYTES_MAX:
        raise LedgerUnavailable("the document is larger than the ledger keeps")
    digest = digest_of(data)
    files.publish(place_of(folder, digest), data)
    return digest


def load(folder: LedgerFolder, digest: str) -> Any:  # noqa: ANN401 - plain data of any shape
    """Return the document of that digest, whichever shard has it.

    ChainBroken when it is not there or was changed; OSError.
    """
    fault = ""
    for shard in reversed(shards(folder)):
        fault = check(shard, digest)
        if not fault:
            return msgspec.json.decode(read_plain(place_of(shard, digest), DOCUMENT_BYTES_MAX))
    raise ChainBroken(f"the document {digest} {fault}")


def check(folder: LedgerFolder, digest: str) -> str:
    """Return what is wrong with a stored document; empty when it is whole."""
    if not is_digest(digest):
        return "has no digest of the right form"
    try:
        data = read_plain(place_of(folder, digest), DOCUMENT_BYTES_MAX)
    except OSError:
        return "is missing or cannot be read"
    return "" if digest_of(data) == digest else "is not what its digest says"


def is_digest(text: str) -> bool:
    """Is this `sha256:` and 64 hexadecimal digits? Anything else must not become a path."""
    name = text.removeprefix(DIGEST_PREFIX)
    return name != text and len(name) == _HEX_CHARACTERS and set(name) <= set("0123456789abcdef")


def place_of(folder: LedgerFolder, digest: str) -> Path:
    """Return where the document of that digest lies."""
    return folder.documents / f"{digest.removeprefix(DIGEST_PREFIX)}.json"
