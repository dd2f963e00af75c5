"""The one byte form that is hashed: JSON in UTF-8 with sorted keys and no needless space.

The bytes that are hashed are the bytes that are stored, so nothing is encoded twice. A record
holds no float: its text would depend on who writes it.
"""

import math
from datetime import date
from hashlib import sha256

import msgspec

from gateway.audit.record import VERSION, Admin, Record

# WHY: C2SP tlog-tiles counts the bytes of an entry in 16 bits.
ENTRY_BYTES_MAX = 65_535
SALT_BYTES_MIN = 16
DIGEST_PREFIX = "sha256:"

_ENCODER = msgspec.json.Encoder(order="sorted")
_RECORD: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
_PLAIN = msgspec.json.Decoder()
# WHY: the encoder and decoder raise these; a RecursionError is a value nested beyond reading.
_ENCODING = (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError)


class EntryRefused(ValueError):
    """The record has no canonical form; it must not be written."""


class EntryTooLarge(EntryRefused):
    """The record is larger than an entry may be; it is never cut to fit."""


class EntryUnreadable(ValueError):
    """The bytes are not the canonical form of a record that this version knows."""


def encode(record: Record) -> bytes:
    """Return the canonical bytes of a record; EntryRefused or EntryTooLarge.

    INVARIANT: what is returned can be read back, floats and wrong types included in the check.
    """
    if isinstance(record, Admin) and not _is_exact(record.facts):
        raise EntryRefused("the facts of an Admin record hold a float or something not plain")
    try:
        entry = _ENCODER.encode(record)
        _RECORD.decode(entry)
    except _ENCODING as error:
        raise EntryRefused(f"the record has no canonical form: {type(error).__name__}") from None
    if len(entry) > ENTRY_BYTES_MAX:
        raise EntryTooLarge(f"the record has {len(entry)} bytes, an entry {ENTRY_BYTES_MAX}")
    return entry


def decode(entry: bytes) -> Record:
    """Read an entry; EntryUnreadable unless it is canonical and every field is known.

    An entry of an older version may lack fields that were added since.
    """
    if len(entry) > ENTRY_BYTES_MAX:
        raise EntryUnreadable(f"the entry has {len(entry)} bytes, more than {ENTRY_BYTES_MAX}")
    try:
        record = _RECORD.decode(entry)
        exact = _ENCODER.encode(record) == entry
    except _ENCODING as error:
        raise EntryUnreadable(f"the entry is no record: {type(error).__name__}") from None
    if not 1 <= record.v <= VERSION:
        raise EntryUnreadable(f"the entry has version {record.v}; this reader knows 1 to {VERSION}")
    if not exact:
        _assert_canonical_of_older(entry, record)
    return record


def digest(value: object) -> str:
    """Return `sha256:<hex>` of the canonical form of a plain document; EntryRefused."""
    return digest_of(document(value))


def digest_of(data: bytes) -> str:
    """Return `sha256:<hex>` of bytes."""
    return DIGEST_PREFIX + sha256(data).hexdigest()


def document(value: object) -> bytes:
    """Return the canonical bytes of plain data (a policy, a catalogue); EntryRefused.

    A finite float stands in its shortest form: a document is hashed once, as it is stored.
    """
    if not _is_plain(value):
        raise EntryRefused("the document is not plain data")
    try:
        return _ENCODER.encode(value)
    except _ENCODING as error:
        raise EntryRefused(f"the document has no canonical form: {type(error).__name__}") from None


def commit(salt: bytes, data: bytes) -> str:
    """Return a salted commitment, `sha256:<hex>`; whoever lacks the salt cannot try guesses."""
    if len(salt) < SALT_BYTES_MIN:
        raise ValueError(f"a salt has at least {SALT_BYTES_MIN} bytes")
    return digest_of(salt + data)


def _assert_canonical_of_older(entry: bytes, record: Record) -> None:
    plain = _PLAIN.decode(entry)
    if _ENCODER.encode(plain) != entry:
        raise EntryUnreadable("the entry is not in its canonical form")
    if not _covers(msgspec.to_builtins(record), plain):
        raise EntryUnreadable("the entry has a field that this version does not know")


def _covers(known: object, found: object) -> bool:
    if isinstance(found, dict):
        return isinstance(known, dict) and all(
            key in known and _covers(known[key], value) for key, value in found.items()
        )
    if isinstance(found, list) and isinstance(known, list | tuple):
        return all(_covers(ours, theirs) for ours, theirs in zip(known, found, strict=False))
    return True


def _is_exact(value: object) -> bool:
    """Is this plain data without floats?"""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_exact(item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return all(_is_exact(item) for item in value)
    return value is None or isinstance(value, bool | int | str)


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return all(_is_plain(item) for item in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str | date)
