"""Folders of configuration: exactly these files, all read at once."""

from pathlib import Path

import pytest

from gateway.config import folders
from gateway.config.folders import read_case_files, read_models_files, read_policy_files
from gateway.config.version import check_version
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, Problem


def a_folder(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("version: 1\n")
    return folder


def complaints(read, folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder)
    return [str(p).removeprefix(f"{folder}/") for p in caught.value.problems]


POLICY = ("policy.yaml", "zones.yaml", "repos.yaml", "invariants.yaml")
MODELS = ("catalog.yaml", "backends.yaml", "tasks.yaml")


def test_the_files_of_a_policy_come_back_by_name(tmp_path):
    folder = a_folder(tmp_path, *POLICY)
    found = read_policy_files(folder)
    assert list(found) == ["policy", "zones", "repos", "invariants"]
    assert found["zones"].file == str(folder / "zones.yaml")
    assert found["zones"].value == {"version": 1}


def test_the_files_of_the_fleet_come_back_by_name(tmp_path):
    assert list(read_models_files(a_folder(tmp_path, *MODELS))) == ["catalog", "backends", "tasks"]


def test_adv_69_an_empty_folder_is_a_problem(tmp_path):
    (tmp_path / ".hidden").mkdir()
    assert "the folder is empty" in complaints(read_policy_files, tmp_path)[0]
    assert "the folder is empty" in complaints(read_models_files, tmp_path)[0]


def test_a_folder_that_is_not_there_is_a_problem(tmp_path):
    for read in (read_policy_files, read_models_files):
        assert "cannot be read: No such file" in complaints(read, tmp_path / "nowhere")[0]


def test_a_file_in_the_place_of_a_folder_is_a_problem(tmp_path):
    (tmp_path / "x").write_text("")
    assert "cannot be read: Not a directory" in complaints(read_policy_files, tmp_path / "x")[0]


def test_every_missing_file_is_told(tmp_path):
    folder = a_folder(tmp_path, "zones.yaml", "policy.yaml")
    assert complaints(read_policy_files, folder) == [
        "repos.yaml:1: there is no such file",
        "invariants.yaml:1: there is no such file",
    ]


def test_adv_63_a_file_that_nothing_reads_is_a_problem(tmp_path):
    folder = a_folder(tmp_path, *POLICY, "invariant.yaml", "policy.yml", "extra.json", "notes.md")
    (folder / "cases").mkdir()
    found = complaints(read_policy_files, folder)
    assert [problem.partition(":")[0] for problem in found] == [
        "extra.json",
        "invariant.yaml",
        "policy.yml",
    ]
    assert "did you mean `invariants.yaml`?" in found[1]


def test_problems_of_all_files_are_told_at_once(tmp_path):
    folder = a_folder(tmp_path, *MODELS)
    (folder / "catalog.yaml").write_text("a: 012\na: 1\n")
    (folder / "tasks.yaml").write_text("plan: *x\n")
    found = complaints(read_models_files, folder)
    assert [problem.partition(": ")[0] for problem in found] == [
        "catalog.yaml:1",
        "catalog.yaml:2",
        "tasks.yaml:1",
    ]


def test_cases_come_in_the_order_of_their_names(tmp_path):
    folder = a_folder(tmp_path, "b.yaml", "a.yaml", ".c.yaml.swp")
    assert [Path(document.file).name for document in read_case_files(folder)] == [
        "a.yaml",
        "b.yaml",
    ]


def test_a_policy_without_a_folder_of_cases_has_none(tmp_path):
    assert read_case_files(tmp_path / "cases") == []


def test_cases_that_cannot_be_read_and_strangers_are_told(tmp_path):
    folder = a_folder(tmp_path, "a.yaml", "b.yml")
    (folder / "a.yaml").write_text("a: !x 1\n")
    assert len(complaints(read_case_files, folder)) == 2


def test_the_number_of_case_files_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "CASE_FILES_MAX", 2)
    folder = a_folder(tmp_path, "a.yaml", "b.yaml", "c.yaml")
    assert "more than 2 files" in complaints(read_case_files, folder)[0]


def version_problems(value, *, required: bool = True) -> tuple[object, list[str]]:
    problems: list[Problem] = []
    found = check_version(Document("f", value, {"/version": 3}), problems, required=required)
    return found.value, [str(problem) for problem in problems]


def test_the_version_is_taken_off():
    assert version_problems({"version": 1, "a": 2}) == ({"a": 2}, [])


def test_a_missing_version_is_a_problem_unless_it_may_be_left_out():
    assert version_problems({"a": 2})[1] == ["f:1: `version` is missing (write version: 1)"]
    assert version_problems({"a": 2}, required=False) == ({"a": 2}, [])


def test_a_newer_version_says_so():
    (problem,) = version_problems({"version": 2})[1]
    assert problem == "f:3: /version: version 2 is newer than this release (this release reads 1)"


@pytest.mark.parametrize("version", [0, -1, True, "1", 1.0, None, [1]])
def test_anything_else_is_no_version(version):
    assert "must be the whole number 1" in version_problems({"version": version})[1][0]


@pytest.mark.parametrize("value", [[], "x", 1, None])
def test_a_file_that_is_no_map_has_no_version(value):
    assert "must be a map" in version_problems(value, required=False)[1][0]
