"""The one thread that writes: group commit, checkpoints, acknowledgements.

Callers queue entries; the thread takes all that wait, writes them as one group, syncs once, adds
them to the tree, and only then tells the callers.
"""

import errno
import threading
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from math import ceil

from msgspec import Struct

from gateway.audit.record import Admin
from gateway.domain.errors import ChainBroken, LedgerError, LedgerUnavailable
from gateway.ledger.beats import Beats
from gateway.ledger.entry import Entry, entry_of
from gateway.ledger.naming import record_id
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.relay import Relay
from gateway.ledger.sealer import SEAL_FAILURES
from gateway.ledger.shard import Shard
from gateway.ledger.signers import Signers
from gateway.ledger.timekeeping import clock_state, stamped
from gateway.ledger.timeline import Timeline

QUEUE_MAX = 8_192
GROUP_ENTRIES_MAX = 1_024
HEAL_WAIT_S = 1.0


class _Waiting(Struct, frozen=True):
    entries: tuple[Entry, ...]
    done: "Future[int]"


Told = list[tuple["Future[int]", int | LedgerError]]


class Writer:
    """Owns the shard that is written, from `start` to `stop`.

    Others may `submit`, `finish` and `stop`. `moved` is called when the next shard is written.
    """

    def __init__(self, shard: Shard, relay: Relay, base: int, boot: str, beats: Beats) -> None:
        self._relay = relay
        self._base = base
        self._boot = boot
        self._beats = beats
        self._take_up(shard)
        self.moved: Callable[[Shard], None] = lambda _shard: None
        self.now_us: Callable[[], int] = lambda: self.sealer.latest_us
        self._loop: AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._turn = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._queued = 0
        self._stopping = False
        self._group: list[_Waiting] = []
        self._broken: ChainBroken | None = None
        self._unwritten: LedgerError | None = None
        self._unsealed: LedgerError | None = None
        self._unmoved: LedgerError | None = None
        self._asked = False
        self._torn_by: str | None = None
        self._size = base + self.sealer.size

    @property
    def size(self) -> int:
        """How many entries are durable, in all shards."""
        return self._size

    @property
    def folder(self) -> LedgerFolder:
        """The folder of the shard that is written."""
        return self._shard.folder

    @property
    def signers(self) -> Signers:
        """The keys of the shard that is written."""
        return self._shard.signers

    @property
    def base(self) -> int:
        """How many entries the closed shards have."""
        return self._base

    @property
    def failure(self) -> LedgerError | None:
        """Why nothing can be written now; None while all is well."""
        return self._broken or self._unwritten or self._unsealed or self._unmoved

    def _take_up(self, shard: Shard) -> None:
        self._shard = shard
        self._journal = shard.journal
        self.sealer = shard.sealer

    def start(self, loop: AbstractEventLoop) -> None:
        """Begin; acknowledgements go to that loop."""
        self._loop = loop
        self._thread.start()

    def submit(self, entries: Sequence[Entry], done: "Future[int]") -> None:
        """Queue entries, which stay together in one group; `done` gets the index of the last.

        LedgerUnavailable when the queue is full or the writer has stopped, ChainBroken when the
        log is broken.
        """
        with self._turn:
            self._assert_open()
            if self._queued + len(entries) > QUEUE_MAX:
                raise LedgerUnavailable("too many records wait for the ledger")
            self._put(entries, done)

    def finish(self, entries: Sequence[Entry], done: "Future[int]") -> None:
        """Queue the last entries of all and close the queue behind them, in one step.

        LedgerUnavailable when the writer has stopped, ChainBroken when the log is broken.
        """
        with self._turn:
            self._assert_open()
            self._put(entries, done)
            self._stopping = True

    def stop(self) -> None:
        """Write what waits, make a last checkpoint, and return when the thread has ended."""
        with self._turn:
            self._stopping = True
            self._turn.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _assert_open(self) -> None:
        if self._broken is not None:
            raise _again(self._broken)
        if self._stopping:
            raise LedgerUnavailable("the ledger is closed")

    def _put(self, entries: Sequence[Entry], done: "Future[int]") -> None:
        self._queue.append(_Waiting(tuple(entries), done))
        self._queued += len(entries)
        self._turn.notify()

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread, nobody may wait
            self._break(ChainBroken("the writer of the ledger ended", hint=type(error).__name__))
        finally:
            self._journal.close()

    def _step(self) -> bool:
        self._group = self._take()
        if self._group:
            self._commit(self._group[0].entries[0].ts_us)
        elif self._beats.is_due and not self._stopping:
            self._beat()
        elif self._asked or self._unmoved is not None:
            self._hand_over(self.now_us())
        elif self._journal.wounded:
            self._heal()
        ended = self._stopping and not self._queue
        if self.sealer.is_due or (ended and self.sealer.wait_s is not None):
            self._seal()
        return not ended and self._broken is None

    def _take(self) -> list[_Waiting]:
        """Wait for entries, a checkpoint that is due, or the end; return one group."""
        group: list[_Waiting] = []
        count = 0
        with self._turn:
            if not self._queue and not self._stopping:
                self._turn.wait(self._wait_s())
            while self._queue and (
                not group or count + len(self._queue[0].entries) <= GROUP_ENTRIES_MAX
            ):
                waiting = self._queue.popleft()
                count += len(waiting.entries)
                group.append(waiting)
            self._queued -= count
        return group

    def _wait_s(self) -> float | None:
        """Return the seconds until something is to be done without being asked; None for never."""
        if self._journal.wounded or self._unmoved is not None:
            return HEAL_WAIT_S
        waits = (self.sealer.wait_s, self._beats.wait_s, 0.0 if self._asked else None)
        return min((one for one in waits if one is not None), default=None)

    def _beat(self) -> None:
        """Say that the log is alive and had nothing to tell: its silence is evidence too."""
        self._beats.tried()
        now_us = self.now_us()
        self._commit(now_us, [self._own("heartbeat", now_us, clock_state())])

    def _commit(self, ts_us: int, own: Sequence[Entry] = ()) -> None:
        """Make the group durable, behind what is written of our own accord."""
        if self._unsealed is not None:
            self._seal()
        if self._unsealed is not None:
            self._refuse(self._unsealed)
            return
        failure = self._hand_over(ts_us)
        if failure is not None:
            self._refuse(failure)
            return
        timeline = Timeline(self.sealer.latest_us, self._stepped)
        parts = [timeline.told([*self._recovery(ts_us), *own])]
        parts.extend(timeline.told(waiting.entries) for waiting in self._group)
        try:
            self._write([entry for part in parts for entry in part])
        except OSError as error:
            self._refuse(self._torn(error))
            return
        self._beats.heard()
        self._acknowledge(parts)

    def _write(self, entries: Sequence[Entry]) -> None:
        self._relay.bring(self._shard, entries)
        self._journal.write([entry.data for entry in entries])
        self._torn_by = self._unwritten = None
        for entry in entries:
            self.sealer.add(entry)
            self._asked = self._asked or entry.asks
        self._size = self._base + self.sealer.size

    def _hand_over(self, ts_us: int) -> LedgerError | None:
        """Close the shard when its time has come and go on in the next; return why it failed.

        Nothing is acknowledged until it has gone well; then the next commit tries again.
        """
        if not (self._asked or self._relay.is_due(self._shard, ts_us)):
            return None
        try:
            if self.sealer.next is None:
                closing = self._relay.closing(self._shard, ts_us, self._boot)
                timeline = Timeline(self.sealer.latest_us, self._stepped)
                self._write(timeline.told([*self._recovery(ts_us), closing]))
        except OSError as error:
            return self._torn(error)
        try:
            self.sealer.seal(self._journal.end)
            shard = self._relay.follow(self._shard, self._introduced)
        except ChainBroken as error:
            self._break(error)
            return error
        except (LedgerUnavailable, *SEAL_FAILURES) as error:
            hint = type(error).__name__
            self._unmoved = LedgerUnavailable("the next shard cannot be begun", hint=hint)
            return self._unmoved
        self._move(shard)
        return None

    def _move(self, shard: Shard) -> None:
        self._journal.close()
        self._base += self.sealer.size
        self._take_up(shard)
        self._size = self._base + self.sealer.size
        self._unmoved, self._asked = None, False
        self.moved(shard)

    def _introduced(self, closed: Shard) -> list[Entry]:
        """Return what this boot says first in the next shard: that it runs, and its documents."""
        sealer, ts_us = closed.sealer, closed.sealer.latest_us
        facts = {
            "after": 0,
            "open": len(sealer.open_requests),
            "heartbeat_s": ceil(self._beats.interval_s),
            "follows": closed.signers.name,
            **clock_state(),
        }
        stored = sealer.documents.items()
        told = ({"digest": digest, "name": name} for digest, name in stored)
        return [
            self._own("started", ts_us, facts),
            *(self._own("document_stored", ts_us, one) for one in told),
        ]

    def _acknowledge(self, parts: Sequence[Sequence[Entry]]) -> None:
        """Tell each caller the index of its last entry; the first part is our own."""
        told: Told = []
        after = self._size - sum(map(len, parts)) + len(parts[0])
        for waiting, part in zip(self._group, parts[1:], strict=True):
            after += len(part)
            told.append((waiting.done, after - 1))
        self._group = []
        self._tell(told)

    def _refuse(self, failure: LedgerError) -> None:
        group, self._group = self._group, []
        self._tell([(waiting.done, failure) for waiting in group])

    def _heal(self) -> None:
        try:
            self._journal.heal()
        except OSError as error:
            self._torn(error)
        else:
            self._unwritten = None

    def _seal(self) -> None:
        try:
            self.sealer.seal(self._journal.end)
        except SEAL_FAILURES as error:
            hint = type(error).__name__
            self._unsealed = LedgerUnavailable("no checkpoint can be made", hint=hint)
        except ChainBroken as error:
            self._break(error)
        else:
            self._unsealed = None

    def _torn(self, error: OSError) -> LedgerError:
        self._torn_by = errno.errorcode.get(error.errno or 0, "EIO")
        self._unwritten = LedgerUnavailable("the ledger cannot be written", hint=self._torn_by)
        return self._unwritten

    def _recovery(self, ts_us: int) -> list[Entry]:
        """Return the record that says why a group is missing; it was never acknowledged."""
        if self._torn_by is None:
            return []
        return [self._own("recovered", ts_us, {"error": self._torn_by, "after": self.sealer.size})]

    def _stepped(self, from_us: int, to_us: int) -> Entry:
        facts = {"from_us": from_us, "to_us": to_us, **clock_state()}
        return self._own("clock_stepped", to_us, facts)

    def _own(self, what: str, ts_us: int, facts: Mapping[str, object]) -> Entry:
        name = record_id(ts_us)
        told = Admin(id=name, ts_us=ts_us, boot=self._boot, what=what, facts=dict(facts))
        return entry_of(stamped(told))

    def _break(self, failure: ChainBroken) -> None:
        with self._turn:
            self._broken = failure
            waiting = [*self._group, *self._queue]
            self._group = []
            self._queue.clear()
            self._queued = 0
        self._tell([(one.done, failure) for one in waiting])

    def _tell(self, told: Told) -> None:
        if self._loop is None or not told:
            return
        try:
            self._loop.call_soon_threadsafe(_settle, told)
        except RuntimeError:
            # WHY: the loop is closed, so nobody waits any more; the records are durable.
            return


def _settle(told: Told) -> None:
    for done, outcome in told:
        if done.done():
            continue
        if isinstance(outcome, LedgerError):
            done.set_exception(_again(outcome))
        else:
            done.set_result(outcome)


def _again(failure: LedgerError) -> LedgerError:
    """Return the same failure for another waiter: a raised one carries its own traceback."""
    return type(failure)(failure.what, hint=failure.hint)
