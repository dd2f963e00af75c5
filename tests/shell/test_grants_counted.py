"""Whatever happens around a record of persons, each request that was granted something is one use.

The file of what approvals have set is written beside such a record; what is under way then stands
in the ledger before that record, behind it, or nowhere.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from gateway.app.stewards import Stewards
from gateway.domain.approval import Action, Approved
from gateway.domain.grant import Grant
from gateway.flow.openings import Openings
from gateway.ledger.ledger import Ledger
from gateway.ledger.paths import LedgerPaths
from gateway.stores.standing import USED, Standing, StandingFile, facts_of
from tests.doubles.ledgers import ORIGIN, SteadyClock, a_boot, a_new_ledger
from tests.doubles.policies import compiled
from tests.doubles.records import a_decided, an_id
from tests.doubles.signatories import WAIVED, a_statement

pytestmark = pytest.mark.anyio

KEY = b"k" * 32
DIGEST = "sha256:waiver"
COMPILED = compiled()
Told = Callable[["Node"], Awaitable[None]]


class InForce:
    """The configuration, as far as stewards ask it here."""

    compiled = COMPILED


class Node:
    """The stewards of one boot, beside a ledger on a real disk."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger = ledger
        file = StandingFile(folder / "standing", ORIGIN, KEY)
        self.stewards = Stewards(ledger, file, SteadyClock(), Openings(), lambda: InForce)

    @property
    def grant(self) -> Grant:
        (grant,) = self.stewards.grants()
        return grant

    @property
    def uses(self) -> int:
        return self.stewards.standing.uses.get(DIGEST, 0)

    async def sign(self) -> None:
        statement = a_statement(Action.WAIVER, scope=WAIVED | {"zone": "cloud", "uses": "9"})
        await self.stewards.tell(USED, facts_of(Approved(statement, DIGEST, "a", ("b",)), "d"))

    async def say(self) -> None:
        """Record something of persons, beside which the file is written."""
        await self.stewards.tell("persons_loaded", {"persons": 1, "digest": "sha256:1"})

    def use(self, name: str) -> Grant:
        grant = self.grant
        assert self.stewards.use(grant, an_id(name))
        return grant

    async def record(self, name: str, grant: Grant) -> None:
        decided = replace(a_decided(name, boot=self.ledger.boot), granted=grant)
        await self.ledger.append([(decided, None)])
        self.stewards.recorded(an_id(name))


async def after_a_restart(paths: LedgerPaths, tmp_path: Path) -> Standing:
    async with a_boot(paths) as ledger:
        node = Node(ledger, tmp_path)
        await node.stewards.catch_up()
        return node.stewards.standing


async def used_and_recorded(node: Node) -> None:
    await node.record("one", node.use("one"))


async def under_way_and_then_recorded(node: Node) -> None:
    grant = node.use("one")
    await node.say()
    await node.record("one", grant)


async def recorded_while_persons_are(node: Node) -> None:
    grant = node.use("one")
    await asyncio.gather(node.record("one", grant), node.say())


async def recorded_behind_persons(node: Node) -> None:
    grant = node.use("one")
    await asyncio.gather(node.say(), node.record("one", grant))


async def recorded_and_nobody_told(node: Node) -> None:
    """As when the client leaves: the record is durable, and the request has gone."""
    decided = replace(a_decided("one", boot=node.ledger.boot), granted=node.use("one"))
    await node.ledger.append([(decided, None)])
    await node.say()


async def twice_under_way(node: Node) -> None:
    grant = node.use("one")
    await node.say()
    await node.say()
    await node.record("one", grant)
    await node.say()


WAYS: tuple[Told, ...] = (
    used_and_recorded,
    under_way_and_then_recorded,
    recorded_while_persons_are,
    recorded_behind_persons,
    recorded_and_nobody_told,
    twice_under_way,
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("said", [False, True], ids=["at once", "and more was said"])
async def test_a_use_is_one_after_a_restart(way: Told, said: bool, tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        node = Node(ledger, tmp_path)
        await node.sign()
        await way(node)
        if said:
            await node.say()
        assert node.uses == 1
    again = await after_a_restart(paths, tmp_path)
    assert again.uses == {DIGEST: 1}
    assert not again.under_way
    (tmp_path / "standing").unlink()
    assert (await after_a_restart(paths, tmp_path)).uses == {DIGEST: 1}


async def test_a_use_of_which_there_is_no_record_is_none_after_a_restart(tmp_path: Path) -> None:
    """Nothing left for it: a request is recorded before anything does."""
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        node = Node(ledger, tmp_path)
        await node.sign()
        node.use("one")
        await node.record("two", node.use("two"))
        await node.say()
        assert node.uses == 2
    assert (await after_a_restart(paths, tmp_path)).uses == {DIGEST: 1}


async def test_many_requests_and_records_of_persons_at_once_count_as_many_as_there_are(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        node = Node(ledger, tmp_path)
        await node.sign()

        async def one(number: int) -> None:
            grant = node.use(f"r{number}")
            await asyncio.sleep(0)
            await node.record(f"r{number}", grant)

        await asyncio.gather(*(one(n) if n % 2 else node.say() for n in range(16)))
        assert node.uses == 8
        assert not node.stewards.standing.under_way
        await node.say()
    assert (await after_a_restart(paths, tmp_path)).uses == {DIGEST: 8}


def test_a_file_that_knows_nothing_of_uses_under_way_is_read(tmp_path: Path) -> None:
    file = StandingFile(tmp_path / "standing", ORIGIN, KEY)
    body = msgspec.json.encode({"origin": ORIGIN, "mark": 7, "standing": {"uses": {DIGEST: 3}}})
    (tmp_path / "standing").write_bytes(file._mac(body) + body)
    assert file.read() == (7, Standing(uses={DIGEST: 3}))
