"""The open end of the journal: one group commit at a time.

Owned by one thread. A segment is written only by the process that began it: each start begins a
segment of its own, and so does each recovery from an error of the disk.
"""

from collections.abc import Callable, Sequence
from time import perf_counter

from gateway.ledger import frames
from gateway.ledger.files import Files
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import Place

SEGMENT_BYTES_MAX = 64 * 1024 * 1024

ObserveSync = Callable[[float], None]
MacOf = Callable[[int, int, bytes], bytes]


class Journal:
    """Writes groups of entries; `size` counts the durable ones and `end` is the place after them.

    INVARIANT: every segment but the last holds exactly its durable entries, and nothing is
    written after bytes that are not durable.
    """

    def __init__(
        self, folder: LedgerFolder, files: Files, size: int, end: Place, bytes_max: int
    ) -> None:
        self.size = size
        self.end = end
        self.observe: ObserveSync = unobserved
        self.mac_of: MacOf = unsigned
        self._folder = folder
        self._files = files
        self._bytes_max = bytes_max
        self._descriptor: int | None = None
        self._torn: Place | None = None

    @property
    def wounded(self) -> bool:
        """Did the last group fail, so that its bytes may stand after the durable ones?"""
        return self._torn is not None

    def write(self, entries: Sequence[bytes]) -> None:
        """Make a group durable, all of it; OSError, and then none of it counts.

        INVARIANT: after an error the same descriptor is never used again, because the kernel may
        have dropped the pages that it failed to write.
        """
        if self._torn is not None:
            self.heal()
        group = self.size
        data = b"".join(
            frames.frame(entry, group, self.mac_of(index, group, entry))
            for index, entry in enumerate(entries, group)
        )
        place = self._next_place()
        try:
            descriptor = self._descriptor
            if descriptor is None or place.offset == 0:
                data = frames.header(place.segment) + data
                descriptor = self._begin(place.segment)
            self._put(descriptor, data)
        except OSError:
            self._torn = place
            self._abandon()
            raise
        self.size += len(entries)
        self.end = Place(place.segment, place.offset + len(data))

    def heal(self) -> None:
        """Cut what a failed group left, so that a fresh segment can follow; OSError."""
        if self._torn is None:
            return
        path = self._folder.segment(self._torn.segment)
        if self._torn.offset:
            self._files.rewrite(path, self._torn.offset, b"")
        else:
            self._files.remove(path)
            self._files.sync_folder(self._folder.journal)
        self._torn = None

    def close(self) -> None:
        """Let go of the segment; what is durable stays so."""
        self._abandon()

    def _next_place(self) -> Place:
        if self._descriptor is None or self.end.offset >= self._bytes_max:
            return Place(self.size, 0)
        return self.end

    def _begin(self, first: int) -> int:
        self._abandon()
        descriptor = self._files.create(self._folder.segment(first))
        self._descriptor = descriptor
        self._files.sync_folder(self._folder.journal)
        return descriptor

    def _put(self, descriptor: int, data: bytes) -> None:
        self._files.write(descriptor, data)
        began = perf_counter()
        self._files.sync(descriptor)
        self.observe(perf_counter() - began)

    def _abandon(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            self._files.close(descriptor)
        except OSError:
            # WHY: close reports errors of writes that were already treated as failed or synced.
            return


def unobserved(_seconds: float) -> None:
    """Keep no measure."""


def unsigned(_index: int, _group: int, _entry: bytes) -> bytes:
    """Return no MAC: what is written so can be read, and no start adopts it."""
    return frames.NO_MAC
