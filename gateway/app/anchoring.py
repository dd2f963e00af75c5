"""Anchoring: from time to time the latest checkpoint goes to every place outside, and is recorded.

INVARIANT: it never holds up a request, and a failure is told of and tried again.
"""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from gateway.audit.checkpoint import Checkpoint, NoteRefused
from gateway.audit.cosignature import parse_cosigner, with_signatures
from gateway.audit.tree import Proof
from gateway.config.anchors import Anchors, ObjectLock, Witness
from gateway.config.node import Node
from gateway.config.settings import Settings
from gateway.domain.errors import GatewayError, Problem
from gateway.domain.secret import Secret
from gateway.export.static_log import latest
from gateway.ledger import cosigned
from gateway.ledger.files import Files
from gateway.ledger.growing import Grown
from gateway.ledger.lending import files_for
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.shards import shards
from gateway.meters.logs import logger
from gateway.transport.anchors import Anchor, Anchored, NotAnchored
from gateway.transport.anchors.object_lock import Bucket, ObjectLockAnchor
from gateway.transport.anchors.witness import WitnessAnchor
from gateway.transport.delivery import Delivery, Source

ANCHORED = "anchored"
CONTRADICTED = "anchor_contradicted"
MARKS = "anchors"
ACCESS_KEY_COLONS = (1, 2)
ANSWER_BYTES_MAX = 64 * 1024

Facts = Mapping[str, str | int]


class Records(Protocol):
    """The ledger, as far as anchoring needs it."""

    async def record(self, what: str, facts: Facts) -> object:
        """Append an Admin record."""


class AnchorMeters(Protocol):
    """What is counted."""

    def anchored(self, anchor: str, *, well: bool) -> None:
        """Count an anchoring, which carries nothing of any request."""


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Return the time."""


class Anchoring:
    """Every place outside, and one checkpoint at a time for all of them."""

    def __init__(
        self, anchors: Mapping[str, Anchor], folder: LedgerFolder, marks: Path, ledger: Records
    ) -> None:
        self._anchors = anchors
        self._folder = folder
        self._marks = marks
        self._ledger = ledger
        self._shard: LedgerFolder | None = None
        self._grown = Grown(folder, marks, Files())
        self._sizes = dict.fromkeys(anchors, 0)
        self._contradicted: set[str] = set()
        self.meters: AnchorMeters | None = None
        self.files = Files()

    async def run(self, every_s: float) -> None:
        """Anchor again and again, until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(every_s)

    async def once(self) -> bool:
        """Anchor the latest checkpoint everywhere; does every place have it?

        When a shard was closed meanwhile, its last checkpoint goes out before any of the next.
        """
        try:
            for shard in await asyncio.to_thread(self._waiting):
                self._turn_to(shard)
                note, sealed = await asyncio.to_thread(latest, shard)
                if not await self._everywhere(note, sealed):
                    return False
        except (OSError, GatewayError) as error:
            logger().error("anchor_failed", reason=type(error).__name__)
            return False
        return True

    def _waiting(self) -> tuple[LedgerFolder, ...]:
        """Return the shard that was anchored last and those after it."""
        found = shards(self._folder)
        return found[found.index(self._shard) :] if self._shard in found else found[-1:]

    def _turn_to(self, shard: LedgerFolder) -> None:
        if shard != self._shard:
            self._shard = shard
            self._grown = Grown(shard, self._marks, Files())
            self._sizes = dict.fromkeys(self._anchors, 0)

    async def _everywhere(self, note: str, sealed: Checkpoint) -> bool:
        """Bring one checkpoint to every place that does not have it yet."""
        waiting = [name for name, size in self._sizes.items() if size != sealed.size]
        done = await asyncio.gather(*(self._at(name, note, sealed) for name in waiting))
        kept = {name: one for name, one in zip(waiting, done, strict=True) if one is not None}
        if kept:
            await self._keep(note, sealed, kept)
        return len(kept) == len(waiting)

    async def _at(self, name: str, note: str, sealed: Checkpoint) -> Anchored | None:
        """Have one place keep the checkpoint; None when it does not."""

        async def prove(old: int) -> Proof:
            return await asyncio.to_thread(self._grown.prove, old, sealed)

        try:
            found = await self._anchors[name].anchor(sealed, note, prove)
        except NotAnchored as refused:
            await self._failed(name, str(refused), sealed, contradicts=refused.contradicts)
            return None
        except Exception as error:  # noqa: BLE001 - whatever it was, it is tried again
            await self._failed(name, type(error).__name__, sealed, contradicts=False)
            return None
        self._sizes[name] = sealed.size
        self._contradicted.discard(name)
        self._count(name, well=True)
        return found

    async def _keep(self, note: str, sealed: Checkpoint, kept: Mapping[str, Anchored]) -> None:
        lines = [line for one in kept.values() for line in one.lines]
        try:
            await asyncio.to_thread(self._stored, note, lines, sealed)
        except (OSError, GatewayError, NoteRefused) as error:
            logger().error("anchor_unkept", kind=type(error).__name__)
        for name, one in kept.items():
            kind, root = self._anchors[name].kind, sealed.root.hex()
            facts: Facts = {"anchor": name, "kind": kind, "size": sealed.size, "root": root}
            await self._record(ANCHORED, {**facts, **one.facts})

    def _stored(self, note: str, lines: list[str], sealed: Checkpoint) -> None:
        shard = self._shard or self._folder
        if lines:
            known = dict(cosigned.cosigned_of(shard)).get(sealed.size, note)
            cosigned.keep(shard, self.files, with_signatures(known, lines))
        self._grown.remember(sealed)

    async def _failed(self, name: str, why: str, sealed: Checkpoint, *, contradicts: bool) -> None:
        logger().error("anchor_failed", what=name, reason=why, size=sealed.size)
        self._count(name, well=False)
        if contradicts and name not in self._contradicted:
            self._contradicted.add(name)
            await self._record(CONTRADICTED, {"anchor": name, "reason": why, "size": sealed.size})

    async def _record(self, what: str, facts: Facts) -> None:
        try:
            await self._ledger.record(what, facts)
        except GatewayError as error:
            logger().error("anchoring_unrecorded", code=error.code)

    def _count(self, name: str, *, well: bool) -> None:
        if self.meters is not None:
            self.meters.anchored(name, well=well)


