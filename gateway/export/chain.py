"""An export of a ledger of several shards: one bundle for each of them.

A shard before the time is there too, as the records that show this: so each hand-over is in the
export, and whoever has the public key of the first shard needs no other.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from gateway.audit.canonical import digest_of
from gateway.domain.errors import LedgerUnavailable
from gateway.export.bundle import About, Source, seal_bundle, write_bundle
from gateway.export.ocsf import Event, events
from gateway.export.selection import HINT, NOTHING, Asked, has_any
from gateway.export.static_log import CHECKPOINT, latest, write_static_log
from gateway.ledger.plain import read_plain
from gateway.ledger.pruning import is_pruned
from gateway.ledger.verify import LINE_BYTES_MAX

SHARDS = "SHARDS.json"


def write_bundles(
    sources: Sequence[tuple[str, Source]], asked: Asked, about: About, out: Path
) -> str:
    """Write the export into a new folder and return its digest, that of what names the rest.

    Of one shard the folder is its bundle; of several it has a folder for each, by name. A pruned
    shard is there as its hashes and its last record, which hands over. Blocks. OSError,
    LedgerUnavailable, ChainBroken.
    """
    if len(sources) == 1:
        _, source = sources[0]
        return seal_bundle(source, write_bundle(source, asked, about, out), out)
    if not any(has_any(one.folder, latest(one.folder)[1].size, asked) for _, one in sources):
        raise LedgerUnavailable(NOTHING, hint=HINT)
    digests: dict[str, str] = {}
    for name, source in sources:
        place = out / name
        if is_pruned(source.folder):
            digests[name] = _write_hashes(source, place)
            continue
        manifest = write_bundle(source, asked, about, place, beside=True)
        digests[name] = seal_bundle(source, manifest, place)
        if manifest.selection.last + 1 < manifest.size:
            # WHY: the time is over there, as its last record shows.
            break
    data = msgspec.json.format(msgspec.json.encode(digests, order="sorted")) + b"\n"
    (out / SHARDS).write_bytes(data)
    return digest_of(data)


def _write_hashes(source: Source, place: Path) -> str:
    """Write a pruned shard as tiles, and return the digest of its checkpoint, which signs them."""
    write_static_log(source.folder, place)
    (place / "vkey").write_bytes(read_plain(source.folder.vkey, LINE_BYTES_MAX))
    return digest_of((place / CHECKPOINT).read_bytes())


def all_events(
    sources: Sequence[tuple[str, Source]], asked: Asked, product: str
) -> Iterator[Event]:
    """Yield an event for each request of that time, shard by shard; LedgerUnavailable for none."""
    found = False
    for _, source in sources:
        try:
            for event in events(source.folder, asked, product):
                found = True
                yield event
        except LedgerUnavailable as error:
            _assert_nothing(error)
            continue
        found = True
    if not found:
        raise LedgerUnavailable(NOTHING, hint=HINT)


def _assert_nothing(error: LedgerUnavailable) -> None:
    if error.what != NOTHING:
        raise error
