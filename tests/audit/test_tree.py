"""Leaves, roots and proofs of the Certificate Transparency reference tree (Apache-2.0)."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.tree import (
    EMPTY_ROOT,
    Head,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
INCLUSION_0_OF_8 = (
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
)
CONSISTENCY_6_TO_8 = (
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
)


def naive_root(entries: list[bytes]) -> bytes:
    """The definition of RFC 6962 section 2.1, word by word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    half = 1
    while half * 2 < len(entries):
        half *= 2
    left, right = naive_root(entries[:half]), naive_root(entries[half:])
    return sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_the_reference(size: int) -> None:
    tree = Tree()
    for index, leaf in enumerate(LEAVES[:size]):
        assert tree.append(leaf) == index
    assert tree.head == Head(size, bytes.fromhex(ROOTS[size]))
    assert root_of(LEAVES[:size]).hex() == ROOTS[size]


def test_the_proofs_are_those_of_the_reference() -> None:
    assert tuple(step.hex() for step in inclusion_proof(LEAVES, 0)) == INCLUSION_0_OF_8
    assert tuple(step.hex() for step in consistency_proof(LEAVES, 6)) == CONSISTENCY_6_TO_8


def test_a_leaf_is_never_a_node() -> None:
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)


def test_a_tree_goes_on_from_its_frontier() -> None:
    tree = Tree()
    for leaf in LEAVES[:5]:
        tree.append(leaf)
    again = Tree(tree.size, tree.frontier)
    for leaf in LEAVES[5:]:
        tree.append(leaf)
        again.append(leaf)
    assert again.head == tree.head


@pytest.mark.parametrize(("size", "hashes"), [(-1, 0), (0, 1), (3, 1), (4, 2)])
def test_a_frontier_that_cannot_be_is_refused(size: int, hashes: int) -> None:
    with pytest.raises(ValueError, match="frontier"):
        Tree(size, [EMPTY_ROOT] * hashes)


def test_a_proof_of_what_is_not_there_cannot_be_made() -> None:
    for index in (-1, 8):
        with pytest.raises(IndexError):
            inclusion_proof(LEAVES, index)
    for size in (-1, 9):
        with pytest.raises(IndexError):
            consistency_proof(LEAVES, size)


def test_nonsense_proofs_are_refused() -> None:
    head = Head(8, root_of(LEAVES))
    proof = inclusion_proof(LEAVES, 3)
    assert not verify_inclusion(LEAVES[3], -1, proof, head)
    assert not verify_inclusion(LEAVES[3], 8, proof, head)
    assert not verify_inclusion(LEAVES[3], 3, (*proof, EMPTY_ROOT), head)
    assert not verify_inclusion(LEAVES[3], 3, proof[:-1], head)
    old = Head(3, root_of(LEAVES[:3]))
    steps = consistency_proof(LEAVES, 3)
    assert not verify_consistency(head, old, steps)
    assert not verify_consistency(Head(-1, EMPTY_ROOT), head, ())
    assert not verify_consistency(old, head, ())
    assert not verify_consistency(old, head, (*steps, EMPTY_ROOT))
    assert not verify_consistency(old, head, steps[:-1])
    assert not verify_consistency(old, old, (EMPTY_ROOT,))
    assert not verify_consistency(old, Head(3, EMPTY_ROOT), ())
    assert not verify_consistency(Head(0, old.root), head, ())
    assert verify_consistency(Head(0, EMPTY_ROOT), head, ())
    assert verify_consistency(old, old, ())


@settings(max_examples=60, deadline=None)
@given(entries=st.lists(st.binary(max_size=8), max_size=40), data=st.data())
def test_the_tree_keeps_the_laws_of_the_definition(entries: list[bytes], data) -> None:
    leaves = [leaf_hash(entry) for entry in entries]
    head = Head(len(leaves), naive_root(entries))
    assert root_of(leaves) == head.root
    size = data.draw(st.integers(0, len(leaves)))
    old = Head(size, naive_root(entries[:size]))
    steps = consistency_proof(leaves, size)
    assert verify_consistency(old, head, steps)
    if not leaves:
        return
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = inclusion_proof(leaves, index)
    assert verify_inclusion(leaves[index], index, proof, head)
    assert not verify_inclusion(leaf_hash(b"another"), index, proof, head)
    other = data.draw(st.integers(0, len(leaves) - 1))
    assert verify_inclusion(leaves[other], index, proof, head) == (leaves[other] == leaves[index])
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bent = (*proof[:at], leaf_hash(proof[at]), *proof[at + 1 :])
        assert not verify_inclusion(leaves[index], index, bent, head)
    if steps:
        at = data.draw(st.integers(0, len(steps) - 1))
        bent = (*steps[:at], leaf_hash(steps[at]), *steps[at + 1 :])
        assert not verify_consistency(old, head, bent)


def test_a_consistency_proof_that_is_too_long_proves_nothing() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(8)]
    old, new = Head(4, root_of(leaves[:4])), Head(8, root_of(leaves))
    proof = consistency_proof(leaves, 4)
    assert verify_consistency(old, new, proof)
    assert not verify_consistency(old, new, (*proof, leaves[0]))


def test_every_small_tree_goes_on_from_every_smaller_one() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(17)]
    heads = [Head(size, root_of(leaves[:size])) for size in range(18)]
    for new in range(1, 18):
        for old in range(new + 1):
            proof = consistency_proof(leaves[:new], old)
            assert verify_consistency(heads[old], heads[new], proof)