def anchors_of(
    anchors: Anchors, secrets: Mapping[str, Secret], clock: Clock
) -> Iterator[tuple[str, Anchor]]:
    """Yield every anchor of the node file; NoteRefused or KeyError where it names none."""
    for name, one in anchors.witnesses.items():
        yield name, WitnessAnchor(one.url, parse_cosigner(one.key), _delivery(name, one))
    for name, store in anchors.object_locks.items():
        bucket = Bucket(
            url=store.url,
            name=store.bucket,
            region=store.region,
            prefix=store.prefix,
            days=store.days,
            mode=store.mode,
            secret=secrets[store.secret],
        )
        yield name, ObjectLockAnchor(bucket, _delivery(name, store), clock.now)


def anchor_problems(node: Node, secrets: Mapping[str, Secret]) -> Iterator[Problem]:
    """Yield what stands in place of a witness's key, or of the key of a bucket, and is none."""
    for name, one in node.settings.anchors.witnesses.items():
        try:
            parse_cosigner(one.key)
        except NoteRefused as error:
            yield node.document.problem(f"/anchors/witnesses/{name}/key", str(error))
    for name, store in node.settings.anchors.object_locks.items():
        secret = secrets.get(store.secret)
        if secret is not None and secret.reveal().count(":") not in ACCESS_KEY_COLONS:
            pointer = f"/anchors/object_locks/{name}/secret"
            yield node.document.problem(pointer, "is no ACCESS_KEY_ID:SECRET_ACCESS_KEY[:TOKEN]")


def anchoring_of(
    settings: Settings, anchors: Mapping[str, Anchor], folder: LedgerFolder, ledger: Records
) -> Anchoring:
    """Return what anchors the ledger of a node."""
    marks = settings.paths.subject_keys.with_name(MARKS)
    anchoring = Anchoring(anchors, folder, marks, ledger)
    anchoring.files = files_for(folder.root, settings.ledger.readers)
    return anchoring


def _delivery(name: str, one: Witness | ObjectLock) -> Delivery:
    parts = urlsplit(one.url)
    return Delivery(
        Source(
            name=name,
            url=f"{parts.scheme}://{parts.netloc}",
            addresses=one.addresses,
            ca_file=None if one.ca_file is None else str(one.ca_file),
            bytes_max=ANSWER_BYTES_MAX,
        )
    )
