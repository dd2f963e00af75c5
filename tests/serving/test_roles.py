"""Who may do what: the auditor cannot decrypt, the policy administrator cannot touch the ledger."""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import msgspec
import pytest

from gateway.audit.record import Admin
from gateway.cli import COMMANDS
from gateway.domain.approval import Action
from gateway.identity.approvals import TERMS, NotApproved, Why, check
from tests.doubles.another_user import AUDITOR as AUDITOR_UID
from tests.doubles.another_user import User, a_group, a_place, as_user, is_root, readable_by_group
from tests.doubles.gateway_folders import ran, started
from tests.doubles.ledger_sight import entries, verified
from tests.doubles.records import NOW_US
from tests.doubles.running_gateway import ROOT
from tests.doubles.serving_house import OPENAI, House
from tests.doubles.signatories import a_statement, persons_value, signed_by, some_persons
from tests.serving.conftest import TASKS, backends_of
from tests.serving.test_approvals import furnished
from tests.serving.test_erasure import act, found_in, of_kind
from tests.shell.test_identity_approvals import SCOPES

ROLES = {
    "ada": ["decrypt", "decrypt_bodies", "erase", "hold", "release_hold"],
    "bob": ["policy"],
    "cleo": ["allow_finding", "read_findings", "revoke"],
    "dan": ["close_zone"],
}
AUDITOR = "eve"


@pytest.fixture
def staffed(template, engines, tmp_path) -> Iterator[House]:
    gateway = furnished(template.copy(tmp_path / "node", backends_of(engines), tasks=TASKS))
    (gateway.folder / "persons.yaml").write_bytes(msgspec.yaml.encode(persons_value(ROLES)))
    with started(gateway):
        yield House(gateway, engines)


