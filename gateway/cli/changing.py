"""`perimeter ledger rotate-key`, `rewrap` and `hand-over`: the next keys, and the next shard."""

import argparse
import asyncio
import os

from gateway.app.alone import rewrap_alone
from gateway.app.loading import load_all
from gateway.app.making import ledger_paths
from gateway.app.moment import RandomIds, SystemClock
from gateway.config.node import load_node
from gateway.domain.errors import LedgerUnavailable
from gateway.ledger.files import Files
from gateway.ledger.ledger import open_ledger
from gateway.ledger.lending import files_for
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.shards import shards
from gateway.ledger.signers import KeyFiles


def rotate_key(arguments: argparse.Namespace) -> int:
    """Make the key that the next start announces; return 0. LedgerUnavailable."""
    paths = ledger_paths(load_node(arguments.node).settings.paths)
    try:
        key = KeyFiles(paths.signing_key, Files()).wait()
    except OSError as error:
        hint = error.strerror or ""
        raise LedgerUnavailable("the new key cannot be written", hint=hint) from None
    print(f"public key: {key.vkey}")
    print("the next start announces it in the log; then both keys sign until the shard is closed")
    return 0


def rewrap(arguments: argparse.Namespace) -> int:
    """Wrap the subject keys of a stopped gateway anew; return 0. LedgerUnavailable."""
    loaded = load_all(arguments.node, os.environ, SystemClock().now().date())
    print(f"wrapped by: {asyncio.run(rewrap_alone(loaded))}")
    print("copies of the subject keys open with the former key: destroy both, or keep both")
    return 0


def hand_over(arguments: argparse.Namespace) -> int:
    """Hand over from the shard of a stopped gateway to the next; return 0. LedgerUnavailable."""
    settings = load_node(arguments.node).settings
    paths = ledger_paths(settings.paths)
    files = files_for(paths.ledger, settings.ledger.readers)
    asyncio.run(_hand_over(paths, Options(files, heartbeat_s=settings.ledger.heartbeat_s)))
    print(f"begun: {shards(paths.folder)[-1].root.name}")
    return 0


async def _hand_over(paths: LedgerPaths, options: Options) -> None:
    clock = SystemClock()
    ids = RandomIds(clock)
    ledger = await open_ledger(paths, ids.record_id(), clock, ids, options)
    try:
        await ledger.hand_over()
    finally:
        await ledger.close()
