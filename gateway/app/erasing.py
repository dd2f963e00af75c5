"""Erasure, holds and decryption, as persons sign them: looked at, carried out, recorded."""

import asyncio
import re
from collections.abc import Container, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from msgspec import Struct

from gateway.app.moment import EPOCH
from gateway.app.retaining import HELD, Clock, Due, Retention, holds
from gateway.domain.approval import Action, Approved
from gateway.domain.errors import GatewayError, LedgerUnavailable
from gateway.ledger.bodies import BodyStore
from gateway.ledger.ledger import Ledger
from gateway.ledger.subject_keys import Erasure, SubjectKeys
from gateway.meters.logs import logger
from gateway.stores.conversations import Conversations
from gateway.stores.standing import ERASED, Standing

KEYS_TOLD_MAX = 500
AGAIN_S = 5.0
PUT_BACK = "keys_were_put_back"
UNKNOWN_SUBJECT = "unknown_subject"
UNKNOWN_HOLD = "unknown_hold"
ANOTHER_LEDGER = "another_ledger"
UNKNOWN_RECORD = "unknown_record"
BELOW_FLOOR = "below_retention_floor"
NOT_A_SCOPE = "wrong_scope"
# WHY: letting a hold go takes two persons; a revocation takes one.
IS_A_HOLD = "release_the_hold"
# What is read by whoever has the keys: the record of it comes first.
DECRYPTS = frozenset({Action.DECRYPT, Action.DECRYPT_BODIES, Action.READ_FINDINGS})
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class Refusal(Struct, frozen=True):
    """Why a statement has no effect, and what else the ledger says of that."""

    why: str
    facts: Mapping[str, str] = {}


class Memory(Struct, frozen=True):
    """What is kept of subjects beside the ledger and their keys."""

    conversations: Conversations
    bodies: BodyStore


class Book(Protocol):
    """Where erasures stand: what was told, and how one more is."""

    standing: Standing

    async def tell(self, what: str, facts: Mapping[str, object]) -> None:
        """Record it; LedgerError."""


