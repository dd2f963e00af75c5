r"""Folders of people's machines, and patterns of them.

A pattern covers a folder and all below it. `*` stands for one name, `**` at the beginning for any
number of them. Case does not count, and `\` is `/`.
"""

ANY_NAME = "*"
ANYWHERE = "**"


def steps_of(folder: str) -> tuple[str, ...]:
    """Return the names of a folder from the root on, without `.` and `..`."""
    steps: list[str] = []
    for step in folder.replace("\\", "/").casefold().split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    return tuple(steps)


def covers(pattern: str, steps: tuple[str, ...]) -> bool:
    """Does the pattern cover the folder with these names?"""
    wanted = steps_of(pattern)
    if wanted[:1] != (ANYWHERE,):
        return _begins(wanted, steps)
    return any(_begins(wanted[1:], steps[at:]) for at in range(len(steps)))


def fault_of(pattern: str) -> str:
    """Return why a text is no pattern; empty when it is one."""
    steps = steps_of(pattern)
    names = [step for step in steps if step not in (ANY_NAME, ANYWHERE)]
    if any(ANY_NAME in name for name in names):
        return "`*` stands for a whole name"
    if ANYWHERE in steps[1:]:
        return "`**` stands at the beginning"
    if ".." in pattern.replace("\\", "/").split("/"):
        return "a pattern goes down only"
    return "" if names else "a pattern has at least one name"


def _begins(wanted: tuple[str, ...], steps: tuple[str, ...]) -> bool:
    if len(steps) < len(wanted):
        return False
    return all(name in (ANY_NAME, step) for name, step in zip(wanted, steps, strict=False))
