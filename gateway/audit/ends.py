"""How a shard begins and ends: whom it follows, which key it announces, whom it hands over to.

A shard is a log of its own: it verifies alone, with the key that its first record names. Its last
record names the next shard and that one's key; the first record of the next names the closed one
with its size and root, and the records after that carry over what was still open.
"""

from typing import TypeVar

import msgspec
from msgspec import Struct

from gateway.audit.checkpoint import NoteRefused, Vkey, parse_vkey
from gateway.audit.record import Admin

_BEGINNING = ("created", "carried")
_WRITTEN = msgspec.json.Encoder(order="sorted")

Told = TypeVar("Told")


class Former(Struct, frozen=True, forbid_unknown_fields=True):
    """The shard before this one, as it was sealed; `root` in hexadecimal digits."""

    origin: str
    size: int
    root: str


class Next(Struct, frozen=True, forbid_unknown_fields=True):
    """The shard after this one, and the key that its checkpoints will carry."""

    next: str
    vkey: str


class Carried(Struct, frozen=True, forbid_unknown_fields=True):
    """A request that was open when its shard closed: what later records of it must fit."""

    request: str
    boot: str
    boundary: frozenset[str]
    candidates: tuple[str, ...]
    attempts: tuple[tuple[str, str], ...] = ()


class Rotated(Struct, frozen=True):
    """The key that a record announced, and the index of that record.

    A checkpoint of more records carries its signature beside that of the first key.
    """

    index: int
    vkey: Vkey


class Ends:
    """What a shard said of its keys and its neighbours so far."""

    def __init__(self) -> None:
        self.origin = ""
        self.vkey = ""
        self.former: Former | None = None
        self.next: Next | None = None
        self.rotated: Rotated | None = None
        self.carried: dict[str, Carried] = {}
        self._is_beginning = True

    def go_on(self, first: Vkey, announced: Vkey | None) -> None:
        """Go on in the middle of a shard, with the keys that it has by then."""
        self.origin, self.vkey = first.name, str(first)
        self.rotated = None if announced is None else Rotated(0, announced)
        self._is_beginning = False

    def read(self, record: Admin, index: int) -> str:
        """Take the next Admin record; return what is wrong with it, or an empty text."""
        self._is_beginning = self._is_beginning and record.what in _BEGINNING
        match record.what:
            case "created":
                return self._begin(record)
            case "carried":
                return self._carry(record)
            case "key_rotated":
                return self._rotate(record, index)
            case "shard_closed":
                return self._close(record)
        return ""

    def _begin(self, record: Admin) -> str:
        self.origin = str(record.facts.get("origin", ""))
        self.vkey = str(record.facts.get("vkey", ""))
        if "former" not in record.facts:
            return ""
        self.former = told(record.facts["former"], Former)
        return "" if self.former else "it does not say which shard it follows"

    def _carry(self, record: Admin) -> str:
        carried = told(record.facts, Carried)
        if carried is None or not self._is_beginning or self.former is None:
            return "what a closed shard left open is carried over where the next begins"
        if carried.request in self.carried:
            return "this request was carried over already"
        self.carried[carried.request] = carried
        return ""

    def _rotate(self, record: Admin, index: int) -> str:
        vkey = parsed(record.facts.get("vkey"))
        if vkey is None or vkey.name != self.origin or vkey == parsed(self.vkey):
            return "it announces what is no other key of this log"
        if self.rotated is not None:
            return "a key was announced in this shard already"
        self.rotated = Rotated(index, vkey)
        return ""

    def _close(self, record: Admin) -> str:
        found = told(record.facts, Next)
        vkey = None if found is None else parsed(found.vkey)
        if found is None or vkey is None or vkey.name != found.next or found.next == self.origin:
            return "it does not say which shard is the next"
        newest = self.rotated.vkey if self.rotated else parsed(self.vkey)
        if newest is None or newest.public != vkey.public:
            return "the key of the next shard was never announced"
        self.next = found
        return ""


def told(facts: object, form: type[Told]) -> Told | None:
    """Return facts in that form; None when they do not have it, or have it in another writing."""
    try:
        found = msgspec.convert(facts, form)
    except msgspec.ValidationError:
        return None
    return found if _WRITTEN.encode(found) == _WRITTEN.encode(facts) else None


def facts_of(told: Former | Next | Carried) -> dict[str, object]:
    """Return the facts of a record that tells this."""
    facts: dict[str, object] = msgspec.to_builtins(told, order="sorted")
    return facts


def parsed(text: object) -> Vkey | None:
    """Return the verifier key that is written there; None when it is none."""
    try:
        return parse_vkey(str(text))
    except NoteRefused:
        return None
