"""What can be asked, and what an answer is."""

from collections.abc import Callable
from datetime import date, timedelta

from msgspec import Struct

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.verify import Report
from gateway.cli.audit.where import Condition
from gateway.ledger.facts import FactsIndex, Part
from gateway.ledger.paths import LedgerFolder

EPOCH = date(1970, 1, 1)
DAYS_MAX = 2_932_896
Cell = str | int | None


class Period(Struct, frozen=True):
    """Whole days in UTC, both included, counted from 1970-01-01."""

    first: int = 0
    last: int = DAYS_MAX

    @property
    def days(self) -> tuple[int, int]:
        """The first day and the last."""
        return self.first, self.last

    def __str__(self) -> str:
        """Return the period in words."""
        if (self.first, self.last) == (0, DAYS_MAX):
            return "the whole log"
        begin = "the beginning" if not self.first else str(day_of(self.first))
        end = "the end" if self.last == DAYS_MAX else str(day_of(self.last))
        return f"{begin} to {end}"


class Ledger(Struct, frozen=True):
    """What an answer stands on: the index, and the checkpoint to which it was read.

    `parts` are the shards with their checkpoints; `checkpoint` is that of the last.

    `report` is that of a verification of the whole log, which was made for this answer alone.
    """

    folder: LedgerFolder
    index: FactsIndex
    checkpoint: Checkpoint
    report: Report | None = None
    parts: tuple[Part, ...] = ()


class Asked(Struct, frozen=True, kw_only=True):
    """One question with everything that narrows it."""

    ledger: Ledger
    period: Period = Period()
    where: tuple[Condition, ...] = ()
    rows_max: int
    within: str = ""
    record: str = ""
    replays_max: int | None = None


class Answer(Struct, frozen=True):
    """A table, sentences about it, and whether the answer is a good one (exit code 0)."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    notes: tuple[str, ...] = ()
    good: bool = True


class Question(Struct, frozen=True):
    """A question: what it is for, and what answers it; `kinds` are the records that it needs."""

    purpose: str
    answer: Callable[[Asked], Answer]
    options: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()


def day_of(number: int) -> date:
    """Return the date of a day that is counted from 1970-01-01."""
    return EPOCH + timedelta(days=min(number, DAYS_MAX))


def number_of(day: date) -> int:
    """Return the day counted from 1970-01-01."""
    return (day - EPOCH).days
