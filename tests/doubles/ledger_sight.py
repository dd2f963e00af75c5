"""Looks into the ledger of a running gateway as its operator could."""

from gateway.audit.canonical import decode
from gateway.audit.record import Decided, Personal, Record
from gateway.config.node import load_node
from gateway.ledger.ledger import field_of
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader
from gateway.ledger.subject_keys import SubjectKeys
from tests.doubles.running_gateway import RunningGateway

ORIGIN = "demo/test"


def records(gateway: RunningGateway) -> list[Record]:
    """Return every durable record."""
    reader = Reader(LedgerFolder(gateway.ledger))
    try:
        return [decode(stored.entry) for stored in reader.entries()]
    finally:
        reader.close()


def decided_count(gateway: RunningGateway) -> int:
    """Return how many requests were decided."""
    return sum(isinstance(record, Decided) for record in records(gateway))


def personal_of(gateway: RunningGateway, record_id: str) -> Personal:
    """Return the personal fields of a Decided, opened with the key store."""
    found = next(
        one for one in records(gateway) if isinstance(one, Decided) and one.id == record_id
    )
    assert found.sealed is not None
    keys = SubjectKeys.open(load_node(gateway.node).settings.paths.subject_keys, ORIGIN)
    try:
        return keys.open_sealed(found.sealed, field_of(found))
    finally:
        keys.close()
