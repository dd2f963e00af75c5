"""What happens when a backend must never be used again, or a boundary was about to be crossed."""

from collections.abc import Mapping
from typing import Protocol

from gateway.flow.background import Background
from gateway.meters.logs import logger

DIFFERENCE = "residency_difference"
AGREED = "residency_agreed"


class AdminRecords(Protocol):
    """The ledger, as far as alarms need it."""

    async def record(self, what: str, facts: Mapping[str, str | int | bool]) -> object:
        """Append an Admin record."""


class AlarmMeters(Protocol):
    """What is counted."""

    def boundary_breach(self) -> None:
        """Count a breach that was stopped."""

    def residency_difference(self) -> None:
        """Count a place that is not as it was declared."""


class Alarms:
    """Each alarm is logged, counted and recorded; readiness asks the health itself."""

    def __init__(self, ledger: AdminRecords, meters: AlarmMeters, background: Background) -> None:
        self._ledger = ledger
        self._meters = meters
        self._background = background

    def quarantined(self, backend: str, reason: str) -> None:
        """A backend is out of use until the next start."""
        self._tell("quarantined", backend, reason)

    def breached(self, backend: str, reason: str) -> None:
        """A prompt, or a probe, was stopped at the boundary."""
        self._meters.boundary_breach()
        self._tell("boundary_breach", backend, reason)

    async def residency(self, what: str, facts: Mapping[str, str | int | bool]) -> None:
        """A difference of residency has come, or has gone."""
        offering, reason = str(facts["offering"]), str(facts["reason"])
        if what == DIFFERENCE:
            self._meters.residency_difference()
            logger().error(what, offering=offering, reason=reason)
        else:
            logger().info(what, offering=offering, reason=reason)
        try:
            await self._ledger.record(what, facts)
        except Exception as error:  # noqa: BLE001 - it stands in the log and the metrics
            logger().error("alarm_unrecorded", offering=offering, kind=type(error).__name__)

    def _tell(self, what: str, backend: str, reason: str) -> None:
        logger().error(what, backend=backend, reason=reason)
        self._background.spawn(self._record(what, backend, reason))

    async def _record(self, what: str, backend: str, reason: str) -> None:
        try:
            await self._ledger.record(what, {"backend": backend, "reason": reason})
        except Exception as error:  # noqa: BLE001 - the alarm stands in the log and the metrics
            logger().error("alarm_unrecorded", backend=backend, kind=type(error).__name__)