def described() -> dict[str, list[str]]:
    """Return what each role of the page may sign."""
    table = (ROOT / "docs" / "roles.md").read_text().partition("| role |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1:3] for row in table.splitlines()[2:]]
    return {role.strip(): re.findall(r"`([a-z_]+)`", may) for role, may in rows}


def why_not(
    action: Action, name: str, roles: Mapping[str, list[str]] = MappingProxyType(ROLES)
) -> Why | None:
    """Return why that person alone may not do it; None where he may."""
    about = "sha256:00" if TERMS[action].about else ""
    statement = a_statement(action, scope=SCOPES[action], digest=about)
    try:
        check(signed_by(statement, name), some_persons(dict(roles)), NOW_US, ())
    except NotApproved as refused:
        return refused.why
    return None


@pytest.mark.parametrize("action", list(Action))
def test_nobody_signs_what_his_role_does_not_list(action: Action) -> None:
    assert why_not(action, AUDITOR) is Why.UNKNOWN_KEY
    alone = Why.TOO_FEW_APPROVERS if TERMS[action].approvers else None
    for name, may in ROLES.items():
        assert why_not(action, name) == (alone if str(action) in may else Why.NOT_ALLOWED)


def test_every_role_of_the_page_signs_what_stands_there_and_nothing_else() -> None:
    roles = described()
    assert roles.pop("auditor") == []
    assert {one for may in roles.values() for one in may} == {str(action) for action in Action}
    for role, may in roles.items():
        for action in Action:
            alone = Why.TOO_FEW_APPROVERS if TERMS[action].approvers else None
            expected = alone if str(action) in may else Why.NOT_ALLOWED
            assert why_not(action, "ada", {"ada": may}) == expected, (role, action)
    # What the page says that nobody does alone takes others by its terms.
    for action in ("decrypt_bodies", "release_hold", "open_zone", "waiver", "break_glass",
                   "export_full"):  # fmt: skip
        assert TERMS[Action(action)].approvers >= 1, action
    officer = set(roles["data-protection officer"])
    assert not officer & set(roles["policy administrator"])
    assert roles["policy administrator"] == ["policy"]


def test_the_policy_administrator_can_do_nothing_to_the_ledger(staffed) -> None:
    house = staffed
    heard = house.ask(OPENAI, OPENAI.body("hello", "home-model"))
    house.record(heard.record)
    before = entries(house.gateway)
    for words in (
        ("erase", "ada@example.com"),
        ("hold", "set", "--subject", "ada@example.com"),
        ("decrypt", heard.record),
    ):
        refused = act(house, *words, key="bob")
        assert (refused.code, "not_allowed" in refused.err) == (1, True)
        assert "ada@example.com" not in refused.out
    after = entries(house.gateway)
    assert after[: len(before)] == before
    refusals = [one for one in of_kind(house.gateway, Admin) if one.what == "approval_refused"]
    assert [one.facts["reason"] for one in refusals] == ["not_allowed"] * 3


def test_the_auditor_verifies_and_explains_a_copy_and_can_open_nothing(staffed, tmp_path) -> None:
    house = staffed
    heard = house.ask(OPENAI, OPENAI.body("hello", "home-model"))
    house.record(heard.record)
    verified(house.gateway)
    copy = tmp_path / "auditor"
    copy.mkdir()
    shutil.copytree(house.gateway.ledger, copy / "data" / "ledger")
    assert ran("verify", str(copy / "data" / "ledger")).code == 0
    explained = ran("explain", heard.record, "--ledger", str(copy / "data" / "ledger"))
    assert explained.code == 0, explained.err
    assert "ada@example.com" not in explained.out
    assert found_in(copy, "ada@example.com") == []
    shutil.copy(house.gateway.node, copy)
    shutil.copy(house.gateway.folder / "persons.yaml", copy)
    for words in (
        ("findings", heard.record, "--reason", "x", "--key", "x"),
        ("erase", "ada@example.com", "--reason", "x", "--key", "x"),
    ):
        closed = ran(*words, "--node", str(copy / "perimeter.yaml"))
        assert closed.code == 2, closed.out
        assert "ada@example.com" not in closed.out
    refused = act(house, "decrypt", heard.record, key=AUDITOR)
    assert (refused.code, "unknown_key" in refused.err) == (1, True)


def test_one_half_of_the_keys_opens_nothing(staffed, tmp_path) -> None:
    house = staffed
    heard = house.ask(OPENAI, OPENAI.body("hello", "home-model"))
    house.record(heard.record)
    for half in ("subject_keys.sqlite", "wrapping.key"):
        copy = tmp_path / half
        shutil.copytree(house.gateway.ledger, copy / "data" / "ledger")
        shutil.copy(house.gateway.node, copy)
        shutil.copy(house.gateway.folder / "data" / half, copy / "data")
        words = ("findings", heard.record, "--reason", "x", "--key", "x")
        closed = ran(*words, "--node", str(copy / "perimeter.yaml"))
        assert closed.code == 2, closed.out


def test_what_holds_secrets_is_readable_by_the_gateways_user_alone(staffed) -> None:
    data = staffed.gateway.folder / "data"
    house = staffed
    house.record(house.ask(OPENAI, OPENAI.body("hello", "home-model")).record)
    guarded = [
        data / name
        for name in ("signing.key", "node.secret", "wrapping.key", "subject_keys.sqlite")
    ]
    guarded += [data / "standing", data / "checkpoints.sqlite", data / "conversations.sqlite"]
    guarded += list((data / "ledger" / "journal").iterdir())
    for path in guarded:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_group_of_auditors_reads_what_a_gateway_writes(template, engines) -> None:
    name, gid = a_group()
    auditor = User(AUDITOR_UID, (gid,))
    with a_place() as place:
        node = template.copy(
            place / "node", backends_of(engines), more=f"ledger: {{readers: {name}}}", tasks=TASKS
        )
        data = node.folder / "data"
        os.chown(data, -1, gid)
        data.chmod(0o710)
        with started(node):
            house = House(node, engines)
            heard = house.ask(OPENAI, OPENAI.body("hello", "home-model"))
            house.record(heard.record)
            lent = readable_by_group(data, gid)
            assert {one.partition("/")[0] for one in lent} == {"ledger"}
            assert lent >= {"ledger/origin", "ledger/vkey", "ledger/checkpoint"}
            assert "ledger/lock" not in lent
            # WHY: where nobody can try as a member, the modes above are the proof.
            for words in (("explain", heard.record, "--ledger"), ("verify",)):
                read = (*words, str(node.ledger))
                assert ran(*read).code == 0
                assert not is_root() or as_user(auditor, lambda read=read: ran(*read).code) == 0
        assert verified(node).reason == ""


def test_no_action_and_no_command_deletes_a_record() -> None:
    """A new word here has to be looked at: it must not take a record away."""
    assert {str(action) for action in Action} == {
        "allow_finding", "break_glass", "close_zone", "decrypt", "decrypt_bodies", "erase",
        "export", "export_full", "hold", "open_zone", "policy", "prune", "release_hold",
        "read_findings", "revoke", "waiver",
    }  # fmt: skip
    assert not {"delete", "remove", "purge", "truncate"} & COMMANDS.keys()
