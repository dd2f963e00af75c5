"""What approvals have set: folded from records, kept in a file that nobody else can write."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.audit.record import Admin
from gateway.domain.approval import Action, Approved
from gateway.identity.approvals import DAY_US
from gateway.identity.persons import NOBODY
from gateway.stores.standing import (
    USED_MAX,
    Standing,
    StandingFile,
    facts_of,
    folded,
)
from tests.doubles.granted import a_grant
from tests.doubles.records import NOW_US, a_decided
from tests.doubles.signatories import GLASS, WAIVED, a_statement, some_persons

KEY = b"k" * 32
ORIGIN = "demo/test"


def used(action: Action, scope: dict[str, str], name: str, ts_us: int = NOW_US) -> Admin:
    statement = a_statement(action, scope=scope)
    facts = facts_of(Approved(statement, name, "ada", ("bob",)), "sha256:00")
    return Admin(id="x", ts_us=ts_us, boot="b", what="approval_used", facts=facts)


def loaded(serial: int, policy: str) -> Admin:
    facts = {"serial": serial, "policy": policy}
    return Admin(id="x", ts_us=NOW_US, boot="b", what="policy_loaded", facts=facts)


CLOSED = used(Action.CLOSE_ZONE, {"zone": "frontier"}, "close")
OPENED = used(Action.OPEN_ZONE, {"zone": "frontier"}, "open")
WAIVER = used(Action.WAIVER, WAIVED, "waiver")
ALLOWED = used(Action.ALLOW_FINDING, {"fingerprint": "f", "repo": "r"}, "allowed")


def test_a_zone_is_closed_until_it_is_opened() -> None:
    assert folded(Standing(), [CLOSED]).closed == {"frontier": "close"}
    assert folded(Standing(), [CLOSED, OPENED]).closed == {}
    assert folded(Standing(), [OPENED, CLOSED]).closed == {"frontier": "close"}


def test_every_statement_is_remembered_as_used() -> None:
    found = folded(Standing(), [CLOSED, OPENED, WAIVER])
    assert found.used.keys() == {"close", "open", "waiver"}
    assert found.active.keys() == {"waiver"}


def test_what_is_active_has_its_effect_for_its_time() -> None:
    found = folded(Standing(), [WAIVER])
    assert found.of(Action.WAIVER, NOW_US).keys() == {"waiver"}
    assert found.of(Action.WAIVER, NOW_US + DAY_US) == {}
    assert found.of(Action.BREAK_GLASS, NOW_US) == {}


def test_a_revoked_approval_has_no_effect_and_stays_used() -> None:
    found = folded(Standing(), [WAIVER, used(Action.REVOKE, {"approval": "waiver"}, "end")])
    assert found.active == {}
    assert "waiver" in found.used


def test_a_used_statement_is_remembered_longer_than_it_lasts() -> None:
    late = used(Action.CLOSE_ZONE, {"zone": "x"}, "late", NOW_US + DAY_US + 1)
    found = folded(Standing(), [ALLOWED, late])
    assert found.active == {}
    assert "allowed" in found.used


def test_adv_79_a_clock_far_ahead_for_one_record_makes_no_used_statement_new() -> None:
    ahead = used(Action.CLOSE_ZONE, {"zone": "x"}, "ahead", NOW_US + 36_600 * DAY_US)
    back = used(Action.CLOSE_ZONE, {"zone": "y"}, "back", NOW_US + 1)
    assert "waiver" in folded(Standing(), [WAIVER, ahead, back]).used


def test_so_many_used_statements_are_remembered_and_those_that_end_last_longest() -> None:
    many = {str(number): NOW_US + number for number in range(USED_MAX)}
    found = folded(Standing(used=many), [WAIVER])
    assert len(found.used) == USED_MAX
    assert "0" not in found.used
    assert {"1", "waiver"} <= found.used.keys()


WHAT = {"glass": "break_glass_ended", "waiver": "waiver_ended"}
GLASS_BROKEN = used(Action.BREAK_GLASS, GLASS, "glass")


@pytest.mark.parametrize("name", WHAT)
def test_adv_70_what_was_granted_stands_until_the_record_of_its_end(name: str) -> None:
    """So that a clock that is set back brings nothing back that was over."""
    begun = {"glass": GLASS_BROKEN, "waiver": WAIVER}[name]
    late = used(Action.CLOSE_ZONE, {"zone": "x"}, "late", NOW_US + 9 * DAY_US)
    assert folded(Standing(), [begun, late]).active.keys() == {name}
    facts = {"approval": name, "reason": "expired", "uses": 0}
    end = Admin(id="x", ts_us=NOW_US, boot="b", what=WHAT[name], facts=facts)
    found = folded(Standing(), [begun, end])
    assert found.active == {}
    assert name in found.used


def test_every_decision_that_was_granted_something_is_a_use() -> None:
    one = replace(a_decided("one"), granted=a_grant("waiver"))
    assert folded(Standing(), [WAIVER, one, a_decided("one"), one]).uses == {"waiver": 2}


def test_the_last_policy_is_known_by_serial_and_digest() -> None:
    found = folded(Standing(), [loaded(3, "a"), loaded(4, "b"), used(Action.POLICY, {}, "p")])
    assert (found.serial, found.policy) == (4, "b")


def test_other_records_say_nothing_of_approvals() -> None:
    other = Admin(id="x", ts_us=NOW_US, boot="b", what="started", facts={})
    assert folded(Standing(serial=1), [other]) == Standing(serial=1)


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = folded(Standing(), [CLOSED, WAIVER, loaded(3, "a")])
    StandingFile(tmp_path / "standing", ORIGIN, KEY).write(17, found)
    assert StandingFile(tmp_path / "standing", ORIGIN, KEY).read() == (17, found)


@pytest.mark.parametrize(
    ("origin", "key"), [("demo/other", KEY), (ORIGIN, b"x" * 32)], ids=["origin", "key"]
)
def test_a_file_of_another_log_or_node_is_no_use(tmp_path: Path, origin: str, key: bytes) -> None:
    StandingFile(tmp_path / "standing", ORIGIN, KEY).write(17, folded(Standing(), [CLOSED]))
    assert StandingFile(tmp_path / "standing", origin, key).read() == (0, Standing())


def test_a_changed_file_is_no_use(tmp_path: Path) -> None:
    path = tmp_path / "standing"
    file = StandingFile(path, ORIGIN, KEY)
    assert file.read() == (0, Standing())
    file.write(17, folded(Standing(), [CLOSED]))
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert file.read() == (0, Standing())
    path.write_bytes(whole[:-1])
    assert file.read() == (0, Standing())


def test_a_statement_revoked_before_it_is_handed_in_does_not_count_afterwards() -> None:
    revoked = used(Action.REVOKE, {"approval": "waiver"}, "end")
    assert "waiver" in folded(Standing(), [revoked]).used


def test_those_who_may_sign_are_known_by_a_digest_that_names_nobody() -> None:
    persons = some_persons()
    assert persons.digest == some_persons().digest
    assert persons.digest != some_persons({"bob": ["close_zone"]}).digest
    assert NOBODY.digest == ""
    facts = {"persons": len(persons), "digest": persons.digest}
    loaded = Admin(id="x", ts_us=NOW_US, boot="b", what="persons_loaded", facts=facts)
    assert folded(Standing(), [loaded]).persons == persons.digest
    assert len(persons) == 4
