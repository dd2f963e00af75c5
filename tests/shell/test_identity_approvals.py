"""A statement counts when the right persons signed it, now, for the first time."""

import re
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.domain.approval import Action, Approval
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError
from gateway.identity.approvals import (
    APPROVAL_BYTES_MAX,
    DAY_US,
    TERMS,
    NotApproved,
    Why,
    check,
    digest_of,
    read_approval,
    sign,
    write_approval,
)
from gateway.identity.persons import NOBODY, fingerprint, read_persons
from tests.doubles.records import NOW_US
from tests.doubles.signatories import (
    GLASS,
    KEYS,
    WAIVED,
    a_statement,
    persons_value,
    public_of,
    signed_by,
    some_persons,
)

SCOPES: dict[Action, dict[str, str]] = {
    Action.WAIVER: WAIVED,
    Action.BREAK_GLASS: GLASS,
    Action.ALLOW_FINDING: {"fingerprint": "0f", "repo": "payments"},
    Action.REVOKE: {"approval": "sha256:00"},
    Action.CLOSE_ZONE: {"zone": "frontier", "streams": "cut"},
    Action.OPEN_ZONE: {"zone": "frontier", "closing": "sha256:00"},
    Action.POLICY: {"serial": "7"},
    Action.EXPORT: {"origin": "a/b", "from": "open", "to": "open", "profile": "redacted"},
    Action.EXPORT_FULL: {"origin": "a/b", "from": "2026-01-01", "to": "2026-02-01"},
    Action.DECRYPT_BODIES: {"origin": "a/b", "record": "0193"},
    Action.DECRYPT: {"origin": "a/b", "record": "0193"},
    Action.READ_FINDINGS: {"origin": "a/b", "record": "0193"},
    Action.ERASE: {"pseudonym": "0f"},
    Action.HOLD: {"from": "2026-01", "to": "2026-02"},
    Action.PRUNE: {"before": "2026-01-01"},
    Action.RELEASE_HOLD: {"approval": "sha256:00"},
}
APPROVERS = ("bob", "cleo", "dan")


def a_good_one(action: Action) -> Approval:
    digest = "sha256:00" if TERMS[action].about else ""
    statement = a_statement(action, scope=SCOPES[action], digest=digest)
    return signed_by(statement, "ada", *APPROVERS[: TERMS[action].approvers])


def why(approval: Approval, *, now_us: int = NOW_US, used: Any = (), persons: Any = None) -> Why:
    with pytest.raises(NotApproved) as refused:
        check(approval, some_persons() if persons is None else persons, now_us, used)
    return refused.value.why


@pytest.mark.parametrize("action", list(Action))
def test_every_action_can_be_approved(action: Action) -> None:
    approved = check(a_good_one(action), some_persons(), NOW_US, ())
    assert approved.statement.action is action
    assert approved.requester == fingerprint(KEYS["ada"].public_key().public_bytes_raw())
    assert len(approved.approvers) == TERMS[action].approvers
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", approved.digest)


@pytest.mark.parametrize("action", [one for one in Action if TERMS[one].approvers])
def test_one_signature_less_is_too_few(action: Action) -> None:
    good = a_good_one(action)
    assert why(replace(good, approvers=good.approvers[1:])) is Why.TOO_FEW_APPROVERS


def test_what_opens_needs_somebody_else_and_what_closes_does_not() -> None:
    alone = {action for action in Action if not TERMS[action].approvers}
    closing = {Action.CLOSE_ZONE, Action.REVOKE}
    assert alone == closing | {
        Action.ERASE,
        Action.HOLD,
        Action.DECRYPT,
        Action.READ_FINDINGS,
        Action.EXPORT,
        Action.PRUNE,
    }


def test_adv_11_the_requester_does_not_approve() -> None:
    assert why(signed_by(a_statement(), "ada", "ada")) is Why.REQUESTER_APPROVES
    assert why(signed_by(a_statement(), "ada", "bob", "ada")) is Why.REQUESTER_APPROVES


def test_the_same_key_twice_is_one_person() -> None:
    statement = a_statement(Action.BREAK_GLASS, scope=GLASS)
    assert why(signed_by(statement, "ada", "bob", "bob")) is Why.SAME_KEY_TWICE


def test_adv_11_a_statement_is_used_once() -> None:
    approval = signed_by(a_statement(), "ada", "bob")
    used = {check(approval, some_persons(), NOW_US, ()).digest}
    assert why(approval, used=used) is Why.USED
    assert why(signed_by(a_statement(), "cleo", "dan"), used=used) is Why.USED


def test_adv_11_an_expired_statement_does_not_count() -> None:
    approval = signed_by(a_statement(), "ada", "bob")
    assert why(approval, now_us=NOW_US + DAY_US) is Why.EXPIRED
    assert why(approval, now_us=NOW_US - 1) is Why.NOT_YET


@pytest.mark.parametrize("action", list(Action))
def test_nothing_is_approved_for_longer_than_its_action_may_last(action: Action) -> None:
    digest = "sha256:00" if TERMS[action].about else ""
    last = NOW_US + TERMS[action].days_max * DAY_US
    long = a_statement(action, scope=SCOPES[action], digest=digest, until_us=last + 1)
    assert why(signed_by(long, "ada", *APPROVERS)) is Why.TOO_LONG


