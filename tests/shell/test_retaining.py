"""Retention: closed shards go when they are old, not before, never under a hold, always told."""

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.app.bodies import retention_problems
from gateway.app.retaining import BY_DAYS, DAY_US, Retention, Terms
from gateway.audit.canonical import decode
from gateway.audit.record import Admin
from gateway.config.node import load_node
from gateway.domain.approval import Action
from gateway.ledger import pruning
from gateway.ledger.bodies import BodyStore
from gateway.ledger.ledger import Ledger
from gateway.ledger.paths import LedgerFolder
from gateway.stores.standing import Active, Standing
from tests.doubles.ledgers import ORIGIN, SteadyClock, a_boot, a_new_ledger, check_log, serve
from tests.doubles.records import CANARIES, NOW_US
from tests.shell.test_pruning import a_closed_log

pytestmark = pytest.mark.anyio
TERMS = Terms(30, 400, 183)


class Stage:
    """A ledger, a shard that it wrote before, and what is kept for how long."""

    def __init__(self, root: Path, ledger: Ledger, closed: LedgerFolder) -> None:
        self.ledger = ledger
        self.closed = closed
        self.clock = SteadyClock(NOW_US)
        self.terms = TERMS
        self.standing = Standing()
        bodies = BodyStore(root / "bodies", ORIGIN)
        every = (closed, LedgerFolder(ledger.blobs.parent))
        self.retention = Retention(ledger, bodies, lambda: every, lambda: self.terms, self.clock)
        self.retention.standing = lambda: self.standing

    def later(self, days: int) -> None:
        self.clock.at_us = NOW_US + days * DAY_US

    def hold(self, **scope: str) -> None:
        forever = NOW_US + 100_000 * DAY_US
        hold = Active(Action.HOLD, scope, 0, forever, "ada", ())
        self.standing = replace(self.standing, active={"sha256:00": hold})

    def told(self, what: str) -> list[dict[str, Any]]:
        records = (decode(stored.entry) for stored in self.ledger.reader.entries())
        return [one.facts for one in records if isinstance(one, Admin) and one.what == what]


@asynccontextmanager
async def a_stage(root: Path):
    closed, folder, _ = await a_closed_log(root / "closed")
    paths = replace(
        a_new_ledger(root / "now"), subject_keys=closed.subject_keys, wrapping_key=closed.wrapping
    )
    async with a_boot(paths) as ledger:
        yield Stage(root, ledger, folder)
    check_log(paths)


async def test_a_shard_goes_when_its_last_record_is_old_enough(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        sealed = pruning.sealed_of(stage.closed)
        stage.later(399)
        await stage.retention.look()
        assert not pruning.is_pruned(stage.closed)
        stage.later(401)
        await stage.retention.look()
        assert pruning.is_pruned(stage.closed)
        assert stage.told("pruned") == [
            {
                "shard": "ledger", "origin": ORIGIN, "size": sealed.size, "from": "2026-11",
                "root": sealed.root.hex(), "to": "2026-11", "by": BY_DAYS,
            }
        ]  # fmt: skip
        await stage.retention.look()
        assert len(stage.told("pruned")) == 1


async def test_nothing_goes_where_no_days_are_set(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        stage.terms = replace(TERMS, record_days=None)
        stage.later(10_000)
        await stage.retention.look()
        assert not pruning.is_pruned(stage.closed)


async def test_nothing_goes_below_the_floor_of_the_policy_that_is_in_force(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        stage.terms = replace(TERMS, floor_days=2_000)
        stage.later(500)
        await stage.retention.look()
        assert not pruning.is_pruned(stage.closed)
        now_us = stage.clock.now_us()
        assert stage.retention.is_below_floor(now_us - 1_999 * DAY_US)
        assert not stage.retention.is_below_floor(now_us - 2_001 * DAY_US)


@pytest.mark.parametrize(
    "scope", [{"from": "2026-01", "to": "2026-11"}, {"from": "2026-11", "to": "2027-03"}, {}]
)
async def test_a_hold_keeps_a_shard_and_the_ledger_says_so_once(
    tmp_path: Path, scope: dict[str, str]
) -> None:
    async with a_stage(tmp_path) as stage:
        who = stage.ledger.subjects.subject(CANARIES[0]).pseudonym
        stage.hold(**(scope or {"pseudonym": who}))
        stage.later(500)
        for _ in range(2):
            await stage.retention.look()
        assert not pruning.is_pruned(stage.closed)
        assert stage.told("prune_refused") == [{"shard": "ledger", "hold": "sha256:00"}]
        assert stage.told("pruned") == []
        stage.standing = Standing()
        await stage.retention.look()
        assert pruning.is_pruned(stage.closed)


@pytest.mark.parametrize("scope", [{"from": "2026-12", "to": "2027-01"}, {"pseudonym": "0f"}])
async def test_a_hold_of_others_keeps_nothing(tmp_path: Path, scope: dict[str, str]) -> None:
    async with a_stage(tmp_path) as stage:
        stage.hold(**scope)
        stage.later(500)
        await stage.retention.look()
        assert pruning.is_pruned(stage.closed)


async def test_that_a_shard_goes_is_durable_before_it_goes(tmp_path: Path, monkeypatch) -> None:
    async with a_stage(tmp_path) as stage:
        stage.later(500)
        monkeypatch.setattr(pruning, "drop", lambda *_: (_ for _ in ()).throw(OSError(5, "io")))
        with pytest.raises(OSError, match="io"):
            await stage.retention.look()
        assert len(stage.told("pruned")) == 1
        assert not pruning.is_pruned(stage.closed)
        monkeypatch.undo()
        await serve(stage.ledger)
        await stage.retention.look()
        assert pruning.is_pruned(stage.closed)


def test_a_node_that_keeps_records_for_less_than_policy_asks_is_no_use(tmp_path: Path) -> None:
    path = tmp_path / "perimeter.yaml"
    for days, problems in (("182", 1), ("183", 0), ("null", 0)):
        path.write_text(
            f"version: 1\norigin: perimeter.example/gw-0\nretention: {{days: {days}}}\n"
        )
        found = list(retention_problems(load_node(path), 183))
        assert len(found) == problems
        assert all(one.path == "/retention/days" for one in found)
