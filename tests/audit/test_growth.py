"""A proof of growth is the one of RFC 6962, though it is made without the older leaves."""

import pytest

from gateway.audit.growth import Growth
from gateway.audit.tree import Tree, consistency_proof, leaf_hash

LEAVES = [leaf_hash(b"%d" % number) for number in range(140)]


def tree_of(size: int) -> Tree:
    tree = Tree()
    for leaf in LEAVES[:size]:
        tree.append(leaf)
    return tree


@pytest.mark.parametrize("new", [*range(70), 127, 128, 129, 140])
def test_the_proof_is_that_of_the_whole_tree(new: int) -> None:
    for old in range(new + 1):
        growth = Growth(old, tree_of(old).frontier, new)
        for leaf in LEAVES[old:new]:
            growth.take(leaf)
        assert growth.proof == consistency_proof(LEAVES[:new], old), (old, new)
        assert growth.tree.head == tree_of(new).head


def test_a_log_never_shrinks_and_no_leaf_may_be_missing() -> None:
    with pytest.raises(ValueError, match="never shrinks"):
        Growth(3, tree_of(3).frontier, 2)
    with pytest.raises(ValueError, match="missing"):
        _ = Growth(3, tree_of(3).frontier, 5).proof
    with pytest.raises(ValueError, match="frontier"):
        Growth(3, (), 5)
