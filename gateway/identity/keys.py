"""API keys: known by hash, found by id, compared in constant time."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct
from msgspec.structs import replace

from gateway.domain.caller import Allowance, Caller
from gateway.domain.errors import Unauthenticated
from gateway.domain.secret import Secret
from gateway.identity import anonymous
from gateway.identity.certificate import folded
from gateway.identity.sent import KEY_HEADERS

KEYS_MAX = 100_000
GENERATION_MAX = 1_000_000
RANDOM_BYTES = 32
HASHES_MAX = 2
CERTIFIED = "mtls"
# How a caller is known of whom the key file tells.
KNOWN_HERE = frozenset({"", CERTIFIED})
HEADER_CHARS_MAX = 256
BEARER = "authorization"
KEY_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
KEY_ID_RULE = "a key id is 1 to 40 of a-z, 0-9 and inner hyphens"
HASH = re.compile(r"sha256:[0-9a-f]{64}")

_KEY = re.compile(rf"pmt_(?P<id>{KEY_ID.pattern})_[A-Za-z0-9_-]{{43}}")
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +(?P<key>[!-~]+)")
_NOBODY = "sha256:" + "0" * 64


Generation = Annotated[int, Meta(ge=1, le=GENERATION_MAX)]


class May(StrEnum):
    """What only a key may do that says so: ask why, and name the person for whom it acts."""

    EXPLAIN = "explain"
    ON_BEHALF_OF = "on_behalf_of"


class Previous(Struct, frozen=True, forbid_unknown_fields=True):
    """What a key was before its rotation, and until when that is good beside the new one."""

    until: datetime
    hash: str | None = None
    generation: Generation | None = None

    def __repr__(self) -> str:
        """Return nothing of the key."""
        return "Previous(***)"


class KeyEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One key of the key file: whose it is, how it is known, and what it binds.

    A key that is sent is known by the `hash` of its text. An access key signs instead: it has a
    `generation` and no hash, and its secret is kept nowhere. `tasks` (names that may be asked
    for), `zones` and `clearance` only narrow what policy permits; without them it alone decides.
    `certificates` are subjects of client certificates: with neither hash nor generation the key is
    known by one of them, and else it serves only beside one of them.
    """

    subject: str
    team: str
    hash: str | None = None
    generation: Generation | None = None
    label: str | None = None
    repos: tuple[str, ...] = ()
    selects_repo: bool = False
    expires_on: date | None = None
    revoked: bool = False
    previous: Previous | None = None
    tasks: tuple[str, ...] | None = None
    zones: tuple[str, ...] | None = None
    clearance: str | None = None
    may: tuple[May, ...] = ()
    certificates: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return nothing of the key: neither hash nor holder."""
        return "KeyEntry(***)"

    def serves(self, today: date) -> bool:
        """May the key be used on that day? Its last day counts."""
        return not self.revoked and (self.expires_on is None or today <= self.expires_on)

    @property
    def is_certified(self) -> bool:
        """Is the key known by a certificate alone?"""
        return self.hash is None and self.generation is None

    def comes_with(self, subjects: Sequence[str]) -> bool:
        """Does the connection show a certificate that the key asks for, where it asks for one?"""
        return not self.certificates or any(folded(one) in subjects for one in self.certificates)

    def hashes(self, now: datetime) -> tuple[str, ...]:
        """Return the hashes by which it is known at that moment, the newest first."""
        old = self._overlapping(now)
        return tuple(one for one in (self.hash, old.hash if old else None) if one is not None)

    def generations(self, now: datetime) -> tuple[int, ...]:
        """Return the generations whose secret is good at that moment, the newest first."""
        old = self._overlapping(now)
        both = (self.generation, old.generation if old else None)
        return tuple(one for one in both if one is not None)

    @property
    def allowance(self) -> Allowance:
        """What the key allows at the most."""
        return Allowance(
            names=UNSET if self.tasks is None else frozenset(self.tasks),
            zones=UNSET if self.zones is None else frozenset(self.zones),
            clearances=UNSET if self.clearance is None else (self.clearance,),
        )

    def _overlapping(self, now: datetime) -> Previous | None:
        return self.previous if self.previous is not None and now < self.previous.until else None


class KeyRing:
    """Every key of the key file; immutable, a reload makes a new one."""

    __slots__ = ("_by_subject", "_entries")

    def __init__(self, entries: Mapping[str, KeyEntry]) -> None:
        self._entries = dict(entries)
        self._by_subject = {
            folded(subject): key_id
            for key_id, entry in entries.items()
            if entry.is_certified
            for subject in entry.certificates
        }

    def __repr__(self) -> str:
        """Return the number of keys, no hash and no name."""
        return f"KeyRing({len(self._entries)} keys)"

    __str__ = __repr__

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def callers(self) -> tuple[Caller, ...]:
        """Everybody who holds a key, so that a check can compare labels and repos with a policy."""
        return tuple(caller_of(key_id, entry) for key_id, entry in self._entries.items())

    def entry(self, key_id: str) -> KeyEntry | None:
        """Return what the key file says of a key; it has not been used yet."""
        return self._entries.get(key_id)

    def entries(self) -> Mapping[str, KeyEntry]:
        """Return every key by id, for people who look after them."""
        return dict(self._entries)

    def stands(self, caller: Caller, today: date) -> bool:
        """Is what a key said of its holder when he came what it says now, and may it be used?

        Of who is not known by a key, or named by a certificate of one, the key file says nothing.
        """
        if caller.known_by not in KNOWN_HERE or caller.key_id == anonymous.KEY_ID:
            return True
        entry = self._entries.get(caller.key_id)
        if entry is None or not entry.serves(today):
            return False
        told = caller_of(caller.key_id, entry)
        same = {"known_by": caller.known_by, "on_behalf_of": caller.on_behalf_of}
        return replace(told, may=caller.may, **same) == caller

    def certified(self, subjects: Sequence[str], now: datetime) -> Caller | None:
        """Return whom a certificate names, None when the key file lists none of its subjects.

        Unauthenticated for a key that ended, and for a certificate that names two keys.
        """
        named = {self._by_subject[one] for one in subjects if one in self._by_subject}
        if not named:
            return None
        key_id = min(named)
        entry = self._entries[key_id]
        if len(named) > 1 or not entry.serves(now.date()):
            raise refused()
        return replace(caller_of(key_id, entry), known_by=CERTIFIED)

    def authenticate(
        self, headers: Mapping[str, str], now: datetime, subjects: Sequence[str] = ()
    ) -> Caller:
        """Return the caller whose key the headers hold; names of headers are in lower case.

        Unauthenticated, always in the same words: no key, two different ones, another scheme,
        malformed, unknown, revoked or expired.
        """
        key = presented(headers)
        found = _KEY.fullmatch(key)
        key_id = found["id"] if found else ""
        entry = self._entries.get(key_id)
        # WHY: an unknown id costs the same hash and comparisons as a known one.
        known = (*(entry.hashes(now) if entry is not None else ()), _NOBODY, _NOBODY)[:HASHES_MAX]
        told = hash_of(key)
        right = [hmac.compare_digest(told, one) for one in known]
        if entry is None or not any(right) or not entry.serves(now.date()):
            raise refused()
        if not entry.comes_with(subjects):
            raise refused()
        return caller_of(key_id, entry)


class HeldKeys:
    """The ring that is in use now; a reload puts another one in its place, whole.

    INVARIANT: who asks takes the ring once, so that no request sees two of them.
    """

    __slots__ = ("_ring",)

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def now(self) -> KeyRing:
        """Return the ring in use."""
        return self._ring

    def swap(self, ring: KeyRing) -> None:
        """Use this ring from now on."""
        self._ring = ring


def new_key(key_id: str, random: bytes) -> tuple[Secret, str]:
    """Return a new key and the hash that the key file keeps; ValueError for a wrong id.

    `random` is 32 bytes from the operating system.
    """
    if not KEY_ID.fullmatch(key_id):
        raise ValueError(KEY_ID_RULE)
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a key needs {RANDOM_BYTES} random bytes")
    text = f"pmt_{key_id}_{base64.urlsafe_b64encode(random).rstrip(b'=').decode()}"
    return Secret(text), hash_of(text)


def hash_of(key: str) -> str:
    """Return the hash of a key as the key file writes it.

    WHY: one round of SHA-256 is right here: a key has 256 bits of chance, so there is nothing
    that a slow hash would make harder to guess, and it would slow every request.
    """
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def refused() -> Unauthenticated:
    """Return the one refusal of this room."""
    return Unauthenticated("The API key is missing or cannot be used.")


def caller_of(key_id: str, entry: KeyEntry) -> Caller:
    """Return the holder of a key."""
    return Caller(
        key_id,
        entry.subject,
        entry.team,
        entry.label,
        entry.repos,
        selects_repo=entry.selects_repo,
        allowance=entry.allowance,
        may=frozenset(entry.may),
    )


def presented(headers: Mapping[str, str], chars_max: int = HEADER_CHARS_MAX) -> str:
    """Return the key of the headers; all that are given must hold the same one."""
    told = {name: headers[name] for name in KEY_HEADERS if name in headers}
    if not told or max(map(len, told.values())) > chars_max:
        raise refused()
    keys = [value.strip(" \t") for name, value in told.items() if name != BEARER]
    if BEARER in told:
        found = _BEARER.fullmatch(told[BEARER].strip(" \t"))
        if found is None:
            raise refused()
        keys.append(found["key"])
    if not all(key.isascii() and hmac.compare_digest(keys[0], key) for key in keys):
        raise refused()
    return keys[0]
