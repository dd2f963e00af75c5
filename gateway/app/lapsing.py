"""What persons signed of the policy may end while the policy is in force: that is told loudly.

The policy stays in force, and with it every refusal that it asks for: a gateway that stopped at
that moment would stop the house for a date. The next start, and the next reload, take no policy
whose approval is over.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from gateway.app.alarms import AdminRecords
from gateway.app.bundles import SignedPolicy
from gateway.app.moment import EPOCH
from gateway.domain.errors import GatewayError
from gateway.meters.logs import logger

POLICY_EXPIRED = "policy_expired"
LOOK_S = 1.0


class Clock(Protocol):
    """The time."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""


class ExpiryMeters(Protocol):
    """What is counted."""

    def policy_expired(self, *, expired: bool) -> None:
        """Say whether the approval of the policy in force is over."""


class Validity:
    """Holds how long the policy that is in force may be, and tells when that is over."""

    def __init__(
        self, signed: SignedPolicy, ledger: AdminRecords, meters: ExpiryMeters, clock: Clock
    ) -> None:
        self._signed = signed
        self._ledger = ledger
        self._meters = meters
        self._clock = clock
        self._told = ""

    def take(self, signed: SignedPolicy) -> None:
        """Hold another one, which is in force from now on."""
        self._signed = signed

    def notices(self) -> list[str]:
        """Return a line when the time is over, and nothing before."""
        facts = self._over()
        if facts is None:
            return []
        end = EPOCH + timedelta(microseconds=self._until_us)
        return [f"the approval of the policy expired at {end:%Y-%m-%dT%H:%M:%SZ}: sign it anew"]

    async def watch(self) -> None:
        """Look, again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Tell the log, the meters and the ledger, once for each approval that is over."""
        facts = self._over()
        self._meters.policy_expired(expired=facts is not None)
        name = "" if facts is None else str(facts["approval"])
        if facts is None or name == self._told:
            return
        self._told = name
        logger().error(POLICY_EXPIRED, digest=name)
        try:
            await self._ledger.record(POLICY_EXPIRED, facts)
        except GatewayError as error:
            # WHY: it stands in the log, the metrics and among the notices.
            logger().error("expiry_unrecorded", code=error.code)

    @property
    def _until_us(self) -> int:
        approved = self._signed.approved
        return 0 if approved is None else approved.statement.until_us

    def _over(self) -> Mapping[str, object] | None:
        """Return what the ledger is told of an approval that is over; None while it holds."""
        approved = self._signed.approved
        if approved is None or self._clock.now_us() < self._until_us:
            return None
        return {
            "approval": approved.digest,
            "serial": self._signed.serial,
            "policy": approved.statement.digest,
            "until_us": self._until_us,
        }
