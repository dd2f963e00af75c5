"""Finds one request by the facts index, so that nobody reads a whole log for it.

The index says by which number a request was decided and by which it ended, and where every
`MARK_EVERY`th entry stands; from there the journal itself is read.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.audit.facts import Opened
from gateway.audit.record import Decided, Record, Settled
from gateway.domain.errors import ChainBroken
from gateway.ledger.facts import ODD, FactsIndex, Part
from gateway.ledger.reader import Reader, RequestRecords, of_request
from gateway.ledger.reading import Place, Stored
from gateway.ledger.shard_reader import ShardReader

NEVER = 2**63 - 1


class _Span(Struct, frozen=True):
    """Between which numbers the records of one request stand, both included."""

    first: int
    last: int = NEVER


def request_of(index: FactsIndex, parts: Sequence[Part], record_id: str) -> RequestRecords | None:
    """Return the records of one request; None where the log has none of that id.

    INVARIANT: where the index names a record that is not of this request, the journals are read.
    What it does not know at all is looked for behind the checkpoint to which it was read.
    LedgerUnavailable, ChainBroken.
    """
    behind = sum(one.checkpoint.size for one in parts)
    span, found = _Span(0), list[tuple[int, Record]]()
    # WHY: what is wrong may be the index alone; the journals say it then.
    with suppress(sqlite3.Error, OSError, ChainBroken, *ODD):
        span = _span(index, record_id) or _Span(behind)
        found = list(_between(index, parts, record_id, span))
    kinds = {type(record) for _, record in found}
    if Decided in kinds and (Settled in kinds or span.last == NEVER):
        return of_request(found)
    return None if span.first >= behind else Reader(parts[0].folder).record_of(record_id)


def entries_from(index: FactsIndex, parts: Sequence[Part], first: int) -> Iterator[Stored]:
    """Yield every entry of the ledger from that number on, with its number.

    Where the index is wrong about a place, other entries come, or none: whoever asks knows one of
    them by its id. LedgerUnavailable, ChainBroken, sqlite3.Error.
    """
    for base, reader, start, place in _readers(index, parts, _Span(first)):
        for stored in reader.entries_from(start, place):
            if base + stored.index >= first:
                yield replace(stored, index=base + stored.index)


def _span(index: FactsIndex, record_id: str) -> _Span | None:
    ended = "SELECT position, ended FROM requests WHERE id = ?"
    row = index.sql.execute(ended, (record_id,)).fetchone()
    if row is not None:
        return _Span(*map(int, row))
    row = index.sql.execute("SELECT facts FROM opened WHERE id = ?", (record_id,)).fetchone()
    return None if row is None else _Span(msgspec.json.decode(row[0], type=Opened).position)


def _between(
    index: FactsIndex, parts: Sequence[Part], record_id: str, span: _Span
) -> Iterator[tuple[int, Record]]:
    """Yield the records of the request that stand there, with their numbers, shard by shard."""
    for base, reader, start, place in _readers(index, parts, span):
        for at, record in reader.found_from(record_id, start, place, span.last - base):
            yield base + at, record


def _readers(
    index: FactsIndex, parts: Sequence[Part], span: _Span
) -> Iterator[tuple[int, ShardReader, int, Place]]:
    """Yield each shard that holds a part of it: its first number, its reader, where to begin."""
    base = 0
    for number, part in enumerate(parts):
        size = part.checkpoint.size if number < len(parts) - 1 else NEVER - base
        if span.first < base + size and span.last >= base:
            start, place = _mark(index, base, max(span.first, base))
            yield base, ShardReader(part.folder), start - base, place
        base += size


def _mark(index: FactsIndex, base: int, position: int) -> tuple[int, Place]:
    """Return the last marked entry of that shard at or before the position, and its place."""
    number, *place = index.sql.execute(
        "SELECT position, segment, offset FROM marks WHERE position BETWEEN ? AND ?"
        " ORDER BY position DESC LIMIT 1",
        (base, position),
    ).fetchone()
    return int(number), Place(*map(int, place))
