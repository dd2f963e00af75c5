"""What happens when a backend must never be used again, or a boundary was about to be crossed."""

from collections.abc import Mapping
from typing import Any, Protocol

from gateway.domain.errors import Problem
from gateway.flow.background import Background
from gateway.meters.logs import logger

DIFFERENCE = "residency_difference"
AGREED = "residency_agreed"
PROBLEMS_SHOWN_MAX = 8


class AdminRecords(Protocol):
    """The ledger, as far as alarms need it."""

    async def record(self, what: str, facts: Mapping[str, object]) -> object:
        """Append an Admin record."""


class AlarmMeters(Protocol):
    """What is counted."""

    def boundary_breach(self) -> None:
        """Count a breach that was stopped."""

    def residency_difference(self) -> None:
        """Count a place that is not as it was declared."""


class KeyMeters(Protocol):
    """What is counted of the key file."""

    def keys_stale(self, *, stale: bool) -> None:
        """Say whether the key file on disk is another than the one in use."""


class KeyAlarms:
    """Tells of every change of the keys, and of a key file that cannot be used."""

    def __init__(self, ledger: AdminRecords, meters: KeyMeters, background: Background) -> None:
        self._ledger = ledger
        self._meters = meters
        self._background = background

    def keys_loaded(self, counts: Mapping[str, Any]) -> None:
        """The key file was read and is in use."""
        self._meters.keys_stale(stale=False)
        logger().info("keys_loaded", count=counts["keys"])
        self._background.spawn(_recorded(self._ledger, "keys_loaded", dict(counts)))

    def keys_refused(self, problems: tuple[Problem, ...]) -> None:
        """The key file cannot be used; the last good one stays in use."""
        self._meters.keys_stale(stale=True)
        shown = [str(problem) for problem in problems[:PROBLEMS_SHOWN_MAX]]
        logger().error("keys_refused", count=len(problems), problems=shown)
        facts = {"problems": len(problems)}
        self._background.spawn(_recorded(self._ledger, "keys_refused", facts))


async def _recorded(ledger: AdminRecords, what: str, facts: Mapping[str, object]) -> None:
    try:
        await ledger.record(what, facts)
    except Exception as error:  # noqa: BLE001 - it stands in the log and the metrics
        logger().error("alarm_unrecorded", what=what, kind=type(error).__name__)


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
        facts = {"backend": backend, "reason": reason}
        self._background.spawn(_recorded(self._ledger, what, facts))
