"""The approval of the policy in force ends: it is told once, everywhere, and the policy stays."""

from collections.abc import Mapping

import pytest

from gateway.app.bundles import SignedPolicy
from gateway.app.lapsing import POLICY_EXPIRED, Validity
from gateway.audit.record import ADMIN_KINDS
from gateway.domain.approval import Action, Approved
from gateway.domain.errors import LedgerUnavailable
from tests.doubles.signatories import a_statement

pytestmark = pytest.mark.anyio


class Told:
    """The ledger, the meters and the clock, as far as this needs them."""

    def __init__(self) -> None:
        self.time_us = 0
        self.expired: list[bool] = []
        self.records: list[tuple[str, dict[str, object]]] = []
        self.full = False

    def now_us(self) -> int:
        return self.time_us

    def policy_expired(self, *, expired: bool) -> None:
        self.expired.append(expired)

    async def record(self, what: str, facts: Mapping[str, object]) -> object:
        if self.full:
            raise LedgerUnavailable("The disk is full.")
        self.records.append((what, dict(facts)))
        return None


def signed(serial: int) -> SignedPolicy:
    statement = a_statement(Action.POLICY, scope={"serial": str(serial)}, digest="sha256:p")
    return SignedPolicy(serial, Approved(statement, f"sha256:{serial}", "ada", ("bob",)))


def until_us(policy: SignedPolicy) -> int:
    assert policy.approved is not None
    return policy.approved.statement.until_us


async def test_the_end_is_told_once_and_a_new_approval_ends_the_telling() -> None:
    told, policy = Told(), signed(1)
    validity = Validity(policy, told, told, told)
    told.time_us = until_us(policy) - 1
    await validity.look()
    assert (validity.notices(), told.records) == ([], [])
    told.time_us += 1
    for _ in range(2):
        await validity.look()
    [notice] = validity.notices()
    assert "expired" in notice
    facts = {"approval": "sha256:1", "serial": 1, "policy": "sha256:p", "until_us": told.time_us}
    assert told.records == [(POLICY_EXPIRED, facts)]
    validity.take(signed(2))
    told.time_us -= 1
    await validity.look()
    assert (validity.notices(), told.expired) == ([], [False, True, True, False])
    assert POLICY_EXPIRED in ADMIN_KINDS


async def test_a_policy_that_nobody_signed_has_no_end() -> None:
    told = Told()
    validity = Validity(SignedPolicy(0), told, told, told)
    told.time_us = 1 << 60
    await validity.look()
    assert (validity.notices(), told.records, told.expired) == ([], [], [False])


async def test_a_ledger_that_cannot_be_written_ends_no_watch() -> None:
    told, policy = Told(), signed(1)
    told.full, told.time_us = True, until_us(policy)
    await (validity := Validity(policy, told, told, told)).look()
    assert len(validity.notices()) == 1
