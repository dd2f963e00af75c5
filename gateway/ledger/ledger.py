"""The ledger as the rest of the house sees it: append, store a document, read, close."""

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
from msgspec import UNSET

from gateway.audit.canonical import EntryRefused, EntryTooLarge, decode
from gateway.audit.record import (
    Admin,
    Attempted,
    Decided,
    Personal,
    Receipt,
    Record,
    Sealed,
    Settled,
)
from gateway.audit.story import CLOCK_BACK_US_MAX
from gateway.domain.errors import LedgerError, LedgerUnavailable, TooLarge, Unreachable
from gateway.domain.route import OutcomeKind
from gateway.ledger import blobs, documents
from gateway.ledger.entry import TS_US_MAX, Entry, entry_of
from gateway.ledger.parts import Options, Parts, open_parts
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reader import Reader
from gateway.ledger.subject_keys import (
    Field,
    KeyGone,
    SealBroken,
    SubjectKey,
    SubjectKeys,
    month_of,
)
from gateway.ledger.timekeeping import clock_state, stamped

LOST_GROUP_MAX = 500
SUBJECTS_MAX = 100_000

Facts = Mapping[str, object]
Found = TypeVar("Found")


class Clock(Protocol):
    """The time."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""


class Ids(Protocol):
    """Ids of records."""

    def record_id(self) -> str:
        """Return a new UUIDv7 as text."""


class Ledger:
    """One log, written by this process alone, and by one event loop of it.

    `boot` stands in every record of this process. Made by `open_ledger`.
    """

    def __init__(self, parts: Parts, boot: str, clock: Clock, ids: Ids) -> None:
        self.boot = boot
        self._parts = parts
        self._clock = clock
        self._ids = ids
        self._documents: dict[str, str] = {}
        self._storing = asyncio.Lock()
        self._announcing: set[str] = set()
        self._asking: OrderedDict[str, str] = OrderedDict()

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self._parts.key.name

    @property
    def vkey(self) -> str:
        """The public key of the log, as text."""
        return str(self._parts.key.vkey)

    @property
    def size(self) -> int:
        """How many records are durable."""
        return self._parts.writer.size

    @property
    def subjects(self) -> SubjectKeys:
        """The keys of subjects, and what stands for each; its methods block."""
        return self._parts.keys

    @property
    def blobs(self) -> Path:
        """The folder of what no entry could hold."""
        return self._parts.folder.blobs

    @property
    def failure(self) -> LedgerError | None:
        """Why no record can be written now; None while all is well."""
        return self._parts.writer.failure

    @property
    def reader(self) -> Reader:
        """Reads what is durable; its methods block."""
        return self._parts.reader

    async def personal_of(self, record: Decided | Attempted | Settled) -> Personal | None:
        """Return the personal fields of a record; None when it has none. KeyGone, SealBroken."""
        if record.sealed is None:
            return None
        return await asyncio.to_thread(self._open, record, record.sealed)

    def opened(self, start: int) -> Iterator[tuple[int, Record, Personal | None]]:
        """Yield every durable record from that index on with its personal fields; it blocks.

        They are None where a record has none, and where its subject was erased.
        """
        for stored in self._parts.reader.entries(start):
            record = decode(stored.entry)
            yield stored.index, record, self.personal(record)

    def personal(self, record: Record) -> Personal | None:
        """Return the personal fields of a record as `opened` does; it blocks."""
        if isinstance(record, Admin) or record.sealed is None:
            return None
        try:
            return self._open(record, record.sealed)
        except (KeyGone, SealBroken):
            return None

    def _open(self, record: Decided | Attempted | Settled, sealed: Sealed) -> Personal:
        """Return the personal fields, without the person acted for where that one is erased."""
        personal = self._parts.keys.open_sealed(sealed, field_of(record))
        told = record.on_behalf_of if isinstance(record, Decided) else UNSET
        if not isinstance(record, Decided) or told is UNSET:
            return personal
        try:
            person = self._parts.keys.open_sealed(told, principal_of(record)).subject
        except KeyGone:
            person = ""
        return msgspec.structs.replace(personal, on_behalf_of=person)

    async def append(self, records: Sequence[tuple[Record, Personal | None]]) -> Receipt:
        """Make records durable in one group commit; LedgerUnavailable when that fails.

        When it returns, the bytes are on disk (fdatasync) and in the tree. TooLarge when a record
        is larger than an entry may be; it is never cut.
        """
        if not records:
            raise Unreachable("nothing to append")
        announced: set[str] = set()
        try:
            entries: list[Entry] = []
            for record, personal in records:
                entries.extend(await self._entries(record, personal, announced))
            receipt = await self._commit(entries)
            if announced:
                await self._announce(announced)
            return receipt
        finally:
            self._announcing -= announced

    async def record(self, what: str, facts: Facts) -> Receipt:
        """Append an Admin record of that kind; facts are clear values, nothing personal."""
        return await self._commit([_entry(self._admin(what, facts))])

    def admin(self, what: str, facts: Facts) -> Admin:
        """Return an Admin record of this moment, to be appended by the caller."""
        return self._admin(what, facts)

    async def hand_over(self) -> None:
        """Close the shard that is written and begin the next; LedgerUnavailable when that fails.

        What comes meanwhile waits for it. Afterwards something was written in the next shard.
        """
        await self.record("hand_over_asked", {})
        await self.record("heartbeat", clock_state())

    async def store_document(self, value: object, name: str = "") -> str:
        """Keep a policy or catalogue by its digest, and return that.

        When it returns, the document and the record of it are durable, so that a decision may
        name it. A document is recorded once in each boot.
        """
        async with self._storing:
            try:
                digest = await asyncio.to_thread(
                    documents.store, self._parts.writer.folder, value, self._parts.files
                )
            except EntryRefused as error:
                raise LedgerUnavailable("a document cannot be stored", hint=str(error)) from None
            except OSError as error:
                hint = error.strerror or ""
                raise LedgerUnavailable("a document cannot be stored", hint=hint) from None
            if digest not in self._documents:
                await self.record("document_stored", {"digest": digest, "name": name})
                self._documents[digest] = name
            return digest

    async def close(self) -> None:
        """Write the stop, make the last checkpoint, and let go of the log."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        try:
            self._parts.writer.finish([_entry(self._admin("stopped", {}))], done)
            await done
        except LedgerError:
            # WHY: a ledger that cannot be written must still be let go; the missing stop shows.
            pass
        finally:
            await asyncio.to_thread(self._parts.close)

    async def begin(self) -> None:
        """Write the start, and an end for every request that an earlier boot left open."""
        lost = self._parts.sealer.open_requests
        size = self._parts.sealer.size
        self._parts.writer.now_us = self._clock.now_us
        self._parts.start(asyncio.get_running_loop())
        silent = ceil(self._parts.heartbeat_s)
        facts = {"after": size, "open": len(lost), "heartbeat_s": silent, **clock_state()}
        entries = [_entry(self._started(facts))]
        if self._parts.cut_bytes:
            cut = {"cut_bytes": self._parts.cut_bytes, "after": size}
            entries.append(_entry(self._admin("recovered", cut)))
        await self._commit(entries)
        await self._rotate()
        orphans = list(lost)
        for at in range(0, len(orphans), LOST_GROUP_MAX):
            group = orphans[at : at + LOST_GROUP_MAX]
            await self._commit([_entry(self._lost(record_id)) for record_id in group])

    async def _rotate(self) -> None:
        """Announce the key that waits for it; from then on it signs beside the first one."""
        vkey = self._parts.pending_key
        if vkey:
            await self.record("key_rotated", {"vkey": vkey})
        try:
            await asyncio.to_thread(self._parts.take_over)
        except OSError as error:
            hint = error.strerror or ""
            raise LedgerUnavailable("the new key cannot be put in its place", hint=hint) from None

    async def _commit(self, entries: list[Entry]) -> Receipt:
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._parts.writer.submit(entries, done)
        return Receipt(await done)

    async def _entries(
        self, record: Record, personal: Personal | None, announced: set[str]
    ) -> list[Entry]:
        """Return the entry of a record, after that of its subject's key if nothing told of it."""
        if record.boot != self.boot:
            raise Unreachable("a record names another boot than this one")
        if personal is None or isinstance(record, Admin):
            return [_entry(record)]
        _assert_time(record)
        month, person = month_of(record.ts_us), personal.on_behalf_of
        own = msgspec.structs.replace(personal, on_behalf_of="")
        key = await self.key_for(record, personal.subject)
        if isinstance(record, Settled):
            self._asking.pop(record.id, None)
        if key is None:
            return [_entry(record)]
        sealed = self._parts.keys.seal(own, field_of(record), key)
        if len(sealed.data) > blobs.SEALED_CHARACTERS_MAX:
            folder, files = self._parts.folder.blobs, self._parts.files
            sealed = await asyncio.to_thread(blobs.spill, folder, sealed, files)
        record, keys = msgspec.structs.replace(record, sealed=sealed), [key]
        if person and isinstance(record, Decided):
            # WHY: whoever is erased takes his name along, wherever a service named him.
            theirs = await self._key(person, month)
            told = self._parts.keys.seal(Personal(person), principal_of(record), theirs)
            record, keys = msgspec.structs.replace(record, on_behalf_of=told), [key, theirs]
        fresh = {one.id for one in keys if one.fresh} - self._announcing
        self._announcing |= fresh
        announced |= fresh
        made = [{"key": key_id, "month": month} for key_id in sorted(fresh)]
        return [*(_entry(self._admin("subject_key_made", one)) for one in made), _entry(record)]

    async def key_for(
        self, record: Decided | Attempted | Settled, subject: str
    ) -> SubjectKey | None:
        """Return the key for what is personal of a record; None when its subject was erased.

        INVARIANT: a request that was under way when its subject was erased makes nobody known
        again: what follows its Decided is sealed under the same pseudonym, or not at all.
        """
        asking, month = self._asking.get(record.id), month_of(record.ts_us)
        if asking is not None and not isinstance(record, Decided):
            found = self._parts.keys.cached(subject, month)
            if found is not None and found.pseudonym == asking:
                return found
            return await self._from_store(self._parts.keys.key_of, asking, month)
        key = await self._key(subject, month)
        if isinstance(record, Decided):
            self._asking[record.id] = key.pseudonym
            if len(self._asking) > SUBJECTS_MAX:
                self._asking.popitem(last=False)
        return key

    async def _announce(self, keys: set[str]) -> None:
        try:
            await asyncio.to_thread(self._parts.keys.announced, keys)
        except (sqlite3.Error, OSError):
            # WHY: the record is durable; a key store that forgets it has it told once more.
            return

    async def _key(self, subject: str, month: str) -> SubjectKey:
        if not subject:
            raise Unreachable("personal fields without a subject")
        found = self._parts.keys.cached(subject, month)
        if found is not None:
            return found
        return await self._from_store(self._parts.keys.key, subject, month)

    async def _from_store(self, look: Callable[[str, str], Found], name: str, month: str) -> Found:
        try:
            return await asyncio.to_thread(look, name, month)
        except (sqlite3.Error, OSError) as error:
            hint = type(error).__name__
            raise LedgerUnavailable("the key store cannot be written", hint=hint) from None

    def _started(self, facts: Facts) -> Admin:
        now_us = self._clock.now_us()
        latest_us = self._parts.sealer.latest_us
        if now_us < latest_us - CLOCK_BACK_US_MAX:
            facts = {**facts, "clock_from_us": latest_us}
        return self._admin("started", facts, ts_us=now_us)

    def _admin(self, what: str, facts: Facts, ts_us: int | None = None) -> Admin:
        return Admin(
            id=self._ids.record_id(),
            ts_us=self._clock.now_us() if ts_us is None else ts_us,
            boot=self.boot,
            what=what,
            facts=dict(facts),
        )

    def _lost(self, record_id: str) -> Settled:
        return Settled(
            id=record_id, ts_us=self._clock.now_us(), boot=self.boot, outcome=OutcomeKind.LOST
        )


