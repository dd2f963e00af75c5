r"""Paths that tools are called with, and patterns of them.

A path is a tuple of names: `\` is `/`, `.` and empty names fall away, `..` takes the name before it
along; case is kept, and nothing is decoded. A pattern covers a path and all below it: `*` stands
for any text within a name, `?` for one character, `**` for any number of names. It may begin at
any name of a path; with `/` before it, at the first alone.
"""

from msgspec import Struct

# WHY: no system opens a longer one.
PATH_CHARS_MAX = 4_096
STEPS_MAX = 256
GLOB_STEPS_MAX = 16
ANYWHERE = "**"
_FILE_URL = "file://"


class PathGlob(Struct, frozen=True):
    """A pattern as it is written, its names, and those of them without a sign."""

    text: str
    steps: tuple[str, ...]
    plain: frozenset[str]


def steps_of(path: str) -> tuple[str, ...]:
    """Return the names of a path."""
    steps: list[str] = []
    for step in path.removeprefix(_FILE_URL).replace("\\", "/").split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    return tuple(steps)


def glob_of(text: str) -> PathGlob:
    """Return the pattern; ValueError says why a text is none."""
    if len(text) > PATH_CHARS_MAX or not text.isprintable():
        raise ValueError("longer than a path may be, or not printable")
    if "\\" in text:
        raise ValueError("write / between names")
    steps = tuple(step for step in text.split("/") if step)
    if ".." in steps or "." in steps:
        raise ValueError("a pattern goes down only")
    if any(ANYWHERE in step and step != ANYWHERE for step in steps):
        raise ValueError("`**` stands for whole names")
    if all(step in ("*", ANYWHERE) for step in steps):
        raise ValueError("a pattern has at least one name")
    if len(steps) > GLOB_STEPS_MAX:
        raise ValueError(f"more than {GLOB_STEPS_MAX} names")
    wanted = steps if text.startswith("/") else (ANYWHERE, *steps)
    return PathGlob(text, wanted, frozenset(step for step in steps if not _has_sign(step)))


def covers(glob: PathGlob, steps: tuple[str, ...]) -> bool:
    """Does the pattern cover the path with these names?"""
    if not glob.plain.issubset(steps):
        return False
    # `reached` holds how many names of the pattern may be behind us.
    reached = _passed(glob.steps, {0})
    for step in steps:
        if len(glob.steps) in reached:
            return True
        after = {at for at in reached if glob.steps[at] == ANYWHERE}
        after |= {at + 1 for at in reached if _fits(glob.steps[at], step)}
        reached = _passed(glob.steps, after)
    return len(glob.steps) in reached


def _passed(wanted: tuple[str, ...], reached: set[int]) -> set[int]:
    """Return these places, and those behind a `**`, which stands for no name as well."""
    found = set(reached)
    for at, step in enumerate(wanted):
        if at in found and step == ANYWHERE:
            found.add(at + 1)
    return found


def _has_sign(step: str) -> bool:
    return "*" in step or "?" in step


def _fits(wanted: str, name: str) -> bool:
    """Does one name of a pattern stand for that name? In time that grows with both."""
    if wanted == ANYWHERE:
        return False
    if not _has_sign(wanted):
        return wanted == name
    at = place = 0
    star, kept = -1, 0
    while place < len(name):
        if at < len(wanted) and wanted[at] == "*":
            star, kept = at, place
            at += 1
        elif at < len(wanted) and wanted[at] in ("?", name[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            kept += 1
            at, place = star + 1, kept
        else:
            return False
    return not wanted[at:].strip("*")
