"""How many tags of a scan are kept: so many different ones of each kind."""

from gateway.classification.texts import Hit

TAGS_MAX = 1_024
TAGS_FREE = 256
REPEATS_MAX = 4


class Room:
    """The tags of one scan.

    WHY: tags are counted by how many different ones there are. However often one is said again,
    it takes no room from others.
    """

    __slots__ = ("_counts", "_different", "_repeats", "enough", "tags")

    def __init__(self) -> None:
        # Number of the rule and text of what is not looked at again.
        self.enough: set[tuple[int, bytes]] = set()
        self.tags: list[Hit] = []
        self._counts: dict[str, int] = {}
        self._different: dict[str, int] = {}
        self._repeats: dict[tuple[str, bytes], int] = {}

    def has_enough(self, kind: str, said: tuple[int, bytes]) -> bool:
        """Are there enough tags of that kind, or of that text? There will not be fewer."""
        repeats = self._repeats.get((kind, said[1]), 0)
        if repeats:
            enough = self._counts[kind] >= (TAGS_MAX if repeats < REPEATS_MAX else TAGS_FREE)
        else:
            enough = self._different.get(kind, 0) >= TAGS_MAX
        if enough:
            self.enough.add(said)
        return enough

    def keep(self, tag: Hit, text: bytes) -> None:
        """Keep a tag of which there are not enough."""
        repeats = self._repeats.get((tag.kind, text), 0)
        self._repeats[tag.kind, text] = repeats + 1
        self._different[tag.kind] = self._different.get(tag.kind, 0) + (repeats == 0)
        self._counts[tag.kind] = self._counts.get(tag.kind, 0) + 1
        self.tags.append(tag)
