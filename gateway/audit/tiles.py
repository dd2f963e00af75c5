"""A log as C2SP tlog-tiles: its hashes in files of 256, and its entries in bundles of 256.

A hash tile of level 0 holds leaf hashes; one of a higher level holds the roots of full tiles below
it. The last tile of a level may be partial, with its width in its name. Any proof is computed
from a handful of tiles, so a log can lie on a plain file server.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from msgspec import Struct

from gateway.audit.canonical import ENTRY_BYTES_MAX
from gateway.audit.tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    Head,
    Proof,
    Tree,
    leaf_hash,
    node_hash,
    root_of,
)

WIDTH = 256
HEIGHT = 8
LEVEL_MAX = 63
INDEX_MAX = 1 << 63
TILES_HELD_MAX = 256
# WHY: entries lie below the leaf hashes; in a path the level is then a word.
ENTRIES = -1

_LENGTH_BYTES = 2
_GROUP = 1000
_NUMBER = r"0|[1-9][0-9]{0,2}"
_PATH = re.compile(
    rf"tile/(?P<level>entries|{_NUMBER})/(?P<index>(?:x[0-9]{{3}}/)*[0-9]{{3}})"
    rf"(?:\.p/(?P<width>[1-9][0-9]{{0,2}}))?"
)


class TileRefused(ValueError):
    """The bytes or the path are not those of a tile."""


class Tile(Struct, frozen=True):
    """Which tile: its level (`ENTRIES` for a bundle), its index there, and how many it holds."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it lies in the folder of the log."""
        index, name = divmod(self.index, _GROUP)
        groups = [f"{name:03d}"]
        while index:
            index, name = divmod(index, _GROUP)
            groups.insert(0, f"x{name:03d}")
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(groups)}{partial}"


Read = Callable[[Tile], bytes]


