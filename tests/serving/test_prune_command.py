"""`perimeter ledger prune`: above the floor, under no hold, recorded, the ledger whole after it."""

from datetime import timedelta

import pytest

from gateway.app import moment
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.pruning import is_pruned
from gateway.ledger.shards import shards
from tests.doubles.gateway_folders import command, ran, started
from tests.doubles.ledger_sight import records, verified
from tests.serving.test_erasure import act, home, talk, told

__all__ = ["home"]
LATER = timedelta(days=400)


@pytest.fixture
def closed(home):
    """A stopped node whose first shard is closed, with a request in it, and the day after."""
    gateway = home.gateway
    with started(gateway):
        record = talk(home)
    command("ledger", "hand-over", "--node", str(gateway.node))
    day = (moment.SystemClock().now() + timedelta(days=1)).date().isoformat()
    return home, record, day


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs in this process believes that it is a year and more later."""
    now = moment.SystemClock.now
    monkeypatch.setattr(moment.SystemClock, "now", lambda self: now(self) + LATER)


def prune(house, before: str):
    return act(house, "ledger", "prune", "--before", before)


def first_of(house) -> LedgerFolder:
    return shards(LedgerFolder(house.gateway.ledger))[0]


def test_what_is_younger_than_the_floor_stays(closed) -> None:
    house, record, day = closed
    assert "below_retention_floor" in prune(house, day).err
    assert not is_pruned(first_of(house))
    assert record in {one.id for one in records(house.gateway)}
    [facts] = told(house.gateway, "approval_refused")
    assert facts["reason"] == "below_retention_floor"


def test_what_is_old_enough_goes_and_its_hashes_stay(closed, later) -> None:
    house, record, day = closed
    pruned = prune(house, day)
    assert pruned.code == 0, pruned.err
    assert is_pruned(first_of(house))
    for path in house.gateway.ledger.rglob("*"):
        assert not path.is_file() or record.encode() not in path.read_bytes()
    [facts] = told(house.gateway, "pruned")
    assert facts["size"] == verified(house.gateway).pruned
    said = ran("verify", str(house.gateway.ledger))
    assert said.code == 0
    assert "pruned under retention" in said.out
    explained = ran("explain", record, "--ledger", str(house.gateway.ledger))
    assert explained.code != 0


def test_a_hold_keeps_what_is_old_enough(closed, later) -> None:
    house, record, day = closed
    assert act(house, "hold", "set", "--from", "2026-01", "--to", "2199-12").code == 0
    refused = prune(house, day)
    assert "legal_hold" in refused.err
    assert not is_pruned(first_of(house))
    assert record in {one.id for one in records(house.gateway)}
