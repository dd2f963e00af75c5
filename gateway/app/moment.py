"""The one clock and the one source of chance."""

import os
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SALT_BYTES = 16


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Return the time, with time zone UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock that everybody is given

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        return (self.now() - EPOCH) // timedelta(microseconds=1)


class RandomIds:
    """Ids that sort by time, and salts."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock

    def record_id(self) -> str:
        """Return a new UUIDv7 (RFC 9562) as text."""
        chance = int.from_bytes(os.urandom(10))
        number = (self._clock.now_us() // 1000) << 80 | chance
        number = number & ~(0xF << 76) | 0x7 << 76
        number = number & ~(0x3 << 62) | 0x2 << 62
        text = f"{number:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def salt(self) -> bytes:
        """Return 16 random bytes."""
        return os.urandom(SALT_BYTES)
