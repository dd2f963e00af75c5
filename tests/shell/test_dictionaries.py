"""Dictionaries from the command to the scan."""

from pathlib import Path

import pytest

from gateway.app.making import load_scanners
from gateway.app.node_secret import dictionary_key
from gateway.classification.texts import join_texts
from gateway.cli import main
from gateway.config.settings import Paths
from gateway.domain.errors import ConfigError
from gateway.stores import dictionaries
from gateway.stores.dictionaries import dictionary_names, load_dictionaries

NODE = "version: 1\norigin: perimeter.example/gw-0\npaths: {dictionaries: words}\n"


@pytest.fixture
def node(tmp_path: Path) -> Path:
    path = tmp_path / "perimeter.yaml"
    path.write_text(NODE)
    (tmp_path / "list.txt").write_text("Bluebird\nNight Heron\n")
    return path


def hash_words(node: Path, *, name: str = "codenames") -> int:
    return main(["dictionary", name, str(node.parent / "list.txt"), "--node", str(node)])


def paths_of(node: Path) -> Paths:
    folder = node.parent
    return Paths(
        cache=folder / "cache",
        signing_key=folder / "data" / "signing.key",
        dictionaries=folder / "words",
    )


def test_a_word_of_the_list_is_found_and_stands_in_no_file(
    node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hash_words(node) == 0
    assert "written" in capsys.readouterr().out
    (file,) = (node.parent / "words").iterdir()
    assert "luebird" not in file.read_text()
    (scanner,) = (
        one.detector for one in load_scanners(paths_of(node)) if one.detector.name == "dictionary"
    )
    hits = scanner.scan(join_texts({"x": "about night-heron"}).buffer).hits
    assert [hit.kind for hit in hits] == ["codenames"]


def test_without_a_folder_there_is_no_such_detector_and_no_such_command(
    node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load_dictionaries(None, b"k") == ()
    node.write_text("version: 1\norigin: perimeter.example/gw-0\n")
    assert hash_words(node) == 1
    assert "paths.dictionaries" in capsys.readouterr().err


def test_what_cannot_be_hashed_is_refused_without_its_words(
    node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hash_words(node, name="Code Names") == 1
    (node.parent / "list.txt").write_text("xy\n")
    assert hash_words(node) == 1
    (node.parent / "list.txt").write_bytes(b"\xff\xfe")
    assert hash_words(node) == 1
    told = capsys.readouterr().err
    assert "line 1" in told
    assert "xy" not in told


def test_a_dictionary_that_cannot_be_used_is_a_problem(
    node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = node.parent / "words"
    with pytest.raises(ConfigError):
        load_dictionaries(folder, b"k")
    assert hash_words(node) == 0
    key = dictionary_key(paths_of(node))
    assert len(load_dictionaries(folder, key)) == 1
    with pytest.raises(ConfigError, match="another node"):
        load_dictionaries(folder, b"another key")
    (folder / "copy.json").write_bytes((folder / "codenames.json").read_bytes())
    with pytest.raises(ConfigError, match="one name"):
        load_dictionaries(folder, key)
    monkeypatch.setattr(dictionaries, "FILES_MAX", 1)
    with pytest.raises(ConfigError, match="more than 1"):
        load_dictionaries(folder, key)
    (folder / "codenames.json").unlink()
    (folder / "copy.json").unlink()
    (folder / "copy.json").mkdir()
    with pytest.raises(ConfigError, match="directory"):
        load_dictionaries(folder, key)


def test_the_names_of_dictionaries_are_words_of_the_policy(node: Path) -> None:
    assert dictionary_names(None) == dictionary_names(node.parent / "nowhere") == frozenset()
    assert hash_words(node) == 0
    assert dictionary_names(node.parent / "words") == {"codenames"}
