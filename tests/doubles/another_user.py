"""What another user of this machine can do: a process of his, where we may make one."""

import os
import shutil
import stat
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from grp import getgrall
from pathlib import Path

from msgspec import Struct

GROUP = 61_000
OWNER, AUDITOR, STRANGER = 61_001, 61_002, 61_003


class User(Struct, frozen=True):
    """Somebody by number: he need not be known to this machine."""

    uid: int
    groups: tuple[int, ...] = ()


def is_root() -> bool:
    """Can processes of other users be made here? Not by a root that is the only user there is."""
    if os.getuid() != 0:
        return False
    spans = [
        list(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()
    ]
    return any(first <= GROUP and first + count > STRANGER for first, _, count in spans)


def a_group() -> tuple[str, int]:
    """Return a group that is not root's, to which we may give files."""
    mine = {os.getgid(), *os.getgroups()}
    known = [one for one in getgrall() if (is_root() and one.gr_gid != 0) or one.gr_gid in mine]
    return known[0].gr_name, known[0].gr_gid


def begun(user: User, act: Callable[[], int]) -> int:
    """Begin to do something as that user in a process of his own; return its id."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        os.setgroups(user.groups)
        os.setgid(user.uid)
        os.setuid(user.uid)
        code = act()
    except Exception:  # noqa: BLE001 - the parent sees the code, and the test its output
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(child: int) -> int:
    """Wait until a process has ended, and return its exit code."""
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def as_user(user: User, act: Callable[[], int]) -> int:
    """Do something as that user, and return what it returned."""
    return ended(begun(user, act))


@contextmanager
def a_place() -> Iterator[Path]:
    """A folder that everybody of the machine can go through and nobody else can write."""
    place = Path(tempfile.mkdtemp(prefix="perimeter-test-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def modes(root: Path) -> dict[str, int]:
    """Return the modes of everything below a folder, and of that itself, by relative path."""
    found = [root, *root.rglob("*")]
    return {str(one.relative_to(root)): stat.S_IMODE(one.lstat().st_mode) for one in found}


def readable_by_group(root: Path, gid: int) -> set[str]:
    """Return the files below a folder that a member of the group can read, by modes alone."""
    seen: set[str] = set()
    _look(root, root, gid, seen)
    return seen


def _look(root: Path, folder: Path, gid: int, seen: set[str]) -> None:
    for path in folder.iterdir():
        found = path.lstat()
        bits = found.st_mode >> 3 if found.st_gid == gid else found.st_mode
        if stat.S_ISDIR(found.st_mode) and bits & 0o1:
            _look(root, path, gid, seen)
        elif stat.S_ISREG(found.st_mode) and bits & 0o4:
            seen.add(str(path.relative_to(root)))


def read_by(user: User, root: Path, out: Path) -> set[str]:
    """Return the files below a folder that this user did read, in a process of his."""

    def act() -> int:
        names = []
        for folder, _, files in os.walk(root):
            for name in files:
                path = Path(folder) / name
                try:
                    path.open("rb").close()
                except OSError:
                    continue
                names.append(str(path.relative_to(root)))
        out.write_text("\n".join(names))
        return 0

    out.touch()
    os.chown(out, user.uid, user.uid)
    assert as_user(user, act) == 0
    return set(out.read_text().split())


def refused(acts: Sequence[Callable[[], object]]) -> Callable[[], int]:
    """Return what counts how many of these the system did not refuse."""

    def act() -> int:
        done = 0
        for one in acts:
            try:
                one()
            except PermissionError:
                continue
            done += 1
        return done

    return act
