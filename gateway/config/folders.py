"""The folders of configuration: which files belong there, all read at once."""

from collections.abc import Iterable
from pathlib import Path

from gateway.config.files import load
from gateway.config.nearest import guess
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, Problem

POLICY_FILES = ("policy", "zones", "repos", "invariants")
MODELS_FILES = ("catalog", "backends", "tasks")
APPROVAL = "approval.json"
CASE_FILES_MAX = 500
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


def read_policy_files(folder: Path) -> dict[str, Document]:
    """Return the documents of one policy by name: policy, zones, repos, invariants."""
    return _read_named(folder, POLICY_FILES)


def read_models_files(folder: Path) -> dict[str, Document]:
    """Return the documents of the fleet by name: catalog, backends, tasks."""
    return _read_named(folder, MODELS_FILES)


def read_case_files(folder: Path) -> list[Document]:
    """Return the case files of `<policy>/cases`, by name; an absent folder has none."""
    if not folder.exists():
        return []
    files = sorted(path for path in _listed(folder) if path.suffix == ".yaml")
    if len(files) > CASE_FILES_MAX:
        raise ConfigError((Problem(str(folder), 1, "", f"more than {CASE_FILES_MAX} files"),))
    documents, problems = _load_all(files)
    problems += _strangers(folder, [path.name for path in files])
    if problems:
        raise ConfigError(tuple(problems))
    return documents


def _read_named(folder: Path, names: tuple[str, ...]) -> dict[str, Document]:
    """Read exactly these files of a folder.

    A missing file is a problem, and so is any other YAML file: it would be read by nobody.
    """
    if not _listed(folder):
        raise ConfigError((Problem(str(folder), 1, "", "the folder is empty"),))
    documents, problems = _load_all(folder / f"{name}.yaml" for name in names)
    problems += _strangers(folder, [f"{name}.yaml" for name in names])
    if problems:
        raise ConfigError(tuple(problems))
    return dict(zip(names, documents, strict=True))


def _load_all(paths: Iterable[Path]) -> tuple[list[Document], list[Problem]]:
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            documents.append(load(path))
        except ConfigError as error:
            problems += error.problems
    return documents, problems


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        reason = error.strerror or "unknown error"
        problem = Problem(str(folder), 1, "", f"the folder cannot be read: {reason}")
        raise ConfigError((problem,)) from None


def _strangers(folder: Path, known: list[str]) -> list[Problem]:
    return [
        Problem(str(path), 1, "", "nothing reads this file", guess(path.name, known))
        for path in _listed(folder)
        if path.suffix in _SUFFIXES and path.name not in {*known, APPROVAL}
    ]
