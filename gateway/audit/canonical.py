"""The one byte form that is hashed: JSON in UTF-8 with sorted keys and no needless space.

The bytes that are hashed are the bytes that are stored, so nothing is encoded twice. A record
holds no float: its text would depend on who writes it.
"""

import math
from datetime import date, timedelta
from hashlib import sha256

import msgspec

from gateway.audit.record import VERSION, Admin, Decided, Record

# WHY: C2SP tlog-tiles counts the bytes of an entry in 16 bits.
ENTRY_BYTES_MAX = 65_535
SALT_BYTES_MIN = 16
# WHY: the last microsecond of the year 9999; later times have no date, and less fits 64 bits.
TS_US_MAX = 253_402_300_799_999_999
FACTS_DEPTH_MAX = 32
DIGEST_PREFIX = "sha256:"

_ENCODER = msgspec.json.Encoder(order="sorted")
_RECORD: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
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
    try:
        entry = _ENCODER.encode(record)
        read = _RECORD.decode(entry)
        fault = _fault(record) or _fault(read) or _difference(entry, read)
    except _ENCODING as error:
        raise EntryRefused(f"the record has no canonical form: {type(error).__name__}") from None
    if fault:
        raise EntryRefused(fault)
    if len(entry) > ENTRY_BYTES_MAX:
        raise EntryTooLarge(f"the record has {len(entry)} bytes, an entry {ENTRY_BYTES_MAX}")
    return entry


def decode(entry: bytes) -> Record:
    """Read an entry; EntryUnreadable unless it is what `encode` writes, byte for byte.

    That refuses whatever has two forms: an unknown, doubled or missing field, another order, a
    set with an element twice, a number or a date written differently.
    """
    if len(entry) > ENTRY_BYTES_MAX:
        raise EntryUnreadable(f"the entry has {len(entry)} bytes, more than {ENTRY_BYTES_MAX}")
    try:
        record = _RECORD.decode(entry)
        fault = _fault(record) or _difference(entry, record)
    except _ENCODING as error:
        raise EntryUnreadable(f"the entry is no record: {type(error).__name__}") from None
    if fault:
        raise EntryUnreadable(fault)
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


def _difference(entry: bytes, record: Record) -> str:
    return "" if _ENCODER.encode(record) == entry else "the entry is not in its canonical form"


def _fault(record: Record) -> str:
    """Return why a record of the right shape has no canonical form; empty when it has one."""
    if not 1 <= record.v <= VERSION:
        return f"the entry has version {record.v}; this reader knows 1 to {VERSION}"
    if not 0 <= record.ts_us <= TS_US_MAX:
        return "the time of the record lies outside the years 1970 to 9999"
    if isinstance(record, Admin) and not _is_exact(record.facts):
        return "the facts of an Admin record hold a float or something not plain, or nest too deep"
    return _fault_of_times(record) if isinstance(record, Decided) else ""


def _fault_of_times(record: Decided) -> str:
    if record.decision.decided_at.utcoffset() != timedelta(0):
        return "the time of the decision is not in UTC"
    others = [record.redaction.decision.decided_at] if record.redaction else []
    others += [record.granted.begins, record.granted.until] if record.granted else []
    naive = any(one.utcoffset() is None for one in others)
    return "a time of the record says no distance from UTC" if naive else ""


def _is_exact(value: object, depth: int = 0) -> bool:
    """Is this plain data without floats, not nested too deep?"""
    if depth > FACTS_DEPTH_MAX:
        return False
    if isinstance(value, dict):
        pairs = value.items()
        return all(isinstance(key, str) and _is_exact(item, depth + 1) for key, item in pairs)
    if isinstance(value, list | tuple | set | frozenset):
        return all(_is_exact(item, depth + 1) for item in value)
    return value is None or isinstance(value, bool | int | str)


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return all(_is_plain(item) for item in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str | date)
