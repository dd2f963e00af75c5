"""Who asked the ledger what: each reading of the audit is recorded before its answer is shown.

Whoever asks puts a file into a folder of the ledger; a running gateway records it and says so. The
one who asked is the owner of the file, as the machine knows him: a number, and no name.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from gateway.app import inbox
from gateway.app.alone import kept_alone
from gateway.app.inbox import Answer
from gateway.app.loading import Loaded
from gateway.app.query import Query, facts_of
from gateway.domain.errors import GatewayError
from gateway.ledger.ledger import Ledger
from gateway.meters.logs import logger

QUERIED = "audit_queried"
LOOK_S = 0.2
# WHY: who can write into the folder must not fill the ledger.
AT_ONCE_MAX = 8
UNREADABLE = "unreadable"
UNRECORDED = "unrecorded"


class Queries:
    """Takes what lies in the folder, until cancelled."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self._ledger = ledger
        self._folder = folder

    async def watch(self) -> None:
        """Look again and again."""
        stuck: set[Path] = set()
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
        while True:
            for path in (await asyncio.to_thread(inbox.waiting, self._folder))[:AT_ONCE_MAX]:
                # WHY: a file that cannot be taken away would be recorded for ever.
                if path not in stuck and not await self._take(path):
                    stuck.add(path)
            await asyncio.sleep(LOOK_S)

    async def _take(self, path: Path) -> bool:
        data = await asyncio.to_thread(inbox.read, path)
        said = await self._recorded(data, await asyncio.to_thread(_owner, path))
        return await asyncio.to_thread(inbox.answer, path, said)

    async def _recorded(self, data: bytes, owner: int) -> Answer:
        try:
            query = msgspec.json.decode(data, type=Query)
        except (msgspec.MsgspecError, UnicodeError):
            return Answer(taken=False, why=UNREADABLE)
        try:
            await self._ledger.record(QUERIED, facts_of(query, owner))
        except GatewayError as error:
            logger().error("query_unrecorded", code=error.code)
            return Answer(taken=False, why=UNRECORDED)
        return Answer(taken=True)


async def record_alone(loaded: Loaded, query: Query) -> None:
    """Record a query where no gateway runs, under its lock; GatewayError."""
    async with kept_alone(loaded) as kept:
        await kept.ledger.record(QUERIED, facts_of(query, os.getuid()))


def _owner(path: Path) -> int:
    try:
        return path.lstat().st_uid
    except OSError:
        return -1
