"""What a caller's own allowance takes away from the decision: zones, names, labels above him."""

from collections.abc import Callable

from msgspec import UNSET
from msgspec.structs import replace

from gateway.domain.caller import Allowance
from gateway.domain.decision import Decision, Effect
from gateway.domain.fleet import Catalogue, Offering
from gateway.domain.label import Label, join
from gateway.domain.vocabulary import UnknownLabelError, Vocabulary
from gateway.routing.names import askable, resolve

KEY_ZONE = "key_zone"
ABOVE_CLEARANCE = "above_clearance"
NOT_ALLOWED = "not_allowed"
REASONS = (KEY_ZONE, ABOVE_CLEARANCE)


def narrowed(
    decision: Decision, label: Label, allowance: Allowance, vocabulary: Vocabulary
) -> Decision:
    """Return the decision within the allowance.

    INVARIANT: its boundary is a part of what it was; nothing is permitted that was denied.
    """
    if decision.effect is not Effect.PERMIT:
        return decision
    if not _may_handle(label, allowance, vocabulary):
        message = f"the caller is not cleared for label {label}"
        return _denied(decision, ABOVE_CLEARANCE, message)
    if allowance.zones is UNSET or decision.boundary <= allowance.zones:
        return decision
    within = decision.boundary & allowance.zones
    if not within:
        message = f"{decision.message}; the key allows none of these zones"
        return _denied(decision, KEY_ZONE, message)
    shown = ", ".join(sorted(within))
    message = f"{decision.message}; the key allows {shown} of these"
    return replace(decision, boundary=within, message=message)


def objecting(
    why_not: Callable[[str], str | None], allowance: Allowance
) -> Callable[[str], str | None]:
    """Return why a zone is closed to the request: what policy says first, then the allowance."""
    zones = allowance.zones
    if zones is UNSET:
        return why_not
    return lambda zone: why_not(zone) or (None if zone in zones else KEY_ZONE)


def may_ask(asked: str, offering: Offering, allowance: Allowance) -> bool:
    """May the caller be answered by that offering, under the name that he asks for?"""
    names = allowance.names
    return names is UNSET or asked in names or offering.model in names


def names_for(allowance: Allowance, catalogue: Catalogue) -> tuple[str, ...]:
    """Return every name that the caller may ask for, as lists of models show them."""
    return tuple(
        name
        for name in askable(catalogue)
        if any(may_ask(name, one, allowance) for one in resolve(name, catalogue).offerings)
    )


def _may_handle(label: Label, allowance: Allowance, vocabulary: Vocabulary) -> bool:
    """Does what the caller is cleared for dominate the label? An unknown word clears nothing."""
    if allowance.clearances is UNSET:
        return True
    try:
        cleared = [vocabulary.parse(text) for text in allowance.clearances]
    except UnknownLabelError:
        return False
    return bool(cleared) and join(*cleared).dominates(label)


def _denied(decision: Decision, reason: str, message: str) -> Decision:
    return replace(
        decision,
        effect=Effect.DENY,
        boundary=frozenset(),
        because=(),
        reason=reason,
        message=message,
    )
