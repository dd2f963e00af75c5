"""An export of a ledger of several shards: one bundle for each that has records of the time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from gateway.audit.canonical import digest_of
from gateway.domain.errors import LedgerUnavailable
from gateway.export.bundle import About, Source, seal_bundle, write_bundle
from gateway.export.ocsf import Event, events
from gateway.export.selection import HINT, NOTHING, Asked

SHARDS = "SHARDS.json"


def write_bundles(
    sources: Sequence[tuple[str, Source]], asked: Asked, about: About, out: Path
) -> str:
    """Write the export into a new folder and return its digest, that of what names the rest.

    Of one shard the folder is its bundle; of several it has a folder for each, by name. Blocks.
    OSError, LedgerUnavailable, ChainBroken.
    """
    if len(sources) == 1:
        _, source = sources[0]
        return seal_bundle(source, write_bundle(source, asked, about, out), out)
    digests: dict[str, str] = {}
    for name, source in sources:
        place = out / name
        try:
            manifest = write_bundle(source, asked, about, place)
        except LedgerUnavailable as error:
            _assert_nothing(error)
            continue
        digests[name] = seal_bundle(source, manifest, place)
    if not digests:
        raise LedgerUnavailable(NOTHING, hint=HINT)
    data = msgspec.json.format(msgspec.json.encode(digests, order="sorted")) + b"\n"
    (out / SHARDS).write_bytes(data)
    return digest_of(data)


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
