"""Is a statement signed by whom it must be, now, for the first time?"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Container, Iterator
from enum import StrEnum
from hashlib import sha256
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from msgspec import Struct

from gateway.domain.approval import Action, Approval, Approved, Signature, Statement
from gateway.domain.person import Person
from gateway.identity.persons import Persons, fingerprint

APPROVAL_BYTES_MAX = 16 * 1024
DAY_US = 86_400_000_000
_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(Approval)
# WHY: what one signs as the one who asks must never count as an approval, nor the reverse.
_PURPOSE = b"perimeter approval v1\n"

Role = Literal["requester", "approver"]


class Terms(Struct, frozen=True):
    """What an action asks for: approvers beside the requester, and how long it may last.

    `words` stand in its scope, `optional` ones may, and of `narrowing` at least one does.
    """

    approvers: int
    days_max: int
    words: frozenset[str]
    optional: frozenset[str] = frozenset()
    about: bool = False
    narrowing: frozenset[str] = frozenset()


WHOSE = frozenset({"repo", "team", "key"})
BREAK_GLASS_DAYS_MAX = 1

# INVARIANT: whatever opens something needs at least one person who is not the one that asks.
TERMS: dict[Action, Terms] = {
    Action.WAIVER: Terms(1, 366, frozenset({"from", "to", "zone", "uses"}), WHOSE, narrowing=WHOSE),
    Action.BREAK_GLASS: Terms(2, BREAK_GLASS_DAYS_MAX, frozenset({"zone", "label", "uses"}), WHOSE),
    Action.ALLOW_FINDING: Terms(1, 366, frozenset({"fingerprint", "repo"})),
    Action.REVOKE: Terms(0, 366, frozenset({"approval"})),
    Action.CLOSE_ZONE: Terms(0, 36_600, frozenset({"zone"}), frozenset({"streams"})),
    Action.OPEN_ZONE: Terms(2, 7, frozenset({"zone", "closing"})),
    Action.POLICY: Terms(1, 3_660, frozenset({"serial"}), about=True),
    Action.EXPORT: Terms(
        0,
        7,
        frozenset({"origin", "from", "to", "profile"}),
        frozenset({"labels", "approval"}),
        about=True,
    ),
    Action.EXPORT_FULL: Terms(2, 7, frozenset({"origin", "from", "to"})),
    Action.DECRYPT_BODIES: Terms(2, 7, frozenset({"origin", "record"})),
    Action.DECRYPT: Terms(0, 7, frozenset({"origin", "record"})),
    Action.READ_FINDINGS: Terms(0, 7, frozenset({"origin", "record"})),
    # WHY: a subject stands here by his random name, for the statement is kept as it was signed.
    Action.ERASE: Terms(0, 7, frozenset({"pseudonym"})),
    Action.HOLD: Terms(0, 36_600, frozenset(), frozenset({"pseudonym", "from", "to"})),
    Action.PRUNE: Terms(0, 7, frozenset({"before"})),
    Action.RELEASE_HOLD: Terms(1, 7, frozenset({"approval"})),
}


class Why(StrEnum):
    """Why a statement does not count."""

    UNREADABLE = "unreadable"
    UNKNOWN_KEY = "unknown_key"
    NOT_ALLOWED = "not_allowed"
    BAD_SIGNATURE = "bad_signature"
    SAME_KEY_TWICE = "same_key_twice"
    REQUESTER_APPROVES = "requester_approves"
    TOO_FEW_APPROVERS = "too_few_approvers"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    TOO_LONG = "too_long"
    WRONG_SCOPE = "wrong_scope"
    USED = "used"
    UNKNOWN_LABEL = "unknown_label"
    LOWERS_NOTHING = "lowers_nothing"


class NotApproved(ValueError):
    """The statement does not count; `why` says so in a word."""

    def __init__(self, why: Why) -> None:
        super().__init__(str(why))
        self.why = why


def read_approval(data: bytes) -> Approval:
    """Read a file; NotApproved when it is none of ours."""
    if len(data) > APPROVAL_BYTES_MAX:
        raise NotApproved(Why.UNREADABLE)
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        raise NotApproved(Why.UNREADABLE) from None


def write_approval(approval: Approval) -> bytes:
    """Return the file of an approval."""
    return msgspec.json.format(_ENCODER.encode(approval)) + b"\n"


def digest_of(statement: Statement) -> str:
    """Return the name of a statement: `sha256:<hex>` of its canonical bytes."""
    return f"sha256:{sha256(_ENCODER.encode(statement)).hexdigest()}"


def sign(statement: Statement, role: Role, key: Ed25519PrivateKey) -> Signature:
    """Return the signature of one person in one role."""
    public = key.public_key().public_bytes_raw()
    signed = key.sign(_message(statement, role))
    return Signature(fingerprint(public), b64encode(signed).decode())


def check(approval: Approval, persons: Persons, now_us: int, used: Container[str]) -> Approved:
    """Return what was approved; NotApproved with the first reason why it does not count.

    `used` holds the digests of statements that have had their effect.
    """
    statement = approval.statement
    terms = TERMS[statement.action]
    _check_words(statement, terms)
    _check_signatures(approval, persons, terms)
    _check_time(statement, terms, now_us)
    digest = digest_of(statement)
    if digest in used:
        raise NotApproved(Why.USED)
    return Approved(
        statement,
        digest,
        approval.requester.key,
        tuple(sorted(one.key for one in approval.approvers)),
    )


def _check_words(statement: Statement, terms: Terms) -> None:
    """INVARIANT: a word that nobody reads is refused: whoever signed it relied on it."""
    said = statement.scope.keys()
    if not terms.words <= said or not said <= terms.words | terms.optional:
        raise NotApproved(Why.WRONG_SCOPE)
    if terms.narrowing and terms.narrowing.isdisjoint(said):
        raise NotApproved(Why.WRONG_SCOPE)
    if terms.about != bool(statement.digest):
        raise NotApproved(Why.WRONG_SCOPE)


def _check_signatures(approval: Approval, persons: Persons, terms: Terms) -> None:
    keys = [one.key for one in approval.approvers]
    if approval.requester.key in keys:
        raise NotApproved(Why.REQUESTER_APPROVES)
    if len(set(keys)) != len(keys):
        raise NotApproved(Why.SAME_KEY_TWICE)
    for signature, role in _signatures(approval):
        person = persons.of(signature.key)
        if person is None:
            raise NotApproved(Why.UNKNOWN_KEY)
        if approval.statement.action not in person.may:
            raise NotApproved(Why.NOT_ALLOWED)
        if not _is_signed(approval.statement, role, signature, person):
            raise NotApproved(Why.BAD_SIGNATURE)
    if len(keys) < terms.approvers:
        raise NotApproved(Why.TOO_FEW_APPROVERS)


def _signatures(approval: Approval) -> Iterator[tuple[Signature, Role]]:
    yield approval.requester, "requester"
    for one in approval.approvers:
        yield one, "approver"


def _is_signed(statement: Statement, role: Role, signature: Signature, person: Person) -> bool:
    try:
        raw = b64decode(signature.signature, validate=True)
        key = Ed25519PublicKey.from_public_bytes(person.key)
        key.verify(raw, _message(statement, role))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _check_time(statement: Statement, terms: Terms, now_us: int) -> None:
    if statement.until_us - statement.from_us > terms.days_max * DAY_US:
        raise NotApproved(Why.TOO_LONG)
    if now_us < statement.from_us:
        raise NotApproved(Why.NOT_YET)
    if now_us >= statement.until_us:
        raise NotApproved(Why.EXPIRED)


def _message(statement: Statement, role: Role) -> bytes:
    return _PURPOSE + role.encode() + b"\n" + _ENCODER.encode(statement)
