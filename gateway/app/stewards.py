"""Approvals at work: taken from the inbox, checked, recorded, in effect.

INVARIANT: what closes something has its effect first and is recorded then; what opens or lowers
something is durable in the ledger before it has any effect.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import msgspec
from msgspec import UNSET

from gateway.app import exporting, inbox
from gateway.app.erasing import DECRYPTS, Erasing
from gateway.app.granting import KINDS, grant_of, grants_of, spent_of
from gateway.app.inbox import Answer
from gateway.app.loading import Loaded
from gateway.app.moment import EPOCH
from gateway.audit.canonical import decode
from gateway.classification.allowed import NOTHING_ALLOWED, Allows, by_fingerprint
from gateway.domain.allowed import Allowed
from gateway.domain.approval import Action, Approved
from gateway.domain.errors import GatewayError, Unreachable
from gateway.domain.grant import Grant
from gateway.domain.vocabulary import Vocabulary
from gateway.flow.openings import Openings
from gateway.identity.approvals import NotApproved, check, read_approval
from gateway.identity.persons import Persons
from gateway.ledger.ledger import Ledger
from gateway.meters.logs import logger
from gateway.stores.standing import (
    GLASS_BEGAN,
    GLASS_ENDED,
    PERSONS_LOADED,
    POLICY_LOADED,
    USED,
    WAIVER_ENDED,
    Active,
    Standing,
    StandingFile,
    active_of,
    begun,
    facts_of,
    folded,
    never_recorded,
    recorded,
)

LOOK_S = 0.25
US = 1_000_000
SWEEP_US = 3_600 * US
REFUSED = "approval_refused"
UNKNOWN_ZONE = "unknown_zone"
ANOTHER_CLOSING = "another_closing"
UNKNOWN_REPO = "unknown_repo"
NOT_HERE = "not_for_the_inbox"
ALLOW = Action.ALLOW_FINDING
# WHY: the policy's own approval lies in the policy folder, and to the others nothing acts yet: what
# is recorded as used must have had its effect.
ZONES = frozenset({Action.CLOSE_ZONE, Action.OPEN_ZONE})
SUBJECTS = frozenset({Action.ERASE, Action.HOLD, Action.RELEASE_HOLD, Action.PRUNE, *DECRYPTS})
EXPORTS = frozenset({Action.EXPORT, Action.EXPORT_FULL})
TAKEN = frozenset({ALLOW, Action.REVOKE, *ZONES, *SUBJECTS, *KINDS, *EXPORTS})
GLASS = Action.BREAK_GLASS
UNRECORDED = "unrecorded"
CUT = "cut"
EXPIRED = "expired"
REVOKED = "revoked"

Facts = Mapping[str, object]


class Clock(Protocol):
    """The time."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""