def tile_at(path: str) -> Tile:
    """Return the tile that lies at that path; TileRefused unless it has no other path."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise TileRefused("not the path of a tile")
    level = ENTRIES if match["level"] == "entries" else int(match["level"])
    index = int(match["index"].replace("x", "").replace("/", ""))
    tile = Tile(level, index, int(match["width"] or WIDTH))
    is_sane = tile.width <= WIDTH and level <= LEVEL_MAX and index < INDEX_MAX
    if tile.path != path or not is_sane:
        raise TileRefused("not the path of a tile")
    return tile


def tiles_of(size: int) -> Iterator[Tile]:
    """Yield every tile of a log of that size, bundles of entries first, then level by level."""
    yield from _row(ENTRIES, size)
    level = 0
    while size:
        yield from _row(level, size)
        level, size = level + 1, size >> HEIGHT


def tile_of(level: int, index: int, size: int) -> Tile:
    """Return the tile of that level and index as a log of that size has it; IndexError."""
    width = min(WIDTH, (size >> HEIGHT * max(level, 0)) - index * WIDTH)
    if width <= 0 or index < 0:
        raise IndexError("a log of this size has no such tile")
    return Tile(level, index, width)


def bundle(entries: Sequence[bytes]) -> bytes:
    """Return entries as a bundle: each after its length in 16 bits, in network order."""
    if any(len(entry) > ENTRY_BYTES_MAX for entry in entries):
        raise TileRefused("an entry is longer than a bundle can say")
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES) + entry for entry in entries)


def unbundle(data: bytes, width: int) -> list[bytes]:
    """Return the entries of a bundle of that width; TileRefused when it holds other than these."""
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < width:
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(data[at:begin])
        entries.append(data[begin:at])
    if at != len(data) or len(entries) != width:
        raise TileRefused("the bundle does not hold as many entries as its name says")
    return entries


def hashes(data: bytes, width: int) -> list[bytes]:
    """Return the hashes of a tile of that width; TileRefused when it holds other than these."""
    if len(data) != width * HASH_BYTES:
        raise TileRefused("the tile does not hold as many hashes as its name says")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


class Tiling:
    """Takes the entries of a log in order and yields its tiles as they become full.

    It holds at most one tile of each level. `head` is the state of the log so far.
    """

    def __init__(self) -> None:
        self._rows: list[list[bytes]] = [[]]
        self._entries: list[bytes] = []
        self.size = 0

    def append(self, entry: bytes) -> Iterator[tuple[Tile, bytes]]:
        """Take the next entry; yields what it completes."""
        self._entries.append(entry)
        if len(self._entries) == WIDTH:
            yield Tile(ENTRIES, self.size // WIDTH), bundle(self._entries)
            self._entries.clear()
        yield from self.append_leaf(leaf_hash(entry))

    def append_leaf(self, leaf: bytes) -> Iterator[tuple[Tile, bytes]]:
        """Take the hash of an entry that is not there any more; yields what it completes."""
        self._rows[0].append(leaf)
        self.size += 1
        level = 0
        while len(self._rows[level]) == WIDTH:
            row = self._rows[level]
            yield Tile(level, (self.size >> HEIGHT * (level + 1)) - 1), b"".join(row)
            if level + 1 == len(self._rows):
                self._rows.append([])
            self._rows[level + 1].append(root_of(row))
            row.clear()
            level += 1

    def rest(self) -> Iterator[tuple[Tile, bytes]]:
        """Yield the partial tiles of the log as it is now."""
        if self._entries:
            index = self.size // WIDTH
            yield Tile(ENTRIES, index, len(self._entries)), bundle(self._entries)
        for level, row in enumerate(self._rows):
            if row:
                index = self.size >> HEIGHT * (level + 1)
                yield Tile(level, index, len(row)), b"".join(row)

    @property
    def head(self) -> Head:
        """Size and root of the log so far."""
        frontier: list[bytes] = []
        for row in reversed(self._rows):
            perfect = Tree()
            for node in row:
                perfect.append(node)
            frontier.extend(perfect.frontier)
        return Tree(self.size, frontier).head


class TiledTree:
    """The tree of a log of that size, read tile by tile.

    INVARIANT: what it computes is worth no more than the tiles: compare `head` with the one that
    was signed, or verify the proof against it. `read` may raise anything; TileRefused is ours.
    """

    def __init__(self, size: int, read: Read) -> None:
        self._size = size
        self._read = lru_cache(TILES_HELD_MAX)(lambda tile: hashes(read(tile), tile.width))

    @property
    def head(self) -> Head:
        """Size and root."""
        return Head(self._size, self.root(self._size))

    def root(self, size: int) -> bytes:
        """Return the root over the first so many leaves; IndexError when there are fewer."""
        if not 0 <= size <= self._size:
            raise IndexError("no such size")
        return self._over(0, size) if size else EMPTY_ROOT

    def leaf(self, index: int) -> bytes:
        """Return the hash of that leaf; IndexError."""
        return self._node(0, index)

    def inclusion(self, index: int, size: int) -> Proof:
        """Return the proof that this leaf is in the tree of the first `size` leaves."""
        if not 0 <= index < size <= self._size:
            raise IndexError("no such leaf")
        return self._path(index, 0, size)

    def consistency(self, old: int, new: int) -> Proof:
        """Return the proof that the tree of `old` leaves grew into that of `new`."""
        if not 0 <= old <= new <= self._size:
            raise IndexError("no such size")
        if old in (0, new):
            return ()
        return self._grown(old, 0, new, whole=True)

    def _path(self, index: int, begin: int, end: int) -> Proof:
        if end - begin == 1:
            return ()
        split = begin + _split(end - begin)
        if index < split:
            return (*self._path(index, begin, split), self._over(split, end))
        return (*self._path(index, split, end), self._over(begin, split))

    def _grown(self, old: int, begin: int, end: int, *, whole: bool) -> Proof:
        if old == end:
            return () if whole else (self._over(begin, end),)
        split = begin + _split(end - begin)
        if old <= split:
            return (*self._grown(old, begin, split, whole=whole), self._over(split, end))
        return (*self._grown(old, split, end, whole=False), self._over(begin, split))

    def _over(self, begin: int, end: int) -> bytes:
        """Return the root over leaves of which all but the last subtree are perfect."""
        width = end - begin
        if width & (width - 1) == 0:
            return self._node(width.bit_length() - 1, begin // width)
        split = begin + _split(width)
        return node_hash(self._over(begin, split), self._over(split, end))

    def _node(self, height: int, index: int) -> bytes:
        """Return the root of the perfect subtree of that height and index."""
        level, within = divmod(height, HEIGHT)
        begin = index << within
        tile = tile_of(level, begin // WIDTH, self._size)
        at = begin % WIDTH
        found = self._read(tile)[at : at + (1 << within)]
        if len(found) != 1 << within:
            raise IndexError("a log of this size has no such subtree")
        return root_of(found)


def _row(level: int, count: int) -> Iterator[Tile]:
    full, rest = divmod(count, WIDTH)
    yield from (Tile(level, index) for index in range(full))
    if rest:
        yield Tile(level, full, rest)


def _split(size: int) -> int:
    """Return the largest power of two below that size."""
    return 1 << ((size - 1).bit_length() - 1)
