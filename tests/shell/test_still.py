"""Files that are changed while they are read: half of one policy and half of the next is none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.app.loading import Loaded, load_all
from gateway.app.still import READS_MAX, read_still, stamp_of
from gateway.domain.errors import ConfigError
from tests.doubles.residency_node import ENVIRONMENT, residency_node
from tests.shell.test_adversaries_places import TODAY

PERMITS, DENIES = "level_max: internal", "level_max: public"


def mounted(folder: Path) -> Path:
    """Lay out a node as a kubelet does: the policy is a link, and what it names is exchanged."""
    node = residency_node(folder)
    policy = folder / "policy"
    policy.rename(folder / "first")
    second = folder / "second"
    second.mkdir()
    for one in (folder / "first").iterdir():
        second.joinpath(one.name).write_text(one.read_text().replace(PERMITS, DENIES))
    (folder / "..data").symlink_to("first")
    policy.symlink_to("..data")
    return node


def exchange(folder: Path, name: str) -> None:
    """Let the link name another folder, at once, as a kubelet does."""
    (folder / "..next").symlink_to(name)
    (folder / "..next").replace(folder / "..data")


def reading(node: Path, *meanwhile: Callable[[], None]) -> tuple[Callable[[], Loaded], list[int]]:
    """Return what reads the node; something happens at the end of each reading."""
    left, readings = list(meanwhile), [0]

    def read() -> Loaded:
        readings[0] += 1
        try:
            return load_all(node, ENVIRONMENT, TODAY)
        finally:
            if left:
                left.pop(0)()

    return read, readings


def rules_of(loaded: Loaded) -> str:
    return str(loaded.documents["policy"])


def test_what_holds_still_is_read_once_and_its_stamp_is_that_of_the_files(tmp_path: Path) -> None:
    read, readings = reading(mounted(tmp_path))
    loaded = read_still(tmp_path / "perimeter.yaml", read)
    assert readings == [1]
    assert loaded.stamp == stamp_of(loaded.node) != ()


def test_adv_67_a_folder_that_is_exchanged_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    read, readings = reading(mounted(tmp_path), lambda: exchange(tmp_path, "second"))
    loaded = read_still(tmp_path / "perimeter.yaml", read)
    assert readings == [2]
    assert "public" in rules_of(loaded)
    assert loaded.stamp == stamp_of(loaded.node)


def test_adv_67_a_file_that_is_half_written_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    """The half may be no policy at all; what counts is what stands there in the end."""
    node = residency_node(tmp_path)
    path = tmp_path / "policy" / "policy.yaml"
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    read, readings = reading(node, lambda: path.write_text(whole) and None)
    assert "internal-goes-out" in rules_of(read_still(node, read))
    assert readings == [2]


def test_adv_67_what_never_holds_still_is_never_in_force(tmp_path: Path) -> None:
    names = ["second", "first"] * READS_MAX
    changes = [lambda name=name: exchange(tmp_path, name) for name in names]
    read, readings = reading(mounted(tmp_path), *changes)
    with pytest.raises(ConfigError, match="change while they are read"):
        read_still(tmp_path / "perimeter.yaml", read)
    assert readings == [READS_MAX]


def test_what_is_wrong_with_files_that_hold_still_is_told_at_once(tmp_path: Path) -> None:
    node = residency_node(tmp_path)
    (tmp_path / "policy" / "policy.yaml").write_text("version: 1\nrules: perhaps\n")
    read, readings = reading(node)
    with pytest.raises(ConfigError, match="rules"):
        read_still(node, read)
    node.write_text("version: 1\n")
    with pytest.raises(ConfigError, match="origin"):
        read_still(node, read)
    assert readings == [2]


def test_every_file_of_the_policy_the_fleet_and_the_node_is_watched(tmp_path: Path) -> None:
    node = residency_node(tmp_path)
    loaded = load_all(node, ENVIRONMENT, TODAY)
    for name in ("perimeter.yaml", "policy/policy.yaml", "models/tasks.yaml", "policy/new.yaml"):
        before = stamp_of(loaded.node)
        with (tmp_path / name).open("a") as file:
            file.write("# a word more\n")
        assert stamp_of(loaded.node) != before, name
    (tmp_path / "policy" / "new.yaml").unlink()
    (tmp_path / "models").rename(tmp_path / "away")
    assert stamp_of(loaded.node) != before
