"""From invariants.yaml to promises that can be proven."""

from collections.abc import Callable

from msgspec import UNSET, Struct

from gateway.domain.document import Document
from gateway.domain.label import Label
from gateway.domain.zone import Zone
from gateway.policy.language import INVARIANTS_MAX, InvariantEntry, InvariantsFile, Labels
from gateway.policy.reading import Reading, listed
from gateway.policy.words import Words, check_name

_PROMISES = ("only_zones", "never_zones", "only_operators_in")


class Invariant(Struct, frozen=True):
    """A promise about labels and zones.

    `speaks_of` says for which labels it is made, `allows` whether such a label may be in a zone.
    `document` and `pointer` say where it is written.
    """

    id: str
    speaks_of: Callable[[Label], bool]
    allows: Callable[[Zone], bool]
    reason: str
    document: Document
    pointer: str


def read_invariants(reading: Reading, words: Words) -> tuple[Invariant, ...]:
    """Return the invariants that can be read; what is wrong with them is noted."""
    parts = reading.parts("", reading.document.value, InvariantsFile)
    entries = parts.get("invariants", [])
    if len(entries) > INVARIANTS_MAX:
        reading.complain("/invariants", f"more than {INVARIANTS_MAX} invariants")
        return ()
    seen: set[str] = set()
    found: list[Invariant] = []
    for index, raw in enumerate(entries):
        pointer = f"/invariants/{index}"
        entry = reading.entry(pointer, raw, InvariantEntry)
        if entry is not None:
            check_name(reading, f"{pointer}/id", "invariant", entry.id)
            if entry.id in seen:
                reading.complain(f"{pointer}/id", "the id stands twice")
            seen.add(entry.id)
            found.append(_invariant(reading, pointer, entry, words))
    return tuple(found)


def _invariant(reading: Reading, pointer: str, entry: InvariantEntry, words: Words) -> Invariant:
    return Invariant(
        id=entry.id,
        speaks_of=_labels(reading, f"{pointer}/labels", entry.labels, words),
        allows=_promise(reading, pointer, entry, words),
        reason=entry.reason,
        document=reading.document,
        pointer=pointer,
    )


def _labels(
    reading: Reading, pointer: str, labels: Labels, words: Words
) -> Callable[[Label], bool]:
    least = words.level(reading, f"{pointer}/level_min", labels.level_min)
    reading.known(f"{pointer}/level_is", "level", labels.level_is, words.levels)
    reading.known(f"{pointer}/caveat", "caveat", labels.caveat, words.caveats)
    if labels == Labels():
        reading.complain(pointer, "no label is named", "level_min, level_is or caveat")
    levels, caveats = frozenset(listed(labels.level_is)), frozenset(listed(labels.caveat))
    rank = 0 if least is None else least.rank
    return lambda label: (
        label.level.rank >= rank
        and (not levels or label.level.name in levels)
        and (not caveats or not caveats.isdisjoint(label.caveats))
    )


def _promise(
    reading: Reading, pointer: str, entry: InvariantEntry, words: Words
) -> Callable[[Zone], bool]:
    if sum(getattr(entry, name) is not UNSET for name in _PROMISES) != 1:
        reading.complain(pointer, "an invariant makes one promise", f"one of {_PROMISES}")
    reading.known(f"{pointer}/only_zones", "zone", entry.only_zones, words.zones)
    reading.known(f"{pointer}/never_zones", "zone", entry.never_zones, words.zones)
    if entry.only_operators_in is not UNSET:
        inside = words.places(reading, f"{pointer}/only_operators_in", entry.only_operators_in)
        return lambda zone: inside is None or zone.operator_jurisdiction in inside
    if entry.only_zones is not UNSET:
        only = frozenset(listed(entry.only_zones))
        return lambda zone: zone.name in only
    never = frozenset(listed(entry.never_zones))
    return lambda zone: zone.name not in never
