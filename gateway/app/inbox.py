"""The folder into which people put approvals, and the answers beside them.

INVARIANT: whoever can write there gains nothing and stops nobody: no link is followed, and nothing
is written through what lies here.
"""

import os
import stat
from contextlib import suppress
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.identity.approvals import APPROVAL_BYTES_MAX

FILES_MAX = 64
ANSWER = ".answer"
FRESH = ".answering"
# WHY: whoever hands a statement in waits for seconds; a week is for those who look later.
ANSWERS_KEPT_S = 7 * 86_400
# How many names of a folder are looked at: who may write there must not fill the memory.
NAMES_MAX = 10_000
# WHY: in a folder into which several people write, an answer lies until its reader has it.
LENT_ANSWER = 0o640


class Answer(Struct, frozen=True):
    """What became of a file of the inbox."""

    taken: bool
    why: str = ""
    streams_cut: int = 0


def waiting(folder: Path) -> list[Path]:
    """Return what waits in the inbox, the oldest first; an absent folder holds nothing."""
    try:
        with os.scandir(folder) as listed:
            names = [one.name for one in islice(listed, NAMES_MAX) if one.name.endswith(".json")]
        found = (folder / name for name in sorted(names))
        return list(islice((one for one in found if _is_file(one)), FILES_MAX))
    except OSError:
        return []


def read(path: Path) -> bytes:
    """Return the bytes of a file, one more than may be; none where it cannot be read."""
    return read_owned(path)[0]


def read_owned(path: Path) -> tuple[bytes, int]:
    """Return the bytes of a file as `read` does, and whose it is; nobody's is -1."""
    try:
        # WHY: whoever writes here may put a link or a pipe in place of the file that was seen.
        with open(path, "rb", opener=_no_link) as file:
            found = os.fstat(file.fileno())
            # INVARIANT: a file of somebody else's, under a second name, speaks for nobody.
            owner = found.st_uid if found.st_nlink == 1 else -1
            return file.read(APPROVAL_BYTES_MAX + 1) or b"", owner
    except OSError:
        return b"", -1


def answer(path: Path, said: Answer) -> bool:
    """Say beside the file what became of it, and take the file away; is it gone?"""
    with suppress(OSError):
        # INVARIANT: nothing is written through what lies here: a fresh file takes its place.
        fresh = path.with_suffix(FRESH)
        fresh.unlink(missing_ok=True)
        with fresh.open("xb") as file:
            if path.parent.stat().st_mode & stat.S_ISVTX:
                os.fchmod(file.fileno(), LENT_ANSWER)
            file.write(msgspec.json.encode(said))
        fresh.replace(path.with_suffix(ANSWER))
    with suppress(OSError):
        path.unlink()
        return True
    return False


def sweep(folder: Path, now_s: float) -> None:
    """Take away the answers that nobody has fetched in ANSWERS_KEPT_S."""
    with suppress(OSError):
        for path in (*folder.glob(f"*{ANSWER}"), *folder.glob(f"*{FRESH}")):
            with suppress(OSError):
                if path.lstat().st_mtime < now_s - ANSWERS_KEPT_S:
                    path.unlink()


def clear(folder: Path, before_s: float, count_max: int) -> None:
    """Take away what lies there since before that time, whatever it is, and what is too much."""
    with suppress(OSError), os.scandir(folder) as listed:
        for number, one in enumerate(islice(listed, NAMES_MAX)):
            with suppress(OSError):
                # WHY: its owner can set any time of a file but this one.
                if number < count_max and one.stat(follow_symlinks=False).st_ctime >= before_s:
                    continue
                take_away = Path.rmdir if one.is_dir(follow_symlinks=False) else Path.unlink
                take_away(folder / one.name)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