async def open_ledger(
    paths: LedgerPaths, boot: str, clock: Clock, ids: Ids, options: Options | None = None
) -> Ledger:
    """Open an existing ledger for writing; LedgerUnavailable or ChainBroken.

    When it returns, this boot's start is durable, and every request that an earlier boot left
    open is settled as lost.
    """
    parts = await asyncio.to_thread(open_parts, paths, boot, options or Options())
    ledger = Ledger(parts, boot, clock, ids)
    try:
        await ledger.begin()
    except BaseException:
        await asyncio.to_thread(parts.close)
        raise
    return ledger


def field_of(record: Decided | Attempted | Settled) -> Field:
    """Return where the personal fields of a record stand, as their ciphertext is bound to it."""
    match record:
        case Decided():
            return Field(record.id, "decided")
        case Attempted():
            return Field(record.id, f"attempted/{record.number}")
        case Settled():
            return Field(record.id, "settled")


def principal_of(record: Decided) -> Field:
    """Return where the person for whom somebody acted stands in a record."""
    return Field(record.id, "decided/on_behalf_of")


def _assert_time(record: Record) -> None:
    ts_us: object = record.ts_us
    if not isinstance(ts_us, int) or not 0 <= ts_us <= TS_US_MAX:
        raise LedgerUnavailable("a record cannot be written", hint="its time is none of a clock")


def _entry(record: Record) -> Entry:
    _assert_time(record)
    try:
        return entry_of(stamped(record))
    except EntryTooLarge:
        raise TooLarge("the record of this request would be larger than a record may be") from None
    except EntryRefused as error:
        raise LedgerUnavailable("a record cannot be written", hint=str(error)) from None