class Erasing:
    """Destroys what would make a subject known; refuses while a hold says so.

    INVARIANT: what was destroyed is told by an Admin record, after a crash too: the key store
    remembers each erasure until the ledger has it.
    """

    def __init__(
        self,
        ledger: Ledger,
        memory: Memory,
        retention: Retention,
        book: Book,
        clock: Clock,
    ) -> None:
        self._book = book
        self._ledger = ledger
        self._retention = retention
        self._conversations = memory.conversations
        self._bodies = memory.bodies
        self._clock = clock
        self._unfinished = True
        self._one = asyncio.Lock()

    @property
    def _keys(self) -> SubjectKeys:
        return self._ledger.subjects

    async def why_not(self, approved: Approved, standing: Standing) -> Refusal | None:
        """Return why this statement may have no effect; None where it may."""
        scope = approved.statement.scope
        match approved.statement.action:
            case Action.ERASE:
                return await asyncio.to_thread(self._kept_by, scope["pseudonym"], standing)
            case Action.HOLD | Action.RELEASE_HOLD | Action.REVOKE as action:
                why = _of_hold(action, scope, standing.of(Action.HOLD, self._clock.now_us()))
                return Refusal(why) if why else None
            case Action.PRUNE:
                return await self._unprunable(scope["before"])
            case Action.DECRYPT | Action.DECRYPT_BODIES | Action.READ_FINDINGS:
                return await asyncio.to_thread(self._unreadable, scope)
            case _:
                return None

    async def act(self, approved: Approved) -> None:
        """Erase or prune, and tell of it; nothing is done here by other statements."""
        if approved.statement.action is Action.PRUNE:
            await self._prune(approved)
        if approved.statement.action is not Action.ERASE:
            return
        if self._ledger.failure is not None:
            raise self._ledger.failure
        pseudonym = approved.statement.scope["pseudonym"]
        await asyncio.to_thread(self._destroy, pseudonym, approved.digest)
        self._unfinished = True
        await self.finish()

    async def finish(self) -> None:
        """Let the memory forget whoever was erased, and tell the ledger; GatewayError.

        WHY: an erasure that is under way is looked for again meanwhile, and told of once.
        """
        async with self._one:
            await self._finish()

    async def _finish(self) -> None:
        for gone in await asyncio.to_thread(self._keys.untold):
            if gone.owner:
                await self._conversations.forget(gone.owner)
            bodies = await asyncio.to_thread(self._without_bodies, gone.pseudonym)
            for facts in _told(gone, bodies):
                await self._book.tell(ERASED, facts)
            await asyncio.to_thread(self._keys.told, gone.pseudonym)
        self._unfinished = False

    async def again(self) -> None:
        """Erase whoever a copy of the key store that was put back made known again."""
        back = await asyncio.to_thread(self._known_again)
        for pseudonym in back:
            logger().warning("erased_again")
            await asyncio.to_thread(self._destroy, pseudonym, PUT_BACK)

    def _known_again(self) -> list[str]:
        known = self._keys.pseudonyms()
        return sorted(known & self._book.standing.erased)

    async def watch(self) -> None:
        """Finish what could not be finished at once, and destroy what is over, until cancelled."""
        await asyncio.gather(self._finish_later(), self._retention.watch())

    async def _finish_later(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_S)
            if self._unfinished:
                try:
                    await self.finish()
                except GatewayError as error:
                    logger().error("erasure_unfinished", code=error.code)

    async def _unprunable(self, before: str) -> Refusal | None:
        before_us = _moment_us(before)
        if before_us is None:
            return Refusal(NOT_A_SCOPE)
        if self._retention.is_below_floor(before_us):
            return Refusal(BELOW_FLOOR)
        held = [one for one in await self._due(before_us) if one.hold]
        if held:
            return Refusal(HELD, {"hold": held[0].hold, "shard": held[0].folder.root.name})
        return None

    async def _prune(self, approved: Approved) -> None:
        before_us = _moment_us(approved.statement.scope["before"]) or 0
        try:
            await self._retention.prune(await self._due(before_us), approved.digest)
        except OSError as error:
            hint = error.strerror or ""
            raise LedgerUnavailable("a shard cannot be pruned", hint=hint) from None

    async def _due(self, before_us: int) -> tuple[Due, ...]:
        try:
            return await asyncio.to_thread(self._retention.due, before_us)
        except OSError as error:
            hint = error.strerror or ""
            raise LedgerUnavailable("a shard cannot be read", hint=hint) from None

    def _unreadable(self, scope: Mapping[str, str]) -> Refusal | None:
        if scope["origin"] != self._ledger.origin:
            return Refusal(ANOTHER_LEDGER)
        is_there = self._ledger.reader.record_of(scope["record"]) is not None
        return None if is_there else Refusal(UNKNOWN_RECORD)

    def _kept_by(self, pseudonym: str, standing: Standing) -> Refusal | None:
        months = self._keys.months(pseudonym)
        for digest, hold in standing.of(Action.HOLD, self._clock.now_us()).items():
            if holds(hold.scope, pseudonym, months):
                return Refusal(HELD, {"hold": digest, "pseudonym": pseudonym})
        waiting = any(one.pseudonym == pseudonym for one in self._keys.untold())
        if not waiting and self._keys.secret_of(pseudonym) is None:
            return Refusal(UNKNOWN_SUBJECT)
        return None

    def _without_bodies(self, pseudonym: str) -> int:
        try:
            return self._bodies.erase(pseudonym)
        except OSError as error:
            hint = error.strerror or ""
            raise LedgerUnavailable("kept bodies cannot be deleted", hint=hint) from None

    def _destroy(self, pseudonym: str, approval: str) -> None:
        secret = self._keys.secret_of(pseudonym)
        owner = b"" if secret is None else self._conversations.owner(secret)
        self._keys.erase(pseudonym, owner, approval)


def _moment_us(day: str) -> int | None:
    """Return when a day begins; None for what is no day."""
    try:
        moment = datetime.combine(date.fromisoformat(day), time(), UTC)
    except ValueError:
        return None
    return (moment - EPOCH) // timedelta(microseconds=1)


def _of_hold(action: Action, scope: Mapping[str, str], held: Container[str]) -> str:
    """Return why a hold may not be set, let go or revoked so; empty where it may."""
    if action is Action.HOLD:
        return "" if _is_hold(scope) else NOT_A_SCOPE
    if action is Action.RELEASE_HOLD:
        return "" if scope["approval"] in held else UNKNOWN_HOLD
    return IS_A_HOLD if scope["approval"] in held else ""


def _is_hold(scope: Mapping[str, str]) -> bool:
    """Does the scope say one subject, or one span of months?"""
    if scope.keys() == {"pseudonym"}:
        return True
    if scope.keys() != {"from", "to"}:
        return False
    are_months = all(_MONTH.fullmatch(month) for month in scope.values())
    return are_months and scope["from"] <= scope["to"]


def _told(gone: Erasure, bodies: int) -> Iterator[dict[str, object]]:
    """Yield the facts of as many records as the ids of the keys need."""
    for at in range(0, len(gone.keys) or 1, KEYS_TOLD_MAX):
        keys = list(gone.keys[at : at + KEYS_TOLD_MAX])
        yield {
            "pseudonym": gone.pseudonym,
            "keys": keys,
            "bodies": bodies,
            "approval": gone.approval,
        }


async def open_erasing(erasing: Erasing) -> Erasing:
    """Return what erases, after it finished what an earlier life of the gateway began.

    INVARIANT: whoever was erased stays so, whatever copy of the keys was put back.
    """
    try:
        await erasing.again()
        await erasing.finish()
    except GatewayError as error:
        logger().error("erasure_unfinished", code=error.code)
    return erasing
