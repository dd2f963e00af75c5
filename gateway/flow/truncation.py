"""Who ended a reply that had begun, before its own end."""

from gateway.audit.record import Settled
from gateway.domain.route import OutcomeKind, Truncated
from gateway.routing.plan import ZONE_CLOSED

LENGTH = "length"


def truncated(settled: Settled) -> Truncated | None:
    """Return who cut the reply of a request that has ended so; None where nobody did."""
    if settled.served_by is None:
        return None
    if settled.reply_cut or settled.error == ZONE_CLOSED:
        return Truncated.POLICY
    if settled.outcome is OutcomeKind.CANCELLED:
        return Truncated.CLIENT
    if settled.outcome is OutcomeKind.FAILED:
        return Truncated.ENGINE
    return Truncated.LIMIT if settled.stop == LENGTH else None
