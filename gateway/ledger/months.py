"""The month in which a time lies, in UTC."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

DAYS_CACHED_MAX = 64
_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def month_of(ts_us: int) -> str:
    """Return the month of a time, as `2026-12`."""
    return _month_of_day(ts_us // _DAY_US)


@lru_cache(DAYS_CACHED_MAX)
def _month_of_day(day: int) -> str:
    # WHY: asked for each record that is written, and nearly always of the same day.
    return f"{_EPOCH + timedelta(days=day):%Y-%m}"
