"""What persons signed of a policy has an end: nothing is put in force behind it, and it is told."""

from pathlib import Path

import pytest

from tests.doubles.gateway_folders import started
from tests.doubles.running_gateway import ROOT, RunningGateway
from tests.doubles.serving_house import House
from tests.serving.conftest import TASKS, backends_of
from tests.serving.test_approvals import (
    SIGNED,
    denied,
    furnished,
    notices,
    served_by,
    sign_policy,
    tighten,
    told,
    until,
)

# Over before anybody can read it.
AT_ONCE = "0.0000001"
# The clock of the gateway is two days ahead as soon as a file is there.
AHEAD = """
import sys
if "serve" in sys.orig_argv:
    from datetime import timedelta
    from pathlib import Path
    from gateway.app.moment import SystemClock
    now = SystemClock.now
    def ahead(self):
        return now(self) + timedelta(days=2 if Path({file!r}).exists() else 0)
    SystemClock.now = ahead
"""


@pytest.fixture
def guarded(template, engines, tmp_path) -> RunningGateway:
    gateway = template.copy(tmp_path / "node", backends_of(engines), tasks=TASKS)
    return furnished(gateway, SIGNED)


def words(house: House) -> str:
    return "; ".join(notices(house))


def test_a_policy_whose_approval_is_over_is_not_put_in_force(guarded, engines, serve_here) -> None:
    house = House(guarded, engines)
    sign_policy(guarded, 1, "ada", "bob", hours=AT_ONCE)
    assert "not approved: expired" in serve_here(guarded).err
    sign_policy(guarded, 1, "ada", "bob")
    with started(guarded):
        tighten(house)
        sign_policy(guarded, 2, "ada", "bob", hours=AT_ONCE)
        until(lambda: "not approved: expired" in words(house), "the word")
        until(lambda: house.metric("policy_current") == 0, "the metric")
        assert not denied(house)
    assert [facts["serial"] for facts in told(house, "policy_loaded")] == [1]


def test_an_approval_that_ends_meanwhile_is_told_and_the_policy_stays(
    guarded, engines, tmp_path: Path
) -> None:
    house, later, faults = House(guarded, engines), tmp_path / "later", tmp_path / "faults"
    faults.mkdir()
    (faults / "sitecustomize.py").write_text(AHEAD.format(file=str(later)))
    sign_policy(guarded, 1, "ada", "bob")
    with started(guarded, "env", f"PYTHONPATH={faults}:{ROOT}"):
        assert served_by(house) == "cloud-model@cloud"
        assert (house.metric("policy_expired"), words(house)) == (0, "")
        later.touch()
        until(lambda: house.metric("policy_expired") == 1, "the end")
        assert "the approval of the policy expired at " in words(house)
        assert served_by(house) == "cloud-model@cloud"
        until(lambda: told(house, "policy_expired"), "the record")
        sign_policy(guarded, 2, "ada", "bob", hours="240")
        until(lambda: len(told(house, "policy_loaded")) == 2, "the policy that is signed anew")
        until(lambda: house.metric("policy_expired") == 0, "a policy that holds")
        assert words(house) == ""
    [facts] = told(house, "policy_expired")
    loaded = told(house, "policy_loaded")
    assert (facts["serial"], facts["approval"]) == (1, loaded[0]["approval"])
    assert facts["policy"] == loaded[0]["policy"]
    assert '"policy_expired"' in guarded.log.read_text()
