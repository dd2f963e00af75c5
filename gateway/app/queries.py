"""Who asked the ledger what: each reading of the audit is recorded before its answer is shown.

Whoever asks puts a file into a folder of the ledger; a running gateway records it and says so. The
one who asked is the owner of the file, as the machine knows him: a number, and no name.
"""

import asyncio
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

import msgspec

from gateway.app import inbox
from gateway.app.alone import kept_alone
from gateway.app.inbox import Answer
from gateway.app.loading import Loaded
from gateway.app.moment import SystemClock
from gateway.app.query import Query, facts_of
from gateway.domain.errors import GatewayError
from gateway.ledger.ledger import Ledger
from gateway.meters.logs import logger

QUERIED = "audit_queried"
LOOK_S = 0.2
# WHY: who can write into the folder must not fill the ledger.
AT_ONCE_MAX = 8
READINGS_PER_HOUR_MAX = 1_000
WAITING_MAX = 1_024
KEPT_S = 60
CLEAR_S = 10.0
_US = 1_000_000
_HOUR_US = 3_600 * _US
TOO_MANY = "too_many"
UNREADABLE = "unreadable"
UNRECORDED = "unrecorded"


class Queries:
    """Takes what lies in the folder, until cancelled."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self._ledger = ledger
        self._folder = folder
        self._clock = SystemClock()
        self._hour = 0
        self._readings: Counter[int] = Counter()

    async def watch(self) -> None:
        """Look again and again."""
        stuck: set[Path] = set()
        cleared_us = 0
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
        while True:
            now_us = self._clock.now_us()
            if now_us >= cleared_us + CLEAR_S * _US:
                cleared_us = now_us
                before_s = now_us / _US - KEPT_S
                await asyncio.to_thread(inbox.clear, self._folder, before_s, WAITING_MAX)
            for path in (await asyncio.to_thread(inbox.waiting, self._folder))[:AT_ONCE_MAX]:
                # WHY: a file that cannot be taken away would be recorded for ever.
                if path not in stuck and not await self._take(path):
                    stuck.add(path)
            await asyncio.sleep(LOOK_S)

    async def _take(self, path: Path) -> bool:
        data, owner = await asyncio.to_thread(inbox.read_owned, path)
        said = await self._recorded(data, owner)
        return await asyncio.to_thread(inbox.answer, path, said)

    async def _recorded(self, data: bytes, owner: int) -> Answer:
        try:
            query = msgspec.json.decode(data, type=Query)
        except (msgspec.MsgspecError, UnicodeError):
            return Answer(taken=False, why=UNREADABLE)
        if owner < 0 or not self._may(owner):
            return Answer(taken=False, why=UNREADABLE if owner < 0 else TOO_MANY)
        try:
            await self._ledger.record(QUERIED, facts_of(query, owner))
        except GatewayError as error:
            logger().error("query_unrecorded", code=error.code)
            return Answer(taken=False, why=UNRECORDED)
        return Answer(taken=True)

    def _may(self, owner: int) -> bool:
        """Count one more reading of this user; is it within what one may have recorded?"""
        hour = self._clock.now_us() // _HOUR_US
        if hour != self._hour:
            self._hour = hour
            self._readings.clear()
        self._readings[owner] += 1
        return self._readings[owner] <= READINGS_PER_HOUR_MAX


async def record_alone(loaded: Loaded, query: Query) -> None:
    """Record a query where no gateway runs, under its lock; GatewayError."""
    async with kept_alone(loaded) as kept:
        await kept.ledger.record(QUERIED, facts_of(query, os.getuid()))
