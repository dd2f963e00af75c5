"""Approvals at work: taken from the inbox, checked, recorded, in effect.

INVARIANT: what closes something has its effect first and is recorded then; what opens or lowers
something is durable in the ledger before it has any effect.
"""

import asyncio
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from gateway.app.bundles import signed_of
from gateway.app.configured import configured
from gateway.app.loading import Loaded
from gateway.app.moment import EPOCH
from gateway.app.node_secret import derived, node_secret, secret_place
from gateway.audit.canonical import decode
from gateway.audit.record import Admin
from gateway.classification.allowed import NOTHING_ALLOWED, Allows, by_fingerprint
from gateway.domain.allowed import Allowed
from gateway.domain.approval import Action, Approved
from gateway.domain.errors import ConfigError, GatewayError
from gateway.flow.openings import Openings
from gateway.identity.approvals import (
    APPROVAL_BYTES_MAX,
    NotApproved,
    check,
    read_approval,
)
from gateway.ledger.ledger import Ledger
from gateway.meters.logs import logger
from gateway.stores.standing import (
    POLICY_LOADED,
    USED,
    Active,
    Standing,
    StandingFile,
    facts_of,
    folded,
    taken,
)

LOOK_S = 0.25
FILE = "standing"
PURPOSE = "standing"
FILES_MAX = 64
REFUSED = "approval_refused"
CONFIGURED = "configured"
UNKNOWN_ZONE = "unknown_zone"
PREDATES = "predates_closing"
UNKNOWN_REPO = "unknown_repo"
NOT_HERE = "not_for_the_inbox"
ALLOW = Action.ALLOW_FINDING
# WHY: the policy's own approval lies in the policy folder, and to the others nothing acts yet: what
# is recorded as used must have had its effect.
TAKEN = frozenset({ALLOW, Action.REVOKE, Action.CLOSE_ZONE, Action.OPEN_ZONE})
UNRECORDED = "unrecorded"
ANSWER = ".answer"
FRESH = ".answering"
CUT = "cut"

Facts = Mapping[str, object]


