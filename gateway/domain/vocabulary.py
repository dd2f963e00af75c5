"""The words that one policy may use for labels, and the one parser of a written label."""

import re

from msgspec import Struct

from gateway.domain.label import Label, Level

LABEL_TEXT_MAX = 256
TLP_MARKS = ("tlp:", "TLP:")
# Version 2.0 of the protocol, from the least to the strictest.
TLP_COLOURS = ("clear", "green", "amber", "amber+strict", "red")
_WRITTEN = re.compile(
    r"(?P<level>[a-z0-9][a-z0-9_-]*)(?P<caveats>(?:\+[a-z0-9][a-z0-9_-]*)*)"
    r"(?:@(?P<places>[A-Za-z][A-Za-z0-9_-]*))?"
)


class UnknownLabelError(ValueError):
    """A written label is malformed or uses a word that the policy does not know."""


class Vocabulary(Struct, frozen=True):
    """Levels from lowest to highest, caveats, named sets of places, and what a TLP mark means."""

    levels: tuple[str, ...]
    caveats: frozenset[str] = frozenset()
    region_sets: dict[str, frozenset[str]] = {}
    tlp: dict[str, Label] = {}

    def level(self, name: str) -> Level:
        """Return the level of that name; UnknownLabelError when the policy has none."""
        if name not in self.levels:
            raise UnknownLabelError(f"unknown level; known: {', '.join(self.levels)}")
        return Level(rank=self.levels.index(name), name=name)

    @property
    def top(self) -> Label:
        """The strictest label that still has a place: highest level, every caveat."""
        return Label(level=self.level(self.levels[-1]), caveats=self.caveats)

    @property
    def bottom(self) -> Label:
        """The least label: lowest level, no caveat, any place."""
        return Label(level=self.level(self.levels[0]))

    def parse(self, text: str) -> Label:
        """Read `level[+caveat...][@REGIONSET]`, or `tlp:amber` where policy says what that means.

        Anything else is UnknownLabelError, which never repeats the text: it may be a header's.
        """
        if text.startswith(TLP_MARKS):
            return self._marked(text)
        found = _WRITTEN.fullmatch(text) if len(text) <= LABEL_TEXT_MAX else None
        if found is None or not text.isascii():
            raise UnknownLabelError("malformed label; write level[+caveat...][@REGIONSET]")
        caveats = [caveat for caveat in found["caveats"].split("+") if caveat]
        if len(caveats) != len(set(caveats)) or not self.caveats.issuperset(caveats):
            known = ", ".join(sorted(self.caveats))
            raise UnknownLabelError(f"unknown or repeated caveat; known: {known}")
        return Label(self.level(found["level"]), frozenset(caveats), self._places(found["places"]))

    def _marked(self, text: str) -> Label:
        """Return what policy says of a mark of the Traffic Light Protocol, spelt exactly."""
        mark, _, colour = text.partition(":")
        known = colour.lower()
        if colour != (known.upper() if mark == "TLP" else known) or known not in self.tlp:
            shown = ", ".join(f"tlp:{one}" for one in self.tlp) or "none"
            raise UnknownLabelError(f"unknown TLP mark; known: {shown}")
        return self.tlp[known]

    def _places(self, name: str | None) -> frozenset[str] | None:
        if name is None:
            return None
        if name not in self.region_sets:
            known = ", ".join(sorted(self.region_sets))
            raise UnknownLabelError(f"unknown region set; known: {known}")
        return self.region_sets[name]