class GrantMeters(Protocol):
    """What is counted of grants."""

    def grant_used(self, kind: str) -> None:
        """Count a request that was granted something."""

    def glass_broken(self, count: int) -> None:
        """Say how many statements that break glass are in effect."""


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
        self._allowed_of: dict[str, Active] | None = None
        self._granted: tuple[Grant, ...] = ()
        self._granted_of: tuple[dict[str, Active], Vocabulary] | None = None
        self._meters: GrantMeters | None = None
        self._writing = asyncio.Lock()
        self._written = 0
        self._recording = 0
        self._recorded: list[str] = []
        self.standing = Standing()
        self.acts: Erasing | None = None

    async def catch_up(self) -> None:
        """Fold what the ledger says since the file was written; it may take a while."""
        self.standing = await asyncio.to_thread(self._folded)

    @property
    def closed(self) -> frozenset[str]:
        """The zones that are closed now."""
        return frozenset(self.standing.closed) | self._closing

    def shut(self) -> list[str]:
        """Return a line for each closed zone, with the statement that an opening has to name."""
        by = self.standing.closed
        return [
            f"zone {zone} is closed" + (f" by {by[zone]}" if zone in by else "")
            for zone in sorted(self.closed)
        ]

    def allows(self) -> Allows:
        """Return the findings that stewards allow now."""
        active = self.standing.active
        if self._allowed_of is not active:
            allowed = (one for one in active.values() if one.action is ALLOW)
            self._allowed = by_fingerprint(map(_allowed, allowed))
            self._allowed_of = active
        return self._allowed

    def grants(self) -> tuple[Grant, ...]:
        """Return what persons granted and nobody has revoked."""
        active, words = self.standing.active, self.current().compiled.vocabulary
        known = self._granted_of
        if known is None or known[0] is not active or known[1] is not words:
            self._granted = grants_of(self.standing, words)
            self._granted_of = active, words
        return self._granted

    def spent(self) -> frozenset[str]:
        """Return the ids of those grants that serve no further request."""
        return spent_of(self.grants(), self.standing)

    def use(self, grant: Grant, record: str) -> bool:
        """Count one use, loudly; False where none is left, or the grant is over or revoked."""
        active = self.standing.active.get(grant.id)
        if active is None or not active.holds(self._clock.now_us()) or grant.id in self.spent():
            return False
        self.standing = begun(self.standing, grant.id, record)
        logger().warning("grant_used", kind=str(grant.kind), record=record, zone=grant.zone)
        if self._meters is not None:
            self._meters.grant_used(grant.kind)
        return True

    def recorded(self, record: str) -> None:
        """Note that the record of a request that was granted something is durable.

        WHY: while one of persons is written, nobody knows which of the two comes first.
        """
        self._recorded.append(record)
        self._settle()

    def _settle(self) -> None:
        if self._recorded and not self._recording:
            self.standing = recorded(self.standing, self._recorded)
            self._recorded.clear()

    @property
    def glasses(self) -> dict[str, Active]:
        """The glass that is broken, by the digest of the statement."""
        found = self.standing.active.items()
        return {name: one for name, one in found if one.action is GLASS}

    def count_with(self, meters: GrantMeters) -> None:
        """Count with these meters from now on."""
        self._meters = meters
        meters.glass_broken(len(self.glasses))

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
            await self._record((POLICY_LOADED, facts))

    async def tell(self, what: str, facts: Facts) -> None:
        """Record something from which the state is folded; LedgerError."""
        await self._record((what, facts))

    async def persons_loaded(self, persons: Persons) -> None:
        """Record that other persons may sign from now on; LedgerError when that fails.

        A person is named nowhere: the record counts them, and holds a digest of keys and actions.
        """
        async with self._one:
            if persons.digest != self.standing.persons:
                facts = {"persons": len(persons), "digest": persons.digest}
                await self._record((PERSONS_LOADED, facts))

    async def watch(self, folder: Path) -> None:
        """Take what people put into the inbox, until cancelled."""
        stuck: set[Path] = set()
        swept_us = 0
        while True:
            await self.end_granted()
            if self._clock.now_us() >= swept_us + SWEEP_US:
                swept_us = self._clock.now_us()
                await asyncio.to_thread(inbox.sweep, folder, swept_us / US)
            for path in await asyncio.to_thread(inbox.waiting, folder):
                # WHY: a file that cannot be taken away would be refused, and recorded, for ever.
                if path not in stuck:
                    answer = await self.take(await asyncio.to_thread(inbox.read, path))
                    if not await asyncio.to_thread(inbox.answer, path, answer):
                        stuck.add(path)
            await asyncio.sleep(LOOK_S)

    async def end_granted(self) -> None:
        """Record the end of what was granted and is over; again until it is durable."""
        now_us = self._clock.now_us()
        over = [name for name, one in self._standing_grants() if one.until_us <= now_us]
        for name in over if self._ledger.failure is None else ():
            async with self._one:
                await self._end(name)

    def _standing_grants(self) -> list[tuple[str, Active]]:
        active = self.standing.active.items()
        return [(name, one) for name, one in active if one.action in KINDS]

    async def _end(self, grant: str) -> None:
        told = self._ended(grant, EXPIRED)
        try:
            await self._record(*told)
        except GatewayError as error:
            logger().error("end_unrecorded", code=error.code)
        else:
            for what, _ in told:
                logger().error(what, reason=EXPIRED)

    def _ended(self, grant: str, why: str) -> list[tuple[str, Facts]]:
        """Return what is recorded of the end of a grant; nothing where there is no such one."""
        known = self.standing.active.get(grant)
        if known is None or known.action not in KINDS:
            return []
        what = GLASS_ENDED if known.action is GLASS else WAIVER_ENDED
        uses = self.standing.uses.get(grant, 0)
        return [(what, {"approval": grant, "reason": why, "uses": uses})]

    async def _take(self, data: bytes) -> Answer:
        approval = read_approval(data)
        if approval.statement.action not in TAKEN:
            return await self._refuse(NOT_HERE)
        loaded = self.current()
        approved = check(approval, loaded.persons, self._clock.now_us(), self.standing.used)
        misplaced = self._misplaced(approved, loaded)
        if misplaced:
            return await self._refuse(misplaced)
        refusal = await self.acting.why_not(approved, self.standing)
        if refusal is not None:
            return await self._refuse(refusal.why, refusal.facts)
        if approved.statement.action in KINDS:
            grant_of(approved.digest, active_of(approved), loaded.compiled.vocabulary)
        cut = self._close(approved)
        try:
            await self.acting.act(approved)
            document = await self._ledger.store_document(msgspec.to_builtins(approval), "approval")
            exported = approved.statement.action is Action.EXPORT
            told = [(exporting.EXPORTED, exporting.facts_of(approved))] if exported else []
            await self._record(
                (USED, facts_of(approved, document)), *self._of_grants(approved), *told
            )
        except GatewayError as error:
            logger().error("approval_unrecorded", code=error.code)
            return Answer(taken=False, why=UNRECORDED, streams_cut=cut)
        logger().warning(USED, kind=str(approved.statement.action))
        return Answer(taken=True, streams_cut=cut)

    def _misplaced(self, approved: Approved, loaded: Loaded) -> str:
        """Return why the statement speaks of nothing that is there now; empty where it does."""
        zone = approved.statement.scope.get("zone")
        if zone is not None and zone not in loaded.compiled.zones:
            return UNKNOWN_ZONE
        # INVARIANT: a statement that was signed before a closing does not open it, whatever time it
        # names: nobody knew the digest of that closing then.
        closing = approved.statement.scope.get("closing")
        if closing is not None and closing != self.standing.closed.get(zone or ""):
            return ANOTHER_CLOSING
        repo = approved.statement.scope.get("repo")
        if repo is not None and repo not in loaded.compiled.registry.repos:
            return UNKNOWN_REPO
        now_us = self._clock.now_us()
        return exporting.why_not(approved, self.standing, self._ledger.origin, now_us)

    def _close(self, approved: Approved) -> int:
        """Close a zone at once, before anything is written; returns how many streams were cut."""
        scope = approved.statement.scope
        if approved.statement.action is not Action.CLOSE_ZONE:
            return 0
        self._closing |= {scope["zone"]}
        return self._openings.cut(scope["zone"]) if scope.get("streams") == CUT else 0

    def _of_grants(self, approved: Approved) -> list[tuple[str, Facts]]:
        """Return what is recorded beside a statement that breaks glass, or ends a grant; loudly."""
        statement = approved.statement
        if statement.action is GLASS:
            logger().error(GLASS_BEGAN, zone=statement.scope["zone"])
            until = {"zone": statement.scope["zone"], "until_us": statement.until_us}
            return [(GLASS_BEGAN, {"approval": approved.digest, **until})]
        ended = self._ended(statement.scope.get("approval", ""), REVOKED)
        for what, _ in ended if statement.action is Action.REVOKE else ():
            logger().error(what, reason=REVOKED)
        return ended if statement.action is Action.REVOKE else []

    async def _record(self, *told: tuple[str, Facts]) -> None:
        """Append Admin records in one commit; when they are durable, they count."""
        records = [self._ledger.admin(what, facts) for what, facts in told]
        self._recording += 1
        try:
            receipt = await self._ledger.append([(record, None) for record in records])
            self.standing = folded(self.standing, records)
            self._closing -= self.standing.closed.keys()
            if self._meters is not None:
                self._meters.glass_broken(len(self.glasses))
            await self._keep(receipt.index + 1)
        finally:
            self._recording -= 1
            self._settle()

    async def _keep(self, mark: int) -> None:
        """Write the file: the state before the record of that number, and what is under way.

        INVARIANT: a use of which the record may stand behind the mark is under way in the file, so
        that it is counted once when the ledger is read from there.
        """
        async with self._writing:
            if mark < self._written:
                return
            try:
                await asyncio.to_thread(self._file.write, mark, self.standing)
                self._written = mark
            except OSError as error:
                # WHY: the ledger has it; the next start folds it from there.
                logger().warning("standing_unwritten", kind=type(error).__name__)

    @property
    def acting(self) -> Erasing:
        """What is done about subjects, once the start has ended."""
        if self.acts is None:
            raise Unreachable("an approval is taken before the start has ended")
        return self.acts

    async def _refuse(self, why: str, more: Facts = MappingProxyType({})) -> Answer:
        logger().warning(REFUSED, reason=why)
        try:
            await self._ledger.record(REFUSED, {"reason": why, **more})
        except GatewayError as error:
            logger().error("refusal_unrecorded", code=error.code)
        return Answer(taken=False, why=why)

    def _folded(self) -> Standing:
        mark, standing = self._file.read()
        if mark > self._ledger.size:
            mark, standing = 0, Standing()
        reader = self._ledger.reader
        standing = folded(standing, (decode(stored.entry) for stored in reader.entries(mark)))
        for record, grant in standing.under_way.items():
            found = reader.record_of(record)
            granted = UNSET if found is None else found.decided.granted
            if granted is UNSET or granted.id != grant:
                standing = never_recorded(standing, record)
        return recorded(standing, standing.under_way)


def _allowed(active: Active) -> Allowed:
    until = EPOCH + timedelta(microseconds=active.until_us)
    return Allowed(active.scope["fingerprint"], active.scope["repo"], until)
