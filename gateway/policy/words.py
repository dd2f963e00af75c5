"""The words of one bundle, and the checks that every document of it shares."""

import re

from msgspec import Struct
from msgspec.structs import replace

from gateway.domain.label import Label, Level
from gateway.domain.vocabulary import TLP_COLOURS, UnknownLabelError, Vocabulary
from gateway.policy.language import CAVEATS_MAX, LEVELS_MAX, REGION_SETS_MAX
from gateway.policy.reading import Reading, spread, step
from gateway.policy.regions import (
    CLOUD_REGIONS,
    ISO,
    KNOWN_SETS,
    WORLD,
    UnknownRegionError,
    hint,
    places,
)

NAME_CHARS_MAX = 64
LEVELS_MIN = 2
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class Known(Struct, frozen=True):
    """Names from outside the bundle that conditions may use; None where nobody can tell."""

    teams: frozenset[str] | None = None
    tasks: frozenset[str] | None = None
    models: frozenset[str] | None = None
    surfaces: frozenset[str] | None = None
    findings: frozenset[str] | None = None
    detectors: frozenset[str] | None = None
    passable: frozenset[str] | None = None
    keys: frozenset[str] | None = None


class Words(Struct, frozen=True):
    """What the documents of one bundle may say.

    A part that could not be read is None: what depends on it is not checked, for the problem has
    been noted where it stands.
    """

    vocabulary: Vocabulary | None
    zones: frozenset[str] | None = None
    repos: frozenset[str] | None = None
    known: Known = Known()

    @property
    def levels(self) -> tuple[str, ...] | None:
        """The names of the levels from low to high."""
        return None if self.vocabulary is None else self.vocabulary.levels

    @property
    def caveats(self) -> frozenset[str] | None:
        """The names of the caveats."""
        return None if self.vocabulary is None else self.vocabulary.caveats

    @property
    def region_sets(self) -> dict[str, frozenset[str]] | None:
        """The named region sets."""
        return None if self.vocabulary is None else self.vocabulary.region_sets

    def label(self, reading: Reading, pointer: str, text: object) -> Label | None:
        """Return a written label, or None after noting what is wrong with it."""
        if self.vocabulary is None or not isinstance(text, str):
            return None
        try:
            return self.vocabulary.parse(text)
        except UnknownLabelError as error:
            reading.complain(pointer, str(error))
            return None

    def level(self, reading: Reading, pointer: str, word: object) -> Level | None:
        """Return the level of that name, or None after noting that there is none."""
        if self.vocabulary is None or not isinstance(word, str):
            return None
        if not reading.known(pointer, "level", word, self.vocabulary.levels):
            return None
        return self.vocabulary.level(word)

    def places(self, reading: Reading, pointer: str, words: object) -> frozenset[str] | None:
        """Return the union of written regions as ISO codes, None for the world."""
        found: set[str] = set()
        world = False
        for place, word in spread(pointer, words):
            try:
                codes = places(word, self.region_sets or {})
            except UnknownRegionError as error:
                if self.vocabulary is not None:
                    reading.complain(place, "unknown region", str(error))
                continue
            world = world or codes is None
            found |= codes or frozenset()
        return None if world else frozenset(found)


def is_name(word: str) -> bool:
    """May a level, caveat, zone, repository, rule or invariant be called that?"""
    return len(word) <= NAME_CHARS_MAX and _NAME.fullmatch(word) is not None


def check_name(reading: Reading, pointer: str, what: str, word: str) -> None:
    """Note a name that is not lower-case ASCII letters, digits, `-` and `_`."""
    if not is_name(word):
        reading.complain(
            pointer,
            f"not a name for a {what}",
            f"use a-z, 0-9, - and _, at most {NAME_CHARS_MAX} characters",
        )


def read_vocabulary(reading: Reading, parts: dict[str, object]) -> Vocabulary | None:
    """Return the words for labels, or None when levels, caveats or region sets are unusable."""
    said = reading.document.value if isinstance(reading.document.value, dict) else {}
    levels = parts.get("levels")
    caveats = parts.get("caveats", None if "caveats" in said else [])
    sets = parts.get("region_sets", None if "region_sets" in said else {})
    if not (isinstance(levels, list) and isinstance(caveats, list) and isinstance(sets, dict)):
        return None
    before = len(reading.problems)
    _check_list(reading, "/levels", "level", levels, LEVELS_MAX)
    _check_list(reading, "/caveats", "caveat", caveats, CAVEATS_MAX)
    if len(levels) < LEVELS_MIN:
        reading.complain("/levels", f"a policy has at least {LEVELS_MIN} levels")
    if len(reading.problems) > before:
        return None
    found = Vocabulary(tuple(levels), frozenset(caveats), _region_sets(reading, sets))
    return replace(found, tlp=_tlp(reading, parts.get("tlp"), found))


def _tlp(reading: Reading, told: object, vocabulary: Vocabulary) -> dict[str, Label]:
    """Return what each mark means; a stricter one never means less than one before it."""
    listed = told if isinstance(told, dict) else {}
    for colour in listed:
        if colour not in TLP_COLOURS:
            reading.unknown(step("/tlp", colour), "TLP mark", colour, TLP_COLOURS)
    marks: dict[str, Label] = {}
    for colour in (one for one in TLP_COLOURS if one in listed):
        pointer = step("/tlp", colour)
        try:
            label = vocabulary.parse(str(listed[colour]))
        except UnknownLabelError as error:
            reading.complain(pointer, str(error))
            continue
        if not all(label.dominates(other) for other in marks.values()):
            reading.complain(pointer, "means less than a mark that is less strict")
        marks[colour] = label
    return marks


def _check_list(reading: Reading, pointer: str, what: str, words: list[str], most: int) -> None:
    if len(words) > most:
        reading.complain(pointer, f"more than {most} of a {what}")
    seen: set[str] = set()
    for place, word in spread(pointer, words):
        check_name(reading, place, what, word)
        if word in seen:
            reading.complain(place, f"the {what} stands twice")
        seen.add(word)


def _region_sets(reading: Reading, sets: dict[str, list[str]]) -> dict[str, frozenset[str]]:
    if len(sets) > REGION_SETS_MAX:
        reading.complain("/region_sets", f"more than {REGION_SETS_MAX} region sets")
    for name, codes in sets.items():
        pointer = step("/region_sets", name)
        if not _SET_NAME.fullmatch(name) or len(name) > NAME_CHARS_MAX:
            reading.complain(pointer, "not a name for a region set")
        _check_meaning(reading, pointer, name, frozenset(codes))
        if not codes:
            reading.complain(pointer, "an empty region set leaves no lawful place")
        for place, code in spread(pointer, codes):
            if code not in ISO:
                reading.complain(place, "not an ISO 3166-1 alpha-2 code", hint(code))
    return {name: frozenset(codes) for name, codes in sets.items()}


def _check_meaning(reading: Reading, pointer: str, name: str, codes: frozenset[str]) -> None:
    """Note a set whose name means something else to whoever reads it."""
    if name == WORLD or name in CLOUD_REGIONS:
        reading.complain(pointer, "the name has a meaning of its own")
    if name in ISO and codes != {name}:
        reading.complain(pointer, f"{name} is a country, and the set is not that country alone")
    outside = (codes & ISO) - KNOWN_SETS.get(name.upper(), ISO)
    if outside:
        reading.complain(pointer, f"{', '.join(sorted(outside))} is not in the {name.upper()}")
