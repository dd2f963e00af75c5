"""What is read again while the gateway runs, as the node that it started with names it."""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from gateway.app.loading import DETECTORS, load_all
from gateway.app.moment import SystemClock
from gateway.app.reaching import guard_of, targets_of
from gateway.app.reloading import _needs_a_start
from gateway.app.still import read_still, stamp_of
from tests.doubles.residency_node import ENVIRONMENT, residency_node
from tests.shell.test_adversaries_places import TODAY


def node_with_files(folder: Path) -> Path:
    """A node whose first secret lies in a file, and that has a folder of dictionaries."""
    node = residency_node(folder)
    value = msgspec.yaml.decode(node.read_bytes())
    first = next(iter(value["secrets"]))
    value["secrets"][first] = {"file": "first.secret"}
    value["paths"]["dictionaries"] = "words"
    node.write_bytes(msgspec.yaml.encode(value))
    secret = folder / "first.secret"
    secret.write_text(next(iter(ENVIRONMENT.values())))
    secret.chmod(0o600)
    (folder / "words").mkdir()
    return node


def test_a_node_that_runs_is_read_by_what_it_was_whatever_its_file_says_by_now(tmp_path) -> None:
    file = node_with_files(tmp_path)
    loaded = load_all(file, ENVIRONMENT, TODAY)
    file.write_text("origin: [")
    again = read_still(loaded.node, lambda: load_all(loaded.node, ENVIRONMENT, TODAY))
    assert again.node is loaded.node
    assert again.documents == loaded.documents
    assert again.stamp == stamp_of(loaded.node)


def test_another_secret_and_another_dictionary_are_seen(tmp_path: Path) -> None:
    node = load_all(node_with_files(tmp_path), ENVIRONMENT, TODAY).node
    first = stamp_of(node)
    (tmp_path / "first.secret").write_text(f"another {next(iter(ENVIRONMENT.values()))}")
    second = stamp_of(node)
    (tmp_path / "words" / "codenames.json").write_text("{}")
    assert len({first, second, stamp_of(node)}) == 3


def test_another_secret_is_read_and_reaches_the_backend(tmp_path: Path) -> None:
    loaded = load_all(node_with_files(tmp_path), ENVIRONMENT, TODAY)
    name = next(iter(loaded.secrets))
    secret = loaded.secrets[name].reveal()
    (tmp_path / "first.secret").write_text(secret[:-1] + ("a" if secret[-1] != "a" else "b"))
    again = load_all(loaded.node, ENVIRONMENT, TODAY)
    assert again.secrets[name] != loaded.secrets[name]
    mine = [one for one in loaded.models.backends.values() if one.secret == name]
    before, after = (
        {one.name: one.secret for one in targets_of(this, SystemClock())}
        for this in (loaded, again)
    )
    assert mine
    assert all(before[one.name] != after[one.name] for one in mine)


def test_what_takes_a_start_is_named(tmp_path: Path) -> None:
    loaded = load_all(residency_node(tmp_path), ENVIRONMENT, TODAY)
    assert list(_needs_a_start(loaded, loaded)) == []
    words = replace(loaded, documents={**loaded.documents, DETECTORS: {"rules": {}}})
    assert "dictionary" in "".join(_needs_a_start(loaded, words))
    vocabulary = replace(loaded.compiled.vocabulary, levels=("low", "high"))
    labels = replace(loaded, compiled=replace(loaded.compiled, vocabulary=vocabulary))
    assert "labels" in "".join(_needs_a_start(loaded, labels))


def test_an_address_outside_the_pins_of_its_zone_is_found_before_it_is_dialled(tmp_path) -> None:
    loaded = load_all(residency_node(tmp_path), ENVIRONMENT, TODAY)
    assert guard_of(loaded, targets_of(loaded, SystemClock())).misplaced() == []
