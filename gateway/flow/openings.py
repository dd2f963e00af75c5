"""The streams that are open, by zone, so that those of a zone can be cut."""

import asyncio
from collections import Counter
from types import TracebackType
from typing import Self


class Opening:
    """One open stream, while its `with` block lasts.

    A cut arrives as a CancelledError; `is_cut` tells it from that of a client who left.
    """

    def __init__(self, openings: "Openings", zone: str) -> None:
        self._openings = openings
        self._task: asyncio.Task[object] | None = None
        self.zone = zone
        self.is_cut = False
        self._cuts = openings.cuts(zone)

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self._openings.enter(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._openings.leave(self)

    def begin(self) -> None:
        """Raise CancelledError when the zone was cut since this opening was made."""
        if self._openings.cuts(self.zone) != self._cuts:
            self.is_cut = True
            raise asyncio.CancelledError

    def cut(self) -> None:
        """End the stream where it waits."""
        if not self.is_cut and self._task is not None:
            self.is_cut = True
            self._task.cancel()

    def taken(self) -> bool:
        """Was this cancellation a cut? Then it is over, and the last word can be said."""
        if self.is_cut and self._task is not None:
            self._task.uncancel()
        return self.is_cut


class Openings:
    """Every open stream."""

    def __init__(self) -> None:
        self._open: set[Opening] = set()
        self._cuts: Counter[str] = Counter()

    def of(self, zone: str) -> Opening:
        """Return an opening in that zone, to be used with `with`."""
        return Opening(self, zone)

    def cuts(self, zone: str) -> int:
        """Return how often the streams of a zone were cut."""
        return self._cuts[zone]

    def enter(self, opening: Opening) -> None:
        """Note that a stream is open."""
        self._open.add(opening)

    def leave(self, opening: Opening) -> None:
        """Note that it is not any more."""
        self._open.discard(opening)

    def cut(self, zone: str) -> int:
        """Cut every stream of a zone; returns how many."""
        self._cuts[zone] += 1
        found = [one for one in self._open if one.zone == zone]
        for one in found:
            one.cut()
        return len(found)
