"""Dictionaries on disk: read whole at the start, or the start fails."""

from pathlib import Path

from gateway.classification.detectors.dictionary import (
    FILE_BYTES_MAX,
    Dictionary,
    DictionaryError,
    read_dictionary,
)
from gateway.domain.errors import ConfigError, Problem

FILES_MAX = 64
SUFFIX = ".json"


def load_dictionaries(folder: Path | None, key: bytes) -> tuple[Dictionary, ...]:
    """Return every dictionary of the folder by file name; ConfigError with all that is wrong.

    INVARIANT: a dictionary that cannot be used is a problem, never one dictionary fewer.
    """
    if folder is None:
        return ()
    found: list[Dictionary] = []
    problems: list[Problem] = []
    try:
        files = sorted(one for one in folder.iterdir() if one.suffix == SUFFIX)
    except OSError as error:
        raise ConfigError((_problem(folder, error.strerror or "cannot be read"),)) from None
    if len(files) > FILES_MAX:
        problems.append(_problem(folder, f"more than {FILES_MAX} dictionaries"))
    for file in files[:FILES_MAX]:
        try:
            found.append(read_dictionary(_content(file), key))
        except (OSError, DictionaryError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            problems.append(_problem(file, why or "cannot be read"))
    if len({one.name for one in found}) != len(found):
        problems.append(_problem(folder, "two dictionaries have one name"))
    if problems:
        raise ConfigError(tuple(problems))
    return tuple(found)


def dictionary_names(folder: Path | None) -> frozenset[str]:
    """Return the names by which dictionaries there are found, without reading them."""
    if folder is None or not folder.is_dir():
        return frozenset()
    return frozenset(one.stem for one in folder.iterdir() if one.suffix == SUFFIX)


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(FILE_BYTES_MAX + 1)


def _problem(place: Path, what: str) -> Problem:
    return Problem(str(place), 1, "", what)
