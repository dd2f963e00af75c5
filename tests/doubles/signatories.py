"""Persons with keys, and statements that they sign."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.domain.approval import Action, Approval, Statement
from gateway.domain.document import Document
from gateway.identity.approvals import DAY_US, sign
from gateway.identity.persons import Persons, read_persons
from tests.doubles.records import NOW_US

KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    for number, name in enumerate(("ada", "bob", "cleo", "dan", "eve"), 1)
}
WAIVED = {
    "repo": "payments",
    "from": "restricted",
    "to": "internal",
    "zone": "frontier",
    "uses": "2",
}
GLASS = {"zone": "frontier", "label": "restricted", "uses": "2"}


def public_of(name: str) -> str:
    """Return the public key of a person in base64."""
    return b64encode(KEYS[name].public_key().public_bytes_raw()).decode()


def persons_value(may: dict[str, Sequence[str]] | None = None) -> dict[str, Any]:
    """Return what stands in a persons file; eve is listed nowhere."""
    everything = [str(action) for action in Action]
    listed = {name: everything for name in KEYS if name != "eve"} | (may or {})
    return {
        "version": 1,
        "persons": {
            name: {"key": public_of(name), "may": list(allowed)} for name, allowed in listed.items()
        },
    }


def some_persons(may: dict[str, Sequence[str]] | None = None) -> Persons:
    """Return ada, bob, cleo and dan."""
    return read_persons(Document("persons.yaml", persons_value(may)))


def a_statement(action: Action = Action.WAIVER, **changed: Any) -> Statement:
    """Return a statement of one day, from now on."""
    known: dict[str, Any] = {
        "action": action,
        "scope": WAIVED,
        "reason": "the audit of May needs it",
        "nonce": "0" * 32,
        "from_us": NOW_US,
        "until_us": NOW_US + DAY_US,
    }
    return Statement(**(known | changed))


def signed_by(statement: Statement, requester: str, *approvers: str) -> Approval:
    """Return the statement with these signatures."""
    return Approval(
        statement,
        sign(statement, "requester", KEYS[requester]),
        tuple(sign(statement, "approver", KEYS[name]) for name in approvers),
    )
