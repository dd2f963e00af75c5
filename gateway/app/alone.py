"""What a command does to a node whose gateway does not run: under its lock, and recorded."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.app.inbox import Answer
from gateway.app.loading import Loaded
from gateway.app.making import Kept, keep, ledger_paths, metrics_of
from gateway.app.moment import RandomIds, SystemClock
from gateway.config.settings import Paths
from gateway.domain.errors import LedgerUnavailable
from gateway.ledger.files import Files
from gateway.ledger.rewrapping import WrappingFiles, finish

SETTLE_S_MAX = 10.0


def is_running(paths: Paths) -> bool:
    """Does a gateway hold this ledger? LedgerUnavailable when that cannot be told."""
    files = Files()
    try:
        files.close(files.lock(ledger_paths(paths).folder.lock))
    except BlockingIOError:
        return True
    except OSError as error:
        hint = error.strerror or ""
        raise LedgerUnavailable("the ledger cannot be opened", hint=hint) from None
    return False


@asynccontextmanager
async def kept_alone(loaded: Loaded) -> AsyncIterator[Kept]:
    """Keep the ledger of a node as its gateway would, and close it; LedgerUnavailable."""
    clock = SystemClock()
    kept = await keep(loaded, RandomIds(clock).record_id(), clock, metrics_of(loaded))
    try:
        yield kept
    finally:
        await kept.conversations.close()
        await kept.background.drain(SETTLE_S_MAX)
        await asyncio.shield(kept.ledger.close())


async def take_alone(loaded: Loaded, data: bytes) -> Answer:
    """Take one statement as a running gateway would; LedgerUnavailable."""
    async with kept_alone(loaded) as kept:
        return await kept.stewards.take(data)


async def rewrap_alone(loaded: Loaded) -> str:
    """Wrap all subject keys of a node anew, and return the id of the new key; LedgerUnavailable.

    What an earlier call began is ended, and no other key is made. While a gateway runs, it is
    refused by the lock: it would go on with the former key.
    """
    files = WrappingFiles(ledger_paths(loaded.node.settings.paths), Files())
    try:
        is_begun = bool(files.unfinished())
        async with kept_alone(loaded) as kept:
            if not is_begun:
                await asyncio.to_thread(files.rewrap)
                await finish(files, kept.ledger.record)
        return files.in_use().id
    except (OSError, sqlite3.Error) as error:
        hint = type(error).__name__
        raise LedgerUnavailable("the keys cannot be wrapped anew", hint=hint) from None
