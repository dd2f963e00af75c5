"""What no entry could hold: an export carries it as it lies beside the log, still sealed."""

from pathlib import Path

from msgspec import UNSET

from gateway.audit.record import Admin, Record
from gateway.domain.errors import ChainBroken
from gateway.ledger import blobs
from gateway.ledger.plain import read_plain

BLOBS = "blobs"
HINT = "run perimeter verify"


def write_blob(record: Record, ledger: Path, out: Path) -> None:
    """Copy the blob that a record names, where it is still there; OSError.

    ChainBroken where it is not what the record says: what was changed is handed to nobody.
    """
    if isinstance(record, Admin) or record.sealed is None or record.sealed.blob is UNSET:
        return
    digest = record.sealed.blob
    place = blobs.place_of(ledger, digest)
    if not place.exists():
        return
    fault = blobs.check(ledger, digest)
    if fault:
        raise ChainBroken(f"a blob that record {record.id} names {fault}", hint=HINT)
    copy = blobs.place_of(out / BLOBS, digest)
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(read_plain(place, blobs.BLOB_BYTES_MAX))
