"""Which turns of conversations passed under which label: the gateway's own memory of them."""

import asyncio
import hmac
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from typing import Protocol

from msgspec import Struct

from gateway.audit.record import DIGEST_CHARS
from gateway.classification.conversation import Seen, standing
from gateway.domain.errors import ConversationsUnavailable, Unreachable
from gateway.domain.label import Label
from gateway.domain.vocabulary import Vocabulary
from gateway.stores.turn_table import DIGEST_BYTES, Forgotten, TurnTable

DAY_US = 86_400_000_000
RECALL_S_MAX = 2.0
KEEP_S_MAX = 5.0
# WHY: that many take about a millisecond, which no other request on the loop feels.
KEYED_INLINE_MAX = 1_000
UNWRITTEN_MAX = 131_072
TELL_S_MIN = 3_600
RUN_BYTES = 12
_OWNER_BYTES = 6
_FAULTS = (sqlite3.Error, OSError, RuntimeError)
_GONE = "What was said in this conversation before cannot be recalled now."
_UNKEPT = "What was said in this conversation cannot be kept now."


class Keeping(Struct, frozen=True):
    """What is being kept: the digests for the record, and when they are durable in the store."""

    turns: str
    done: asyncio.Future[None]


class Told(Protocol):
    """What `kept` is given: something that `keep` returned."""

    @property
    def turns(self) -> str:
        """The digests, as a record holds them."""


