"""From signed statements to grants: what a waiver and broken glass say, in the words of policy."""

from datetime import timedelta

from msgspec import UNSET

from gateway.app.moment import EPOCH
from gateway.domain.approval import Action
from gateway.domain.grant import USES_MAX, Grant, GrantKind
from gateway.domain.vocabulary import UnknownLabelError, Vocabulary
from gateway.identity.approvals import NotApproved, Why
from gateway.stores.standing import Active, Standing

KINDS = {Action.WAIVER: GrantKind.WAIVER, Action.BREAK_GLASS: GrantKind.BREAK_GLASS}


def grants_of(standing: Standing, vocabulary: Vocabulary) -> tuple[Grant, ...]:
    """Return what persons granted: waivers before broken glass, what ends first before the rest.

    INVARIANT: one whose words this policy does not know grants nothing.
    """
    found: list[Grant] = []
    for digest, active in standing.active.items():
        if active.action in KINDS:
            try:
                found.append(grant_of(digest, active, vocabulary))
            except NotApproved:
                continue
    order = list(GrantKind)
    return tuple(sorted(found, key=lambda one: (order.index(one.kind), one.until, one.id)))


def grant_of(digest: str, active: Active, vocabulary: Vocabulary) -> Grant:
    """Return what the statement grants; NotApproved where its words say nothing here."""
    scope, kind = active.scope, KINDS[active.action]
    waives = kind is GrantKind.WAIVER
    try:
        label = vocabulary.parse(scope["from" if waives else "label"])
        treated = vocabulary.parse(scope["to"]) if waives else UNSET
    except UnknownLabelError:
        raise NotApproved(Why.UNKNOWN_LABEL) from None
    if treated is not UNSET and (treated == label or not label.dominates(treated)):
        raise NotApproved(Why.LOWERS_NOTHING)
    return Grant(
        id=digest,
        kind=kind,
        zone=scope["zone"],
        label=label,
        begins=EPOCH + timedelta(microseconds=active.from_us),
        until=EPOCH + timedelta(microseconds=active.until_us),
        uses_max=_number(scope["uses"]),
        treated_as=treated,
        repo=scope.get("repo", UNSET),
        team=scope.get("team", UNSET),
        key=scope.get("key", UNSET),
    )


def spent_of(grants: tuple[Grant, ...], standing: Standing) -> frozenset[str]:
    """Return the ids of those that have served as many requests as was signed."""
    uses = standing.uses
    return frozenset(one.id for one in grants if uses.get(one.id, 0) >= one.uses_max)


def _number(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(USES_MAX))
    if not is_number or not 1 <= int(text) <= USES_MAX:
        raise NotApproved(Why.WRONG_SCOPE)
    return int(text)
