"""The paths with which a request's tools are called, held against the patterns that rules ask for.

INVARIANT: what is over a bound, or cannot be read, counts as every pattern: nobody could look.
Only hits are told: a path may name a person.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from gateway.classification.tool_calls import calls_in, is_map, parts_of, results_in
from gateway.domain.enclosed import held_in
from gateway.domain.path_glob import PATH_CHARS_MAX, STEPS_MAX, PathGlob, covers, steps_of
from gateway.domain.request import Body

PATHS_MAX = 16_384
CHARS_MAX = 1024 * 1024
DEPTH_MAX = 16
# What these say of a call is a path as a whole, spaces included.
_PATHS = frozenset(
    {
        "path",
        "paths",
        "file",
        "files",
        "filepath",
        "filepaths",
        "filename",
        "filenames",
        "absolutepath",
        "relativepath",
        "dir",
        "directory",
        "folder",
        "root",
        "cwd",
        "workdir",
        "workingdirectory",
        "workspace",
        "notebookpath",
        "targetfile",
        "source",
        "destination",
        "src",
        "dst",
        "oldpath",
        "newpath",
        "uri",
        "glob",
        "include",
    }
)
_FOLDERS = frozenset({"cwd", "workdir", "workingdirectory"})
# What these hold is written into a file, or looked for in one: words, and no paths.
_CONTENTS = frozenset(
    {
        "content",
        "contents",
        "filetext",
        "newstring",
        "oldstring",
        "newstr",
        "oldstr",
        "newsource",
        "text",
    }
)
_WORDS = re.compile(r"""[^\s"'`;|&()<>=,:]+""")
_QUOTED = re.compile(r'"([^"\n]*[/\\][^"\n]*)"' + r"|'([^'\n]*[/\\][^'\n]*)'")
_Told = tuple[str, str]


class _TooMuchError(Exception):
    """More than is looked at."""


def paths_hit(body: Body, globs: Collection[PathGlob]) -> frozenset[str]:
    """Return the patterns that cover a path of a tool call, or of what a tool answered in fields.

    Whatever the form of the body, this is no error.
    """
    if not globs:
        return frozenset()
    try:
        paths = _paths(body)
    except (_TooMuchError, RecursionError):
        return frozenset(glob.text for glob in globs)
    names = frozenset[str]().union(*paths)
    return frozenset(
        glob.text
        for glob in globs
        if glob.plain <= names and any(covers(glob, path) for path in paths)
    )


def _paths(body: Body) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    chars = 0
    for said in (body, *held_in(body)):
        for part in parts_of(said):
            for value, answers in _values(part):
                told = list(_told(value, answers=answers))
                chars += sum(len(text) for _, text in told)
                if chars > CHARS_MAX:
                    raise _TooMuchError
                found |= _steps(told, answers=answers)
                if len(found) > PATHS_MAX:
                    raise _TooMuchError
    return found


def _values(part: Any) -> Iterator[tuple[Any, bool]]:  # noqa: ANN401 - a part of any form
    """Yield what tools are called with, and what they answered."""
    for _, arguments in calls_in(part, Counter()):
        yield _opened(arguments), False
    for _, content in results_in(part, Counter()):
        yield _opened(content), True


def _opened(value: Any) -> Any:  # noqa: ANN401 - JSON of any form
    """Return what stands in JSON; any other text as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    if len(value) > CHARS_MAX:
        raise _TooMuchError
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError):
        return value


def _told(value: Any, *, answers: bool, key: str = "", depth: int = DEPTH_MAX) -> Iterator[_Told]:  # noqa: ANN401
    """Yield every text that may hold a path, under the last name above it."""
    if isinstance(value, str):
        # WHY: what a tool answers in words is a file or a listing; the detectors read that.
        if key in _PATHS or not (answers or key in _CONTENTS):
            yield key, value
        return
    if not depth:
        raise _TooMuchError
    for name, inner in _members(value, key):
        yield from _told(inner, answers=answers, key=name, depth=depth - 1)
    if is_map(value) and key in _PATHS:
        yield from ((key, name) for name in value)


def _members(value: Any, key: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield what stands in a value, each under its name; what is in a list has that of the list."""
    if is_map(value):
        for name, inner in value.items():
            yield name.casefold().replace("_", "").replace("-", ""), inner
    elif isinstance(value, list):
        yield from ((key, inner) for inner in value)


def _steps(told: list[_Told], *, answers: bool) -> set[tuple[str, ...]]:
    """Return the paths of one call; what is said from its folder on is told from there as well."""
    found = {_bounded(path) for key, text in told for path in _written(key, text)}
    folders = [_bounded(text) for key, text in told if key in _FOLDERS and not answers]
    return found | {(*folder, *path) for folder in folders[:1] for path in found}


def _written(key: str, text: str) -> Iterator[str]:
    """Yield the paths in a text: each line of it, or each word that could be one."""
    if key in _PATHS:
        yield from map(str.strip, text.splitlines())
        return
    for quoted in _QUOTED.finditer(text):
        yield quoted[1] or quoted[2]
    for word in _WORDS.finditer(text):
        yield word[0]


def _bounded(path: str) -> tuple[str, ...]:
    """Return the names of a path; none of what is too long to be one."""
    if len(path) > PATH_CHARS_MAX:
        return ()
    steps = steps_of(path)
    if len(steps) > STEPS_MAX:
        raise _TooMuchError
    return steps
