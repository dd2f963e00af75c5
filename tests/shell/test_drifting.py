"""A node file that differs from what runs is told of by the names of its parts, and by no value."""

from pathlib import Path

from gateway.app.drifting import NO_DRIFT, drift_of
from gateway.config.node import load_node

NODE = "version: 1\norigin: perimeter.example/gw-0\nlisteners: {data: {port: 8080}}\n"


def test_the_file_that_runs_does_not_differ(tmp_path: Path) -> None:
    file = tmp_path / "perimeter.yaml"
    file.write_text(NODE)
    node = load_node(file)
    file.write_text(f"# a remark\n{NODE}")
    assert drift_of(node) == NO_DRIFT


def test_what_changed_is_named_without_its_value(tmp_path: Path) -> None:
    file = tmp_path / "perimeter.yaml"
    file.write_text(NODE)
    node = load_node(file)
    file.write_text(NODE.replace("8080", "9999") + "paths: {ledger: /other}\n")
    drift = drift_of(node)
    assert drift.facts == {"changed": ["listeners", "paths"], "problems": 0}
    assert drift.words.startswith("perimeter.yaml changed (listeners, paths)")
    assert not any(value in repr(drift) for value in ("9999", "other"))


def test_a_file_that_cannot_be_used_is_told_by_its_problems(tmp_path: Path) -> None:
    file = tmp_path / "perimeter.yaml"
    file.write_text(NODE)
    node = load_node(file)
    for spoil in (lambda: file.write_text("origin: 7\nport: x\n"), file.unlink):
        spoil()
        drift = drift_of(node)
        assert drift.facts["changed"] == []
        assert drift.problems >= 1
        assert "the next start would fail" in drift.words
