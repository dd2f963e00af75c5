"""A clock and ids that do as they are told."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ManualClock:
    def __init__(self, now: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def now_us(self) -> int:
        return (self._now - EPOCH) // timedelta(microseconds=1)

    def pass_ms(self, milliseconds: int) -> None:
        self._now += timedelta(milliseconds=milliseconds)


class CountedIds:
    def __init__(self) -> None:
        self._count = 0

    def record_id(self) -> str:
        self._count += 1
        return f"019aa000-0000-7000-8000-{self._count:012d}"

    def salt(self) -> bytes:
        self._count += 1
        return self._count.to_bytes(16, "big")


class CountedMeters:
    def __init__(self) -> None:
        self.counted: list[tuple[str, ...]] = []

    def request(self, surface: str, outcome: str) -> None:
        self.counted.append(("request", surface, str(outcome)))

    def denial(self, rule: str) -> None:
        self.counted.append(("denial", rule))

    def notice(self) -> None:
        self.counted.append(("notice",))

    def shadow(self, rule: str) -> None:
        self.counted.append(("shadow", rule))

    def attempt(self, zone: str, outcome: str) -> None:
        self.counted.append(("attempt", zone, str(outcome)))

    def detector_failure(self, detector: str) -> None:
        self.counted.append(("detector_failure", detector))


class KeptLog:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, str | tuple[str, ...]]]] = []

    def warning(self, event: str, *, record: str, **fields: str | tuple[str, ...]) -> None:
        self.lines.append((event, {"record": record, **fields}))


class ManualHealth:
    def __init__(self) -> None:
        self.resting: dict[str, str] = {}
        self.quarantined: dict[str, str] = {}
        self.breached: list[str] = []

    def rest(self, backend: str, reason: str) -> None:
        self.resting[backend] = str(reason)

    def quarantine(self, backend: str, reason: str) -> None:
        self.quarantined[backend] = reason

    def breach(self, backend: str, reason: str) -> None:
        self.breached.append(backend)
        self.quarantine(backend, reason)
