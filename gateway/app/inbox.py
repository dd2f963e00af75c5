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


class Answer(Struct, frozen=True):
    """What became of a file of the inbox."""

    taken: bool
    why: str = ""
    streams_cut: int = 0


def waiting(folder: Path) -> list[Path]:
    """Return what waits in the inbox, the oldest first; an absent folder holds nothing."""
    try:
        found = sorted(folder.glob("*.json"))
        return list(islice((one for one in found if stat.S_ISREG(one.lstat().st_mode)), FILES_MAX))
    except OSError:
        return []


def read(path: Path) -> bytes:
    """Return the bytes of a file, one more than may be; none where it cannot be read."""
    try:
        # WHY: whoever writes here may put a link or a pipe in place of the file that was seen.
        with open(path, "rb", opener=_no_link) as file:
            return file.read(APPROVAL_BYTES_MAX + 1) or b""
    except OSError:
        return b""


def answer(path: Path, said: Answer) -> bool:
    """Say beside the file what became of it, and take the file away; is it gone?"""
    with suppress(OSError):
        # INVARIANT: nothing is written through what lies here: a fresh file takes its place.
        fresh = path.with_suffix(FRESH)
        fresh.unlink(missing_ok=True)
        with fresh.open("xb") as file:
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


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
