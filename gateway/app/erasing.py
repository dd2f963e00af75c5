"""Erasure, holds and decryption, as persons sign them: looked at, carried out, recorded."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Protocol

from msgspec import Struct

from gateway.domain.approval import Action, Approved
from gateway.domain.errors import GatewayError, LedgerUnavailable
from gateway.ledger.bodies import BodyStore
from gateway.ledger.ledger import Ledger
from gateway.ledger.subject_keys import Erasure, SubjectKeys
from gateway.meters.logs import logger
from gateway.stores.conversations import Conversations
from gateway.stores.standing import Standing

ERASED = "erased"
KEYS_TOLD_MAX = 500
AGAIN_S = 5.0
HELD = "legal_hold"
UNKNOWN_SUBJECT = "unknown_subject"
UNKNOWN_HOLD = "unknown_hold"
ANOTHER_LEDGER = "another_ledger"
UNKNOWN_RECORD = "unknown_record"
NOT_A_SCOPE = "wrong_scope"
# WHY: letting a hold go takes two persons; a revocation takes one.
IS_A_HOLD = "release_the_hold"
# What is read by whoever has the keys: the record of it comes first.
DECRYPTS = frozenset({Action.DECRYPT, Action.DECRYPT_BODIES})
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class Refusal(Struct, frozen=True):
    """Why a statement has no effect, and what else the ledger says of that."""

    why: str
    facts: Mapping[str, str] = {}


class Clock(Protocol):
    """The time."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""


class Erasing:
    """Destroys what would make a subject known; refuses while a hold says so.

    INVARIANT: what was destroyed is told by an Admin record, after a crash too: the key store
    remembers each erasure until the ledger has it.
    """

    def __init__(
        self, ledger: Ledger, conversations: Conversations, bodies: BodyStore, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._conversations = conversations
        self._bodies = bodies
        self._clock = clock
        self._unfinished = True

    @property
    def _keys(self) -> SubjectKeys:
        return self._ledger.subjects

    async def why_not(self, approved: Approved, standing: Standing) -> Refusal | None:
        """Return why this statement may have no effect; None where it may."""
        scope = approved.statement.scope
        match approved.statement.action:
            case Action.ERASE:
                return await asyncio.to_thread(self._kept_by, scope["pseudonym"], standing)
            case Action.HOLD:
                return None if _is_hold(scope) else Refusal(NOT_A_SCOPE)
            case Action.RELEASE_HOLD:
                known = scope["approval"] in standing.of(Action.HOLD, self._clock.now_us())
                return None if known else Refusal(UNKNOWN_HOLD)
            case Action.REVOKE:
                is_hold = scope["approval"] in standing.of(Action.HOLD, self._clock.now_us())
                return Refusal(IS_A_HOLD) if is_hold else None
            case Action.DECRYPT | Action.DECRYPT_BODIES:
                return await asyncio.to_thread(self._unreadable, scope)
            case _:
                return None

    async def act(self, approved: Approved) -> None:
        """Carry out an erasure, and tell of it; nothing else is done by other statements."""
        if approved.statement.action is not Action.ERASE:
            return
        if self._ledger.failure is not None:
            raise self._ledger.failure
        pseudonym = approved.statement.scope["pseudonym"]
        await asyncio.to_thread(self._destroy, pseudonym, approved.digest)
        self._unfinished = True
        await self.finish()

    async def finish(self) -> None:
        """Let the memory forget whoever was erased, and tell the ledger; GatewayError."""
        for gone in await asyncio.to_thread(self._keys.untold):
            if gone.owner:
                await self._conversations.forget(gone.owner)
            bodies = await asyncio.to_thread(self._without_bodies, gone.pseudonym)
            for facts in _told(gone, bodies):
                await self._ledger.record(ERASED, facts)
            await asyncio.to_thread(self._keys.told, gone.pseudonym)
        self._unfinished = False

    async def watch(self) -> None:
        """Finish what could not be finished at once, until cancelled."""
        while True:
            await asyncio.sleep(AGAIN_S)
            if self._unfinished:
                try:
                    await self.finish()
                except GatewayError as error:
                    logger().error("erasure_unfinished", code=error.code)

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


def holds(scope: Mapping[str, str], pseudonym: str, months: tuple[str, ...]) -> bool:
    """Does a hold of that scope keep what is known of a subject in these months?"""
    if "pseudonym" in scope:
        return scope["pseudonym"] == pseudonym
    return any(scope["from"] <= month <= scope["to"] for month in months)


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


async def open_erasing(
    ledger: Ledger, conversations: Conversations, bodies: BodyStore, clock: Clock
) -> Erasing:
    """Return what erases, after it finished what an earlier life of the gateway began."""
    erasing = Erasing(ledger, conversations, bodies, clock)
    try:
        await erasing.finish()
    except GatewayError as error:
        logger().error("erasure_unfinished", code=error.code)
    return erasing
