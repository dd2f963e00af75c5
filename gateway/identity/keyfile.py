"""The key file: hashes only; read with all its problems."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import FieldInfo, fields

from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, Problem
from gateway.domain.vocabulary import LABEL_TEXT_MAX
from gateway.identity import anonymous
from gateway.identity.certificate import SUBJECT_RULE, folded, is_subject
from gateway.identity.keys import HASH, KEY_ID, KEY_ID_RULE, KEYS_MAX, KeyEntry, KeyRing, Previous

VERSION = 1
NAME_CHARS_MAX = 256
REPOS_MAX = 256
KNOWN_BY = ("hash", "generation")
NARROWING = frozenset({"tasks", "zones"})
LABELS = frozenset({"label", "clearance"})

FIELDS: dict[str, FieldInfo] = {field.name: field for field in fields(KeyEntry)}
RESERVED = f"`{anonymous.KEY_ID}` stands for callers without a key"
_PLAIN_NAME = re.compile(r"[a-z_]{1,32}")


def read_keys(document: Document) -> KeyRing:
    """Return the keys of a document; ConfigError carries every problem, and no hash."""
    value = document.value
    if not isinstance(value, dict):
        raise ConfigError((document.problem("", "must be a map with `version` and `keys`"),))
    problems = list(_frame_problems(document, value))
    keys = value.get("keys")
    entries: dict[str, KeyEntry] = {}
    for key_id, raw in keys.items() if isinstance(keys, dict) else ():
        found = list(_entry_problems(document, key_id, raw))
        if not found:
            entries[key_id] = msgspec.convert(raw, KeyEntry)
        problems += found
    problems += _repeated(document, entries)
    problems += _shared(document, entries)
    if problems:
        raise ConfigError(tuple(problems))
    return KeyRing(entries)


def _frame_problems(document: Document, value: dict[str, Any]) -> Iterator[Problem]:
    yield from (
        document.problem("", "unknown key; a key file holds `version` and `keys`")
        for name in value
        if name not in {"version", "keys"}
    )
    if type(value.get("version")) is not int or value["version"] != VERSION:
        yield document.problem("/version", f"must be {VERSION}")
    keys = value.get("keys")
    if not isinstance(keys, dict):
        yield document.problem("/keys", "must be a map from key id to key")
    elif len(keys) > KEYS_MAX:
        yield document.problem("/keys", f"more than {KEYS_MAX} keys")


def _entry_problems(document: Document, key_id: str, raw: object) -> Iterator[Problem]:
    at = f"/keys/{key_id}"
    if not KEY_ID.fullmatch(key_id):
        # WHY: the id is not repeated: people paste whole keys into such files.
        line = document.line(at)
        yield Problem(document.file, line, "/keys", KEY_ID_RULE)
        return
    if key_id == anonymous.KEY_ID:
        yield document.problem(at, RESERVED)
    if not isinstance(raw, dict):
        yield document.problem(at, "must be a map")
        return
    yield from _whole_problems(document, at, raw)
    for name, value in raw.items():
        what = _field_problem(name, value)
        if what is not None:
            yield document.problem(f"{at}/{name}" if name in FIELDS else at, what)


def _whole_problems(document: Document, at: str, raw: dict[str, Any]) -> Iterator[Problem]:
    known_by = [name for name in KNOWN_BY if raw.get(name) is not None]
    if len(known_by) != 1 and not (raw.get("certificates") and not known_by):
        yield document.problem(at, "give `hash`, or `generation` for an access key, and not both")
    for name, field in FIELDS.items():
        if field.required and name not in raw:
            yield document.problem(at, f"`{name}` is missing")
    if raw.get("selects_repo") is True and not raw.get("repos"):
        yield document.problem(f"{at}/selects_repo", "there is no repo to select; list `repos`")
    old = raw.get("previous")
    if isinstance(old, dict) and [name for name in KNOWN_BY if old.get(name)] != known_by:
        what = f"must hold the earlier `{known_by[0] if known_by else 'hash'}` of this key"
        yield document.problem(f"{at}/previous", what)


def _field_problem(name: str, value: object) -> str | None:
    """Return what is wrong with one field, without repeating its value."""
    field = FIELDS.get(name)
    if field is None:
        return f"unknown key `{name}`" if _PLAIN_NAME.fullmatch(name) else "an unknown key"
    try:
        read = msgspec.convert(value, field.type)
    except msgspec.ValidationError as error:
        return str(error)
    told = read.hash if isinstance(read, Previous) else value if name == "hash" else None
    if told is not None and not HASH.fullmatch(str(told)):
        return "must be `sha256:` and 64 hexadecimal digits, as `perimeter keys create` prints"
    if isinstance(read, Previous) and read.until.tzinfo is None:
        return "`until` is a moment with its time zone, such as 2026-12-01T00:00:00Z"
    if isinstance(value, str) and not 0 < len(value) <= _chars_max(name):
        return f"must have 1 to {_chars_max(name)} characters"
    return _list_problem(name, value) if isinstance(value, list) else None


def _list_problem(name: str, value: list[object]) -> str | None:
    if len(value) > REPOS_MAX:
        return f"must have at most {REPOS_MAX} entries"
    if name in NARROWING and not value:
        return "an empty list would allow nothing; leave it out, or revoke the key"
    if name == "certificates" and not all(
        isinstance(one, str) and is_subject(one) for one in value
    ):
        return SUBJECT_RULE
    return None


def _chars_max(name: str) -> int:
    return LABEL_TEXT_MAX if name in LABELS else NAME_CHARS_MAX


def _shared(document: Document, entries: dict[str, KeyEntry]) -> Iterator[Problem]:
    """Yield a problem for a certificate that would name two keys."""
    first: dict[str, str] = {}
    for key_id, entry in entries.items():
        for subject in map(folded, entry.certificates if entry.is_certified else ()):
            if first.setdefault(subject, key_id) != key_id:
                what = f"holds a subject of `{first[subject]}`; a certificate names one key"
                yield document.problem(f"/keys/{key_id}/certificates", what)


def _repeated(document: Document, entries: dict[str, KeyEntry]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for key_id, entry in entries.items():
        old = entry.previous.hash if entry.previous is not None else None
        for field, hashed in (("hash", entry.hash), ("previous", old)):
            if hashed is None:
                continue
            if hashed in first:
                what = f"has the hash of `{first[hashed]}`; every key is made anew"
                yield document.problem(f"/keys/{key_id}/{field}", what)
            first.setdefault(hashed, key_id)
