"""The times of an export, as people write them: a day or a moment, in UTC where they say none."""

from datetime import UTC, datetime, timedelta

OPEN = "open"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_us(text: str) -> int | None:
    """Return microseconds since the epoch, None for `open`; ValueError."""
    if text == OPEN:
        return None
    found = datetime.fromisoformat(text)
    told = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    return (told - _EPOCH) // timedelta(microseconds=1)