class Keyed:
    """Digests of one node: whoever lacks its secret can neither make nor compare one.

    `key` is made from the secret for this purpose alone. Each digest hangs on the secret of its
    caller too: once that is destroyed, nobody can make one again, whatever he guesses.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def check(self) -> bytes:
        """What tells this key from another, and nothing else."""
        return hmac.digest(self._key, b"check", sha256)

    def owner(self, secret: bytes) -> bytes:
        """Return how every digest of the caller with that secret begins."""
        return hmac.digest(self._key, b"owner\0" + secret, sha256)[:_OWNER_BYTES]

    def digests(self, secret: bytes, hashes: Iterable[bytes]) -> list[bytes]:
        """Return the digests of the hashes, each of that caller alone."""
        key = hmac.digest(self._key, b"caller\0" + secret, sha256)
        owner, rest = self.owner(secret), DIGEST_BYTES - _OWNER_BYTES
        return [owner + hmac.digest(key, one, sha256)[:rest] for one in hashes]

    def run(self, secret: bytes, told: bytes) -> str:
        """Return the name of a run of that caller."""
        key = hmac.digest(self._key, b"run\0" + secret, sha256)
        return hmac.digest(key, told, sha256)[:RUN_BYTES].hex()


class Secrets(Protocol):
    """The secret of each caller, which his erasure destroys. All may raise sqlite3.Error."""

    def cached_secret(self, subject: str) -> bytes | None:
        """Return it if it was read a short while ago; the disk is not touched."""

    def known_secret(self, subject: str) -> bytes | None:
        """Return it if there is one; nothing is made."""

    def secret(self, subject: str) -> bytes:
        """Return it, durably made where there is none."""


class Conversations:
    """The memory. Used by one event loop; the disk is touched in two threads of its own.

    INVARIANT: what `keep` was told is recalled from that moment on, whether or not it is written.
    INVARIANT: `size` is asked before a batch is taken, and a record is appended after its turns
    were told; so the mark that a batch carries covers only records whose turns are in the store.
    """

    def __init__(
        self,
        table: TurnTable,
        keyed: Keyed,
        secrets: Secrets,
        vocabulary: Vocabulary,
        now_us: Callable[[], int],
    ) -> None:
        self._table = table
        self._keyed = keyed
        self._secrets = secrets
        self._vocabulary = vocabulary
        self._now_us = now_us
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="recall")
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="keep")
        self._waiting: dict[bytes, Seen] = {}
        self._taken: dict[bytes, Seen] = {}
        self._told: list[asyncio.Future[None]] = []
        self._work: asyncio.Task[None] | None = None
        self._failed = False
        self._forgotten = Forgotten()
        self._told_us = 0
        self.size: Callable[[], int] | None = None
        self.tell: Callable[[Forgotten], None] | None = None

    @property
    def mark(self) -> int:
        """The index in the ledger up to which every turn is in the store."""
        return self._table.mark

    @property
    def day(self) -> int:
        """Today, counted from the epoch."""
        return self._now_us() // DAY_US

    def run(self, subject: str, told: bytes) -> str:
        """Return the name of the run that this belongs to; empty where nothing is told."""
        secret = self._known(subject) if told else None
        return "" if secret is None else self._keyed.run(secret, told)

    async def recall(self, subject: str, hashes: Sequence[bytes]) -> Mapping[bytes, Seen]:
        """Return what is remembered of these turns of that caller, by hash.

        ConversationsUnavailable when the store cannot be read within RECALL_S_MAX, or does not
        take what it is told. It makes the caller's secret where there is none yet; nothing else
        does, so that a request that ends after an erasure makes nobody known again.
        """
        secret = await self._made(subject)
        if not hashes:
            return {}
        await self._mend()
        if len(hashes) <= KEYED_INLINE_MAX:
            digests = self._keyed.digests(secret, hashes)
        else:
            digests = await asyncio.to_thread(self._keyed.digests, secret, hashes)
        fresh = [self._overlay(one) for one in digests]
        try:
            async with asyncio.timeout(RECALL_S_MAX):
                loop = asyncio.get_running_loop()
                stored = await loop.run_in_executor(self._reading, self._table.find, digests)
        except (TimeoutError, *_FAULTS):
            raise ConversationsUnavailable(_GONE) from None
        found: dict[bytes, Seen] = {}
        for one, digest, newer in zip(hashes, digests, fresh, strict=True):
            seen = joined(stored.get(digest), newer, self._vocabulary)
            if seen is not None and seen.day >= self.day - self._table.days:
                found[one] = seen
        return found

    def keep(self, subject: str, hashes: Sequence[bytes], label: Label, *, ours: bool) -> Keeping:
        """Remember these turns of that caller under that label, and say what the record holds."""
        secret = self._known(subject)
        digests = [] if secret is None else self._keyed.digests(secret, hashes)
        seen = Seen(label, self.day, ours)
        done = self._put(dict.fromkeys(digests, seen))
        return Keeping(b64encode(b"".join(digests)).decode(), done)

    async def kept(self, keeping: Told) -> None:
        """Wait until it is durable; ConversationsUnavailable when it is not within KEEP_S_MAX."""
        if not isinstance(keeping, Keeping):
            raise Unreachable("nothing of ours is being kept")
        try:
            async with asyncio.timeout(KEEP_S_MAX):
                await asyncio.shield(keeping.done)
        except TimeoutError:
            raise ConversationsUnavailable(_UNKEPT) from None

    def packed(self, subject: str, hashes: Iterable[bytes]) -> str:
        """Return the digests of these turns of that caller, as a record holds them."""
        secret = self._known(subject)
        digests = [] if secret is None else self._keyed.digests(secret, hashes)
        return b64encode(b"".join(digests)).decode()

    def owner(self, secret: bytes) -> bytes:
        """Return how the digests of the caller with that secret begin."""
        return self._keyed.owner(secret)

    async def absorb(self, rows: Iterable[tuple[str, Seen]], mark: int) -> None:
        """Take digests from records of the ledger; `mark` is the index after the last of them."""
        found: dict[bytes, Seen] = {}
        for turns, seen in rows:
            for digest in unpacked(turns):
                found[digest] = joined(found.get(digest), seen, self._vocabulary) or seen
        loop = asyncio.get_running_loop()
        try:
            self._note(await loop.run_in_executor(self._writing, self._write, found, mark))
        except _FAULTS:
            raise ConversationsUnavailable(_UNKEPT) from None

    async def forget(self, owner: bytes) -> None:
        """Forget every turn of that caller; when it returns, no file holds them any more."""
        await self._flushed()
        self._waiting = {
            key: one for key, one in self._waiting.items() if not key.startswith(owner)
        }
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._writing, self._table.forget, owner)
        except _FAULTS:
            raise ConversationsUnavailable(_UNKEPT) from None

    async def close(self) -> None:
        """Write what is not written yet, and let go of the file."""
        with suppress(ConversationsUnavailable):
            await self._flushed()
        for threads in (self._reading, self._writing):
            threads.shutdown(wait=False, cancel_futures=True)
        self._tell_forgotten(now=True)
        self._table.close()

    def _known(self, subject: str) -> bytes | None:
        """Return the secret of a caller; None where he has none, or was erased meanwhile."""
        try:
            return self._secrets.known_secret(subject)
        except _FAULTS:
            return None

    async def _made(self, subject: str) -> bytes:
        found = self._secrets.cached_secret(subject)
        if found is not None:
            return found
        try:
            return await asyncio.to_thread(self._secrets.secret, subject)
        except _FAULTS:
            raise ConversationsUnavailable(_GONE) from None

    def _overlay(self, digest: bytes) -> Seen | None:
        """Return what was told of a turn and may not be in the store yet."""
        first, second = self._waiting.get(digest), self._taken.get(digest)
        return joined(first, second, self._vocabulary)

    def _put(self, rows: Mapping[bytes, Seen]) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not rows:
            done.set_result(None)
            return done
        for digest, seen in rows.items():
            known = self._waiting.get(digest)
            self._waiting[digest] = joined(known, seen, self._vocabulary) or seen
        done.add_done_callback(_looked_at)
        self._told.append(done)
        self._start()
        return done

    def _start(self) -> None:
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._flush())

    async def _mend(self) -> None:
        """Write again what could not be written; nothing is recalled while that fails."""
        if self._failed or len(self._waiting) >= UNWRITTEN_MAX:
            await self._flushed()

    async def _flushed(self) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.add_done_callback(_looked_at)
        self._told.append(done)
        self._start()
        await self.kept(Keeping("", done))

    async def _flush(self) -> None:
        """Write batch after batch until nothing waits."""
        loop = asyncio.get_running_loop()
        while self._told:
            mark = self.size() if self.size is not None else None
            self._taken, self._waiting = self._waiting, {}
            told, self._told = self._told, []
            try:
                written = loop.run_in_executor(self._writing, self._write, self._taken, mark)
                self._note(await written)
            except Exception:  # noqa: BLE001 - whatever it is, nothing that was told may be lost
                self._failed = True
                for digest, seen in self._taken.items():
                    known = self._waiting.get(digest)
                    self._waiting[digest] = joined(known, seen, self._vocabulary) or seen
                self._taken = {}
                for one in told:
                    if not one.done():
                        one.set_exception(ConversationsUnavailable(_UNKEPT))
                continue
            self._failed = False
            self._taken = {}
            for one in told:
                if not one.done():
                    one.set_result(None)

    def _write(self, rows: Mapping[bytes, Seen], mark: int | None) -> Forgotten:
        return self._table.write(rows, mark, self.day)

    def _note(self, forgotten: Forgotten) -> None:
        """Add up what had to go, and tell of it once in a while."""
        self._forgotten = self._forgotten.plus(forgotten)
        self._tell_forgotten(now=self._now_us() - self._told_us >= TELL_S_MIN * 1_000_000)

    def _tell_forgotten(self, *, now: bool) -> None:
        if now and self._forgotten.turns and self.tell is not None:
            self._told_us = self._now_us()
            told, self._forgotten = self._forgotten, Forgotten()
            self.tell(told)


def joined(one: Seen | None, other: Seen | None, vocabulary: Vocabulary) -> Seen | None:
    """Return both memories of a turn as one: it never gets a lower label."""
    if one is None or other is None:
        return one or other
    label = standing(one.label, vocabulary).join(standing(other.label, vocabulary))
    return Seen(label, max(one.day, other.day), one.ours or other.ours)


def unpacked(turns: str) -> list[bytes]:
    """Return the digests that a record holds; what is none is left out."""
    whole = turns[: len(turns) - len(turns) % DIGEST_CHARS]
    try:
        data = b64decode(whole, validate=True)
    except ValueError:
        return []
    return [data[at : at + DIGEST_BYTES] for at in range(0, len(data), DIGEST_BYTES)]


def _looked_at(done: asyncio.Future[None]) -> None:
    """Look at the result, so that a failure nobody waits for is not reported as forgotten."""
    if not done.cancelled():
        done.exception()
