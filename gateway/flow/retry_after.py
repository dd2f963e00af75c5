"""How long an engine asks to be left alone."""

RETRY_AFTER_S_MAX = 3600


def retry_after_s(value: str | None) -> int | None:
    """Return the seconds of a `retry-after`, bounded; None where it is no plain number."""
    if value is None or not value.isdecimal() or len(value) > len(str(RETRY_AFTER_S_MAX)):
        return None
    return min(int(value), RETRY_AFTER_S_MAX)