@pytest.mark.parametrize(
    "scope",
    [
        {"repo": "payments"},
        {**WAIVED, "everything": "yes"},
        {"from": "restricted", "repo": "payments"},
        {},
    ],
)
def test_adv_11_a_scope_says_what_its_action_reads_and_nothing_else(scope: dict[str, str]) -> None:
    assert why(signed_by(a_statement(scope=scope), "ada", "bob")) is Why.WRONG_SCOPE


def test_a_digest_stands_where_the_action_is_about_a_document_and_nowhere_else() -> None:
    assert why(signed_by(a_statement(digest="sha256:00"), "ada", "bob")) is Why.WRONG_SCOPE
    bare = a_statement(Action.POLICY, scope={"serial": "1"})
    assert why(signed_by(bare, "ada", "bob")) is Why.WRONG_SCOPE


def test_a_changed_word_breaks_every_signature() -> None:
    approval = signed_by(a_statement(), "ada", "bob")
    for changed in (
        {"scope": {**WAIVED, "repo": "website"}},
        {"until_us": NOW_US + DAY_US - 1},
        {"reason": "another"},
        {"nonce": "1" * 32},
    ):
        forged = replace(approval, statement=replace(approval.statement, **changed))
        assert why(forged) is Why.BAD_SIGNATURE


def test_the_one_who_asked_has_not_approved_by_asking() -> None:
    statement = a_statement()
    asked = signed_by(statement, "bob").requester
    assert why(replace(signed_by(statement, "ada"), approvers=(asked,))) is Why.BAD_SIGNATURE


def test_a_signature_under_another_name_is_none() -> None:
    approval = signed_by(a_statement(), "ada", "bob")
    stolen = replace(approval.approvers[0], key=signed_by(a_statement(), "cleo").requester.key)
    assert why(replace(approval, approvers=(stolen,))) is Why.BAD_SIGNATURE
    odd = replace(approval.approvers[0], signature="no base64!")
    assert why(replace(approval, approvers=(odd,))) is Why.BAD_SIGNATURE


def test_a_key_that_is_not_listed_counts_for_nothing() -> None:
    assert why(signed_by(a_statement(), "ada", "eve")) is Why.UNKNOWN_KEY
    assert why(signed_by(a_statement(), "ada", "bob"), persons=NOBODY) is Why.UNKNOWN_KEY


def test_a_person_signs_what_he_may_sign() -> None:
    persons = some_persons({"bob": ["close_zone"]})
    assert why(signed_by(a_statement(), "ada", "bob"), persons=persons) is Why.NOT_ALLOWED
    assert why(signed_by(a_statement(), "bob", "ada"), persons=persons) is Why.NOT_ALLOWED


def test_a_file_is_read_as_it_was_written() -> None:
    approval = a_good_one(Action.BREAK_GLASS)
    assert read_approval(write_approval(approval)) == approval
    assert digest_of(approval.statement) == check(approval, some_persons(), NOW_US, ()).digest


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[" * 100_000, b" " * (APPROVAL_BYTES_MAX + 1), b'{"statement": 1}', b"\xff"],
)
def test_what_is_no_approval_is_refused(data: bytes) -> None:
    with pytest.raises(NotApproved) as refused:
        read_approval(data)
    assert refused.value.why is Why.UNREADABLE


def test_an_unknown_field_or_action_is_refused() -> None:
    known = msgspec.json.decode(write_approval(a_good_one(Action.WAIVER)))
    for changed in ({**known, "more": 1}, {**known, "statement": {**known["statement"], "a": 1}}):
        with pytest.raises(NotApproved):
            read_approval(msgspec.json.encode(changed))
    known["statement"]["action"] = "everything"
    with pytest.raises(NotApproved):
        read_approval(msgspec.json.encode(known))


def test_two_persons_are_two_keys() -> None:
    value = persons_value()
    value["persons"]["bob"]["key"] = public_of("ada")
    with pytest.raises(ConfigError, match="two persons are two keys"):
        read_persons(Document("persons.yaml", value))


@pytest.mark.parametrize("key", ["", "AA==", "no base64!", "A" * 44])
def test_a_key_is_32_bytes_in_base64(key: str) -> None:
    value = persons_value()
    value["persons"]["bob"]["key"] = key
    with pytest.raises(ConfigError, match="/persons/bob/key"):
        read_persons(Document("persons.yaml", value))


@pytest.mark.parametrize("value", [{}, {"version": 2, "persons": {}}, {"version": 1}, []])
def test_a_persons_file_has_its_form(value: object) -> None:
    with pytest.raises(ConfigError, match=r"persons\.yaml"):
        read_persons(Document("persons.yaml", value))


def test_a_person_is_named_only_where_the_key_is_listed() -> None:
    ada = signed_by(a_statement(), "ada").requester.key
    assert some_persons().name_of(ada) == "ada"
    assert NOBODY.name_of(ada) == ada


def test_a_signature_is_of_one_role() -> None:
    statement = a_statement()
    assert sign(statement, "requester", KEYS["ada"]) != sign(statement, "approver", KEYS["ada"])
