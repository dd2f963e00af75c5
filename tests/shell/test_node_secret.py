"""The node's secret: made once, kept for its owner alone, and split by purpose."""

from pathlib import Path

import pytest

from gateway.app.node_secret import access_root, derived, node_secret, secret_place
from gateway.config.settings import Paths
from gateway.domain.errors import LedgerUnavailable


def test_it_is_made_once_and_stays(tmp_path: Path) -> None:
    place = tmp_path / "keys" / "node.secret"
    made = node_secret(place)
    assert len(made) == 32
    assert node_secret(place) == made
    assert place.stat().st_mode & 0o777 == 0o600
    assert node_secret(tmp_path / "other.secret") != made


@pytest.mark.parametrize("damage", [b"", b"x" * 31, b"x" * 33])
def test_a_damaged_one_is_not_used(tmp_path: Path, damage: bytes) -> None:
    place = tmp_path / "node.secret"
    place.write_bytes(damage)
    with pytest.raises(LedgerUnavailable, match="damaged"):
        node_secret(place)
    assert place.read_bytes() == damage


def test_a_place_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnavailable, match="cannot be kept"):
        node_secret(tmp_path / "file" / "node.secret")


def test_access_keys_have_a_secret_of_their_own(tmp_path: Path) -> None:
    paths = Paths(signing_key=tmp_path / "signing.key")
    root = access_root(paths)
    whole = node_secret(secret_place(paths))
    assert root == access_root(paths) != whole
    assert root != derived(whole, "something else")
    assert len(root) == 32
