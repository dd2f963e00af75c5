"""What persons had signed, as records tell it, and whether a decision may rest on it."""

from datetime import UTC, datetime, timedelta

from gateway.audit.record import Admin, Decided
from gateway.domain.grant import Grant

# WHY: a record is written a little after its request was decided.
SLACK_US = 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENDS = frozenset({"waiver_ended", "break_glass_ended"})

# A statement by its digest, and the times from and until which it has an effect.
Signed = tuple[str, int, int]


class Statements:
    """The statements that records tell of, and when some of them were ended before their time.

    `granted` maps what decisions were made with, and no record before told of, to the first such
    record: an earlier shard may tell.
    """

    def __init__(self) -> None:
        self.approved: set[Signed] = set()
        self.granted: dict[Signed, int] = {}
        self.ended: dict[str, int] = {}

    def told(self, record: Admin) -> None:
        """Take an Admin record."""
        name = str(record.facts.get("approval"))
        if record.what == "approval_used":
            begins, until = (_number(record.facts.get(one)) for one in ("from_us", "until_us"))
            self.approved.add((name, begins, until))
        elif record.what in _ENDS:
            self.ended.setdefault(name, record.ts_us)

    def used(self, record: Decided, grant: Grant, index: int) -> str:
        """Take what a decision was made with; return what is wrong with it, or an empty text."""
        signed = (grant.id, _us(grant.begins), _us(grant.until))
        until_us = min(signed[2], self.ended.get(grant.id, signed[2])) + SLACK_US
        if not signed[1] - SLACK_US <= record.ts_us < until_us:
            return "it was decided with a grant that had not begun or had ended"
        if signed not in self.approved:
            self.granted.setdefault(signed, index)
        return ""


def _number(told: object) -> int:
    return told if type(told) is int else 0


def _us(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
