"""Exports of the ledger, as persons sign for them: may it be, and what the ledger says of it.

Who exports signs a statement over the digest of what is handed out; it is recorded before anybody
gets it. A full export also names a statement of persons who allowed it for that time.
"""

from gateway.domain.approval import Action, Approved
from gateway.export.times import moment_us
from gateway.stores.standing import Standing

EXPORTED = "exported"
FULL = "full"
OTHER_ORIGIN = "other_origin"
WRONG_TIME = "wrong_time"
NOT_APPROVED = "full_export_not_approved"
_ABOUT_EXPORTS = frozenset({Action.EXPORT, Action.EXPORT_FULL})


def why_not(approved: Approved, standing: Standing, origin: str, now_us: int) -> str:
    """Return why this export may not be; empty where it may, and for every other statement."""
    statement = approved.statement
    if statement.action not in _ABOUT_EXPORTS:
        return ""
    if statement.scope["origin"] != origin:
        return OTHER_ORIGIN
    span = _span(statement.scope)
    if span is None:
        return WRONG_TIME
    is_full = statement.scope.get("profile") == FULL
    # WHY: what is over stands among what is active until the next statement is recorded.
    allowed = standing.of(Action.EXPORT_FULL, now_us).get(statement.scope.get("approval", ""))
    if is_full and (allowed is None or _span(allowed.scope) != span):
        return NOT_APPROVED
    return ""


def facts_of(approved: Approved) -> dict[str, object]:
    """Return what the ledger says of an export: who, which time, what, and its digest."""
    scope = approved.statement.scope
    return {
        "exporter": approved.requester,
        "statement": approved.digest,
        "digest": approved.statement.digest,
        **{name: scope[name] for name in sorted(scope.keys() - {"origin"})},
    }


def _span(scope: dict[str, str]) -> tuple[int | None, int | None] | None:
    try:
        return moment_us(scope["from"]), moment_us(scope["to"])
    except ValueError:
        return None
