"""Ledgers of three shards, and what is done to their shards."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.audit.checkpoint import Checkpoint
from gateway.ledger import pruning
from gateway.ledger.files import Files
from gateway.ledger.ledger import Ledger
from gateway.ledger.paths import LedgerFolder, LedgerPaths
from tests.doubles.ledgers import a_boot, a_new_ledger, a_request, check_log, ledger_paths, serve
from tests.doubles.records import a_person

Living = Callable[[Ledger], Awaitable[None]]


def lived(root: Path, live: Living) -> LedgerPaths:
    """Return a whole ledger in which that was done in one boot."""
    paths = a_new_ledger(root)

    async def one_boot() -> None:
        async with a_boot(paths) as ledger:
            await live(ledger)

    asyncio.run(one_boot())
    check_log(paths)
    return paths


async def with_one_open(ledger: Ledger) -> None:
    """Make three shards; a request is open at the first hand-over."""
    await ledger.store_document({"version": 1}, "policy")
    before, after = a_request(ledger)
    await ledger.append(before)
    await ledger.hand_over()
    await ledger.append(after)
    await ledger.hand_over()
    await serve(ledger)


async def one_in_each(ledger: Ledger) -> None:
    """Make three shards of a request each."""
    await serve(ledger, a_person())
    await ledger.hand_over()
    await serve(ledger, a_person())
    await ledger.hand_over()
    await serve(ledger, a_person())


def copied(chained: LedgerPaths, root: Path) -> LedgerPaths:
    """Return a copy that a test may change."""
    shutil.copytree(chained.ledger.parent, root, dirs_exist_ok=True)
    return ledger_paths(root)


async def told_pruned(ledger: Ledger, shard: LedgerFolder) -> Checkpoint:
    """Keep the hashes of that first shard, and record that its records go."""
    sealed = pruning.keep_leaves(shard, Files())
    told = {"origin": sealed.origin, "size": sealed.size, "root": sealed.root.hex()}
    await ledger.record("pruned", {"shard": "0001", **told})
    return sealed
