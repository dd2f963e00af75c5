"""Tiles as C2SP tlog-tiles lays them out, and proofs that are computed from nothing else."""

from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.tiles import (
    ENTRIES,
    WIDTH,
    Tile,
    TiledTree,
    TileRefused,
    Tiling,
    bundle,
    hashes,
    tile_at,
    tile_of,
    tiles_of,
    unbundle,
)
from gateway.audit.tree import (
    EMPTY_ROOT,
    Head,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

SMALL_MAX = 1000
EDGES = (65_535, 65_536, 65_537)


@cache
def entry(index: int) -> bytes:
    return b"entry %d" % index


@cache
def tiled(size: int) -> dict[Tile, bytes]:
    tiling = Tiling()
    tiles: dict[Tile, bytes] = {}
    for index in range(size):
        tiles.update(tiling.append(entry(index)))
    return tiles | dict(tiling.rest())


@cache
def leaves(size: int) -> list[bytes]:
    return [leaf_hash(entry(index)) for index in range(size)]


def tree_of(size: int) -> TiledTree:
    return TiledTree(size, tiled(size).__getitem__)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(3, 999), "tile/3/999"),
        (Tile(1, 1000), "tile/1/x001/000"),
        (Tile(63, 0, 1), "tile/63/000.p/1"),
        (Tile(ENTRIES, 273, 112), "tile/entries/273.p/112"),
    ],
)
def test_a_tile_has_the_path_of_the_specification(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert tile_at(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/../000",
        "tile/0/000\n",
        "tile/data/000",
        "tile/0/" + "x999/" * 7 + "999",
    ],
)
def test_a_path_that_the_specification_does_not_know_is_refused(path: str) -> None:
    with pytest.raises(TileRefused):
        tile_at(path)


def test_a_log_of_70_000_entries_has_the_tiles_that_the_specification_counts() -> None:
    tiles = [tile for tile in tiles_of(70_000) if tile.level != ENTRIES]
    partial = [(tile.level, tile.width) for tile in tiles if tile.width < WIDTH]
    full = [tile.level for tile in tiles if tile.width == WIDTH]
    assert partial == [(0, 112), (1, 17), (2, 1)]
    assert [full.count(level) for level in range(3)] == [273, 1, 0]
    assert list(tiles_of(256)) == [Tile(ENTRIES, 0), Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []


def test_every_tile_is_made_and_no_other_for_every_small_size() -> None:
    tiling = Tiling()
    full: dict[Tile, bytes] = {}
    tree = Tree()
    for size in range(SMALL_MAX + 1):
        tiles = full | dict(tiling.rest())
        assert tiles.keys() == set(tiles_of(size))
        assert tiling.head == tree.head
        assert TiledTree(size, tiles.__getitem__).head == tree.head
        full.update(tiling.append(entry(size)))
        tree.append(leaf_hash(entry(size)))


@pytest.mark.parametrize("size", EDGES)
def test_the_tiles_of_a_large_log_give_its_root(size: int) -> None:
    tiles = tiled(size)
    assert tiles.keys() == set(tiles_of(size))
    assert tree_of(size).head == Head(size, root_of(leaves(size)))
    for tile, data in tiles.items():
        if tile.level == ENTRIES:
            begin = tile.index * WIDTH
            entries = [entry(index) for index in range(begin, begin + tile.width)]
            assert unbundle(data, tile.width) == entries


@pytest.mark.parametrize("size", [*range(1, 20), 255, 256, 257, 511, 512, 513, 767, 1000])
def test_proofs_from_tiles_are_those_of_the_whole_tree(size: int) -> None:
    tree, known = tree_of(size), leaves(size)
    for index in {0, 1, size // 2, size - 2, size - 1, 255, 256} & set(range(size)):
        assert tree.inclusion(index, size) == inclusion_proof(known, index)
        assert tree.consistency(index, size) == consistency_proof(known, index)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_proof_from_tiles_is_accepted_by_the_verifier(data: st.DataObject) -> None:
    size = data.draw(st.one_of(st.integers(1, SMALL_MAX), st.sampled_from(EDGES)))
    new = data.draw(st.integers(1, size))
    old = data.draw(st.integers(0, new))
    index = data.draw(st.integers(0, new - 1))
    tree = tree_of(size)
    before, after = Head(old, tree.root(old)), Head(new, tree.root(new))
    assert tree.leaf(index) == leaf_hash(entry(index))
    assert verify_inclusion(tree.leaf(index), index, tree.inclusion(index, new), after)
    assert verify_consistency(before, after, tree.consistency(old, new))


def test_a_changed_tile_gives_another_root_and_no_proof() -> None:
    size = 600
    honest = tree_of(size).head
    for tile, data in tiled(size).items():
        if tile.level == ENTRIES:
            continue
        bent = tiled(size) | {tile: data[:-1] + bytes([data[-1] ^ 1])}
        tree = TiledTree(size, bent.__getitem__)
        index = (tile.index * WIDTH) << 8 * tile.level
        proof = tree.inclusion(index, size)
        shown = verify_inclusion(leaf_hash(entry(index)), index, proof, honest)
        assert tree.head != honest or not shown, tile


def nothing(_tile: Tile) -> bytes:
    return b""


ODD: dict[str, Callable[[], object]] = {
    "too many hashes": lambda: hashes(bytes(33), 1),
    "too few hashes": lambda: hashes(bytes(32), 2),
    "a bundle cut in a length": lambda: unbundle(b"\x00\x01a\x00", 2),
    "a bundle cut in an entry": lambda: unbundle(b"\x00\x02a", 1),
    "an entry too many": lambda: unbundle(b"\x00\x01a\x00\x01b", 1),
    "an entry too few": lambda: unbundle(b"\x00\x01a", 2),
    "an entry too long": lambda: bundle([bytes(65_536)]),
    "an empty tile": lambda: TiledTree(3, nothing).head,
}


@pytest.mark.parametrize("what", ODD)
def test_bytes_that_are_no_tile_are_refused(what: str) -> None:
    with pytest.raises(TileRefused):
        ODD[what]()


def test_what_a_log_does_not_have_is_an_index_error() -> None:
    tree = tree_of(300)
    for ask in (
        lambda: tree.root(301),
        lambda: tree.root(-1),
        lambda: tree.leaf(300),
        lambda: tree.leaf(-1),
        lambda: tree.inclusion(5, 301),
        lambda: tree.inclusion(5, 5),
        lambda: tree.consistency(7, 6),
        lambda: tree.consistency(0, 301),
        lambda: tile_of(0, 2, 300),
        lambda: tile_of(0, -1, 300),
        lambda: tree._node(9, 0),
    ):
        with pytest.raises(IndexError):
            ask()


def test_an_empty_log_has_the_root_of_nothing() -> None:
    assert TiledTree(0, nothing).head == Head(0, EMPTY_ROOT)
    assert Tiling().head == Head(0, EMPTY_ROOT)
    assert tile_of(ENTRIES, 1, 300) == Tile(ENTRIES, 1, 44)


def test_an_entry_of_the_largest_size_fits_a_bundle() -> None:
    entries = [b"", bytes(65_535), b"x"]
    assert unbundle(bundle(entries), 3) == entries
