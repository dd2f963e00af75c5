"""A Dockerfile as a builder reads it: stages, instructions, and what of the context it may see."""

import fnmatch
import os
import re
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

_FIRST_STAGE = ""
_BUILD_S_MAX = 120
# An image keeps its bytecode beside what it was made of.
_OUTSIDE = "PYTHONPYCACHEPREFIX"


class Instruction(Struct, frozen=True):
    """One instruction with its lines joined; `stage` is the name of its stage or its number."""

    stage: str
    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """Its arguments without flags, of an instruction that is not in exec form."""
        return [word for word in self.rest.split() if not word.startswith("--")]


def read(path: Path) -> list[Instruction]:
    """Every instruction in order; comments are left out, continued lines are joined."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found: list[Instruction] = []
    stage, stages = _FIRST_STAGE, 0
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            named = re.search(r" AS (\S+)$", rest)
            stage = named[1] if named else str(stages)
            stages += 1
        found.append(Instruction(stage, word, rest.strip()))
    return found


def arguments(instructions: list[Instruction]) -> dict[str, str]:
    """The build arguments with their defaults, those that name others put in."""
    found: dict[str, str] = {}
    for one in instructions:
        if one.word == "ARG":
            name, _, default = one.rest.partition("=")
            found[name] = re.sub(r"\$\{(\w+)\}", lambda m: found[m[1]], default)
    return found


def is_in_context(path: str, ignore: Path) -> bool:
    """Does the ignore file let this path through? The last rule that fits decides."""
    seen = True
    for line in ignore.read_text().splitlines():
        rule = line.strip()
        if rule and not rule.startswith("#"):
            pattern = rule.removeprefix("!")
            if pattern == "*" or _fits(path, pattern):
                seen = rule.startswith("!")
    return seen


def build(instructions: list[Instruction], stage: str, context: Path, root: Path) -> list[str]:
    """Do what a stage does, with every absolute path below `root`; return the commands that ran."""
    here = root
    ran: list[str] = []
    for one in instructions:
        if one.stage != stage:
            continue
        if one.word == "WORKDIR":
            here = root / one.rest.lstrip("/")
            here.mkdir(parents=True)
        elif one.word == "COPY":
            _copy(one.words, context, here)
        elif one.word == "RUN":
            command = re.sub(r"(?<![\w.])/opt/", f"{root}/opt/", one.rest)
            subprocess.run(
                ["/bin/sh", "-euc", command],
                cwd=here,
                env={name: value for name, value in os.environ.items() if name != _OUTSIDE},
                check=True,
                timeout=_BUILD_S_MAX,
            )
            ran.append(one.rest)
    return ran


def _copy(words: list[str], context: Path, here: Path) -> None:
    *sources, target = words
    for source in sources:
        place = context / source
        if place.is_dir():
            shutil.copytree(place, here / target, dirs_exist_ok=True)
        else:
            (here / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(place, here / target)


def _fits(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))
