"""The persons who may ask and approve: a name, a public key, and what each may sign."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from gateway.domain.approval import Action
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, Problem
from gateway.domain.person import Person

PERSONS_MAX = 1_000
KEY_BYTES = 32
FINGERPRINT_CHARS = 32
_NAME = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,63}\Z")]


class PersonEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One person: the Ed25519 public key in base64, and the actions that the key may sign."""

    key: str
    may: tuple[Action, ...]


class PersonsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """persons.yaml: every person by a name that the ledger never repeats."""

    version: Literal[1]
    persons: Annotated[dict[_NAME, PersonEntry], Meta(max_length=PERSONS_MAX)]


class Persons:
    """Every person by the fingerprint of the key."""

    def __init__(self, entries: Mapping[str, Person]) -> None:
        self._entries = dict(entries)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def digest(self) -> str:
        """What tells these from others: keys and what each may sign, no name; empty of nobody."""
        lines = [
            f"{mark} {' '.join(sorted(one.may))}\n" for mark, one in sorted(self._entries.items())
        ]
        return f"sha256:{sha256(''.join(lines).encode()).hexdigest()}" if lines else ""

    def of(self, fingerprint: str) -> Person | None:
        """Return the person of that key, or None."""
        return self._entries.get(fingerprint)

    def name_of(self, fingerprint: str) -> str:
        """Return the name for people's eyes; the fingerprint where nobody is listed."""
        person = self._entries.get(fingerprint)
        return fingerprint if person is None else person.name


NOBODY = Persons({})


def fingerprint(key: bytes) -> str:
    """Return the first 128 bits of SHA-256 over the 32 bytes of a public key, as hex."""
    return sha256(key).hexdigest()[:FINGERPRINT_CHARS]


def read_persons(document: Document) -> Persons:
    """Return the persons of a document; ConfigError carries every problem."""
    try:
        file = msgspec.convert(document.value, PersonsFile)
    except msgspec.ValidationError as error:
        raise ConfigError((document.problem("", f"cannot be used: {error}"),)) from None
    found: dict[str, Person] = {}
    problems: list[Problem] = []
    for name, entry in file.persons.items():
        at = f"/persons/{name}"
        raw = _key_bytes(entry.key)
        if raw is None:
            problems.append(document.problem(f"{at}/key", "must be 32 bytes in base64"))
            continue
        mark = fingerprint(raw)
        # INVARIANT: two persons are two keys.
        if mark in found:
            what = f"has the key of {found[mark].name}; two persons are two keys"
            problems.append(document.problem(f"{at}/key", what))
            continue
        found[mark] = Person(name, raw, frozenset(entry.may))
    if problems:
        raise ConfigError(tuple(problems))
    return Persons(found)


def _key_bytes(text: str) -> bytes | None:
    try:
        raw = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == KEY_BYTES else None
