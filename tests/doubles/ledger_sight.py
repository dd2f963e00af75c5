"""Looks into the ledger of a running gateway as its operator could."""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.app.making import ledger_paths
from gateway.audit.canonical import decode
from gateway.audit.record import Decided, Personal, Record
from gateway.audit.verify import Report, Verdict
from gateway.config.node import load_node
from gateway.domain.errors import ChainBroken
from gateway.ledger.ledger import field_of, principal_of
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.pruning import is_pruned
from gateway.ledger.reading import START, DamageKind, Place, Reading
from gateway.ledger.shards import shards
from gateway.ledger.subject_keys import open_keys
from gateway.ledger.verify import verify_folder
from tests.doubles.running_gateway import RunningGateway

ORIGIN = "demo/test"


class _Named(Struct):
    id: str
    type: str


_NAMED = msgspec.json.Decoder(_Named)


class _Seen(Struct):
    """What was read of a journal, and where its end was."""

    inode: int
    entries: list[bytes]
    index: int = 0
    place: Place = START


# WHY: a shared gateway writes thousands of records, and its tests look after each request.
_SEEN: dict[LedgerFolder, _Seen] = {}


def entries(gateway: RunningGateway) -> list[bytes]:
    """Return the bytes of every durable record.

    A journal only grows: what was read of it is not read again, unless it is another file.
    """
    return [entry for shard in shards(LedgerFolder(gateway.ledger)) for entry in _seen(shard)]


def _seen(shard: LedgerFolder) -> list[bytes]:
    if is_pruned(shard):
        return []
    inode = shard.segment(0).stat().st_ino
    seen = _SEEN.get(shard)
    if seen is None or seen.inode != inode:
        seen = _SEEN[shard] = _Seen(inode, [])
    reading = Reading(shard, seen.index, seen.place)
    seen.entries += [stored.entry for stored in reading]
    seen.index, seen.place = reading.index, reading.last
    if reading.damage is not None and reading.damage.kind is DamageKind.BROKEN:
        raise ChainBroken(f"the journal is damaged before record {reading.damage.index}")
    return seen.entries


class Sight:
    """What the ledger of one running gateway holds."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway

    def entries(self) -> list[bytes]:
        """Return the bytes of every durable record."""
        return entries(self.gateway)

    def of(self, record_id: str) -> list[Record]:
        """Return the durable records of one request."""
        wanted = record_id.encode()
        found = [decode(raw) for raw in self.entries() if wanted in raw]
        return [one for one in found if one.id == record_id]

    def personal(self, record_id: str) -> Personal:
        """Return the personal fields of a Decided, opened with the key store."""
        return personal_of(self.gateway, record_id)


def records(gateway: RunningGateway) -> list[Record]:
    """Return every durable record."""
    return [decode(entry) for entry in entries(gateway)]


def ids_of(gateway: RunningGateway, kind: str) -> set[str]:
    """Return the ids of every durable record of that kind, such as `decided`."""
    named = [_NAMED.decode(entry) for entry in entries(gateway)]
    return {one.id for one in named if one.type == kind}


def decided_count(gateway: RunningGateway) -> int:
    """Return how many requests were decided."""
    return len(ids_of(gateway, "decided"))


def personal_of(gateway: RunningGateway, record_id: str) -> Personal:
    """Return the personal fields of a Decided, opened with the key store."""
    named = [decode(entry) for entry in entries(gateway) if record_id.encode() in entry]
    found = next(one for one in named if isinstance(one, Decided) and one.id == record_id)
    return _opened(gateway, found)


def _opened(gateway: RunningGateway, found: Decided) -> Personal:
    assert found.sealed is not None
    keys = open_keys(ledger_paths(load_node(gateway.node).settings.paths), ORIGIN)
    try:
        personal = keys.open_sealed(found.sealed, field_of(found))
        if not found.on_behalf_of:
            return personal
        person = keys.open_sealed(found.on_behalf_of, principal_of(found)).subject
        return replace(personal, on_behalf_of=person)
    finally:
        keys.close()


def verified(gateway: RunningGateway) -> Report:
    """Read the whole ledger from its bytes, as `perimeter verify` does; it must be whole."""
    paths = load_node(gateway.node).settings.paths
    report = verify_folder(paths.ledger, None, paths.checkpoints)
    assert report.verdict is Verdict.WHOLE, report.reason
    return report
