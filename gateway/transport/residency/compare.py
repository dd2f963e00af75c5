"""What was declared, held against what was found: one pure function for each check."""

from collections.abc import Mapping
from datetime import date

from gateway.domain.fleet import Offering
from gateway.domain.zone import Zone
from gateway.policy.regions import CLOUD_REGIONS
from gateway.transport.residency.seen import Counts
from gateway.transport.residency.verdicts import UNREAD, Check, Verdict, word

PLACES_SHOWN_MAX = 40
WORLD = "world"
NOTHING = "nothing"


def strays(regions: tuple[str, ...], lawful: frozenset[str] | None) -> str:
    """Return the first region that lies outside, `any region` for one without a name, else empty.

    INVARIANT: a region whose country is not known lies outside of every zone but the world.
    """
    outside = [
        one for one in regions if lawful is not None and CLOUD_REGIONS.get(one) not in lawful
    ]
    return "" if not outside else min(outside) or "any region"


def profile(
    offering: Offering, lawful: frozenset[str] | None, regions: tuple[str, ...], unfit: str = ""
) -> Verdict:
    """Return whether every region of a profile lies in its zone."""
    outside = strays(regions, lawful)
    why = unfit or (f"{word(outside)} lies outside its zone" if outside else "")
    found = " ".join(sorted(map(word, regions))[:PLACES_SHOWN_MAX]) or NOTHING
    return _verdict(offering, Check.PROFILE, places(lawful), found, why)


def retention(offering: Offering, declared: str, found: str) -> Verdict:
    """Return whether the account keeps what was declared; a mode that shares is never tacit."""
    why = ""
    if declared and found != declared:
        why = f"the account is set to {word(found)}"
    return _verdict(offering, Check.RETENTION, declared or NOTHING, word(found), why)


def listed(offering: Offering, location: str, why: str) -> Verdict:
    """Return whether somebody promises that the model runs where it is asked."""
    found = "listed" if not why else "not listed"
    return _verdict(offering, Check.LISTED, word(location), found, why)


def echo(offering: Offering, declared: str, seen: Counts) -> Verdict:
    """Return whether the replies told the place that was asked for."""
    why = ""
    if seen.mismatch:
        why = f"replies that tell another place: {seen.mismatch}"
    elif seen.unobservable:
        why = f"replies that do not tell their place: {seen.unobservable}"
    found = f"{seen.match} of {seen.match + seen.mismatch + seen.unobservable} replies"
    return _verdict(offering, Check.ECHO, word(declared), found, why)


def ran(offering: Offering, lawful: frozenset[str] | None, regions: Mapping[str, int]) -> Verdict:
    """Return whether every call ran inside the zone, by the region in which it did."""
    outside = {one: count for one, count in regions.items() if strays((one,), lawful)}
    named = " ".join(sorted(map(word, outside))[:PLACES_SHOWN_MAX])
    why = f"calls that ran in {named}: {sum(outside.values())}" if outside else ""
    total = sum(regions.values())
    found = f"{total - sum(outside.values())} of {total} calls"
    return _verdict(offering, Check.RAN, places(lawful), found, why)


def evidence(offering: Offering, zone: Zone, today: date) -> Verdict:
    """Return whether the zone's facts are still believed."""
    told = zone.evidence
    if told is None:
        is_stated = zone.processing_regions is not None or zone.storage_regions is not None
        why = "its regions are stated without evidence" if is_stated else ""
        return _verdict(offering, Check.EVIDENCE, places(zone.processing_regions), NOTHING, why)
    why = "" if today <= told.expires_on else f"its evidence ended on {told.expires_on}"
    declared = f"until {told.expires_on}"
    return _verdict(offering, Check.EVIDENCE, declared, f"read {told.read_on}", why)


def unread(offering: Offering, check: Check, declared: str, why: str) -> Verdict:
    """Return the verdict on what nobody has told: a difference where something was declared."""
    return Verdict(
        offering=offering.id,
        place=offering.place,
        check=check,
        declared=declared or NOTHING,
        found=UNREAD,
        difference=why if declared else "",
        is_read=not declared,
    )


def places(lawful: frozenset[str] | None) -> str:
    """Return the countries as they are shown."""
    return WORLD if lawful is None else " ".join(sorted(lawful))


def _verdict(
    offering: Offering, check: Check, declared: str, found: str, difference: str
) -> Verdict:
    return Verdict(
        offering=offering.id,
        place=offering.place,
        check=check,
        declared=declared,
        found=found,
        difference=difference,
    )