class Clock(Protocol):
    """The time."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""


class Answer(Struct, frozen=True):
    """What became of a file of the inbox."""

    taken: bool
    why: str = ""
    streams_cut: int = 0


class Stewards:
    """Holds what approvals have set; `current()` is the configuration that is in force."""

    def __init__(
        self,
        ledger: Ledger,
        file: StandingFile,
        clock: Clock,
        openings: Openings,
        current: Callable[[], Loaded],
    ) -> None:
        self.current = current
        self._ledger = ledger
        self._file = file
        self._clock = clock
        self._openings = openings
        self._closing: frozenset[str] = frozenset()
        self._one = asyncio.Lock()
        self._allowed: Allows = NOTHING_ALLOWED
        self._allowed_of: Standing | None = None
        self.standing = Standing()

    async def catch_up(self) -> None:
        """Fold what the ledger says since the file was written; it may take a while."""
        self.standing = await asyncio.to_thread(self._folded)

    @property
    def closed(self) -> frozenset[str]:
        """The zones that are closed now."""
        return frozenset(self.standing.closed) | self._closing

    def allows(self) -> Allows:
        """Return the findings that stewards allow now."""
        standing = self.standing
        if self._allowed_of is not standing:
            active = (one for one in standing.active.values() if one.action is ALLOW)
            self._allowed = by_fingerprint(map(_allowed, active))
            self._allowed_of = standing
        return self._allowed

    async def take(self, data: bytes) -> Answer:
        """Check one approval, let it have its effect, and record it; or record why it has none."""
        async with self._one:
            try:
                return await self._take(data)
            except NotApproved as refused:
                return await self._refuse(refused.why)

    async def policy_loaded(self, facts: Facts) -> None:
        """Record that a policy is in force; LedgerError when that cannot be written."""
        async with self._one:
            await self._record(POLICY_LOADED, facts)

    async def watch(self, folder: Path) -> None:
        """Take what people put into the inbox, until cancelled."""
        stuck: set[Path] = set()
        while True:
            for path in await asyncio.to_thread(_waiting, folder):
                # WHY: a file that cannot be taken away would be refused, and recorded, for ever.
                if path not in stuck:
                    answer = await self.take(await asyncio.to_thread(_read, path))
                    if not await asyncio.to_thread(_answer, path, answer):
                        stuck.add(path)
            await asyncio.sleep(LOOK_S)

    async def _take(self, data: bytes) -> Answer:
        approval = read_approval(data)
        if approval.statement.action not in TAKEN:
            return await self._refuse(NOT_HERE)
        loaded = self.current()
        approved = check(approval, loaded.persons, self._clock.now_us(), self.standing.used)
        zone = approved.statement.scope.get("zone")
        if zone is not None and zone not in loaded.compiled.zones:
            return await self._refuse(UNKNOWN_ZONE)
        # INVARIANT: a statement from before a closing, signed for another one, does not open it.
        opens = approved.statement.action is Action.OPEN_ZONE and zone is not None
        if opens and approved.statement.from_us < self.standing.closed.get(zone or "", 0):
            return await self._refuse(PREDATES)
        repo = approved.statement.scope.get("repo")
        if repo is not None and repo not in loaded.compiled.registry.repos:
            return await self._refuse(UNKNOWN_REPO)
        cut = self._close(approved)
        try:
            document = await self._ledger.store_document(msgspec.to_builtins(approval), "approval")
            await self._record(USED, facts_of(approved, document))
        except GatewayError as error:
            logger().error("approval_unrecorded", code=error.code)
            return Answer(taken=False, why=UNRECORDED, streams_cut=cut)
        logger().warning(USED, kind=str(approved.statement.action))
        return Answer(taken=True, streams_cut=cut)

    def _close(self, approved: Approved) -> int:
        """Close a zone at once, before anything is written; returns how many streams were cut."""
        scope = approved.statement.scope
        if approved.statement.action is not Action.CLOSE_ZONE:
            return 0
        self._closing |= {scope["zone"]}
        return self._openings.cut(scope["zone"]) if scope.get("streams") == CUT else 0

    async def _record(self, what: str, facts: Facts) -> None:
        """Append an Admin record; when it is durable, it counts."""
        record = self._ledger.admin(what, facts)
        receipt = await self._ledger.append([(record, None)])
        self.standing = taken(self.standing, record)
        self._closing -= self.standing.closed.keys()
        try:
            await asyncio.to_thread(self._file.write, receipt.index + 1, self.standing)
        except OSError as error:
            # WHY: the ledger has it; the next start folds it from there.
            logger().warning("standing_unwritten", kind=type(error).__name__)

    async def _refuse(self, why: str) -> Answer:
        logger().warning(REFUSED, reason=why)
        try:
            await self._ledger.record(REFUSED, {"reason": why})
        except GatewayError as error:
            logger().error("refusal_unrecorded", code=error.code)
        return Answer(taken=False, why=why)

    def _folded(self) -> Standing:
        mark, standing = self._file.read()
        if mark > self._ledger.size:
            mark, standing = 0, Standing()
        told = (decode(stored.entry) for stored in self._ledger.reader.entries(mark))
        return folded(standing, (record for record in told if isinstance(record, Admin)))


async def open_stewards(
    loaded: Loaded, ledger: Ledger, clock: Clock, openings: Openings
) -> tuple[Stewards, dict[str, str]]:
    """Return what approvals have set so far, and the digests of the documents in force.

    ConfigError, with the ledger closed, when this policy may not be in force.
    """
    paths = loaded.node.settings.paths
    key = derived(node_secret(secret_place(paths)), PURPOSE)
    file = StandingFile(paths.subject_keys.with_name(FILE), ledger.origin, key)
    stewards = Stewards(ledger, file, clock, openings, lambda: loaded)
    await stewards.catch_up()
    try:
        signed = signed_of(loaded, stewards.standing, clock.now_us())
    except ConfigError:
        await ledger.close()
        raise
    documents = loaded.documents.items()
    digests = {name: await ledger.store_document(value, name) for name, value in documents}
    await ledger.record(CONFIGURED, configured(loaded, digests))
    if (stewards.standing.policy, stewards.standing.serial) != (digests["policy"], signed.serial):
        await stewards.policy_loaded({**signed.facts, **digests})
    return stewards, digests


def _allowed(active: Active) -> Allowed:
    until = EPOCH + timedelta(microseconds=active.until_us)
    return Allowed(active.scope["fingerprint"], active.scope["repo"], until)


def _waiting(folder: Path) -> list[Path]:
    """Return what waits in the inbox, the oldest first; an absent folder holds nothing."""
    try:
        found = sorted(folder.glob("*.json"))
        return list(islice((one for one in found if stat.S_ISREG(one.lstat().st_mode)), FILES_MAX))
    except OSError:
        return []


def _read(path: Path) -> bytes:
    """Return the bytes of a file, one more than may be; none where it cannot be read."""
    try:
        # WHY: whoever writes here may put a link or a pipe in place of the file that was seen.
        with open(path, "rb", opener=_no_link) as file:
            return file.read(APPROVAL_BYTES_MAX + 1)
    except OSError:
        return b""


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _answer(path: Path, answer: Answer) -> bool:
    """Say beside the file what became of it, and take the file away; is it gone?"""
    with suppress(OSError):
        # INVARIANT: nothing is written through what lies here: a fresh file takes its place.
        fresh = path.with_suffix(FRESH)
        fresh.unlink(missing_ok=True)
        with fresh.open("xb") as file:
            file.write(msgspec.json.encode(answer))
        fresh.replace(path.with_suffix(ANSWER))
    with suppress(OSError):
        path.unlink()
        return True
    return False
