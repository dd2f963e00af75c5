"""When a record was made, by its id: a UUIDv7, whose first 48 bits count milliseconds."""

_TIME_DIGITS = 12


def made_ms(record_id: str) -> int | None:
    """Return the milliseconds since 1970; None for an id of another kind."""
    digits = record_id.replace("-", "")[:_TIME_DIGITS]
    try:
        return int(digits, 16) if len(digits) == _TIME_DIGITS else None
    except ValueError:
        return None


def made_seconds(record_id: str) -> int:
    """Return the seconds since 1970; 0 for an id of another kind."""
    return (made_ms(record_id) or 0) // 1000
