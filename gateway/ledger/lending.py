"""A ledger's folder that a group of the machine may read: the evidence, and nothing else.

What is lent is named here, by folder and name; whatever else lies in the folder stays ours alone.
The lock is never lent: whoever can open it can hold it, and no gateway would start.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from grp import getgrnam
from pathlib import Path

from gateway.domain.errors import LedgerUnavailable
from gateway.ledger.cosigned import FOLDER as COSIGNED
from gateway.ledger.files import Files
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.pruning import LAST, LEAVES
from gateway.ledger.shards import shards

FOLDER_MODE, FILE_MODE = 0o2750, 0o640
OUR_FOLDER_MODE, OUR_FILE_MODE = 0o700, 0o600
# WHY: whoever asks puts a file there, sees no name of another's, and takes none away.
QUERIES_MODE = 0o3730
_SQLITE = ("", "-wal", "-shm")


class LentFiles(Files):
    """The disk, where a group may read what is written into the folder of a ledger."""

    def __init__(self, root: Path, group: int) -> None:
        self.root = root
        self.group = group

    def create(self, path: Path) -> int:
        """Make a new file, readable by us and the group, and open it for writing."""
        descriptor = super().create(path)
        if path.is_relative_to(self.root):
            try:
                _set(descriptor, self.group, FILE_MODE)
            except OSError:
                self.close(descriptor)
                raise
        return descriptor

    def make_folder(self, path: Path) -> None:
        """Make a folder if it is not there, for us and the group."""
        super().make_folder(path)
        if path.is_relative_to(self.root):
            with _opened(path) as descriptor:
                _set(descriptor, self.group, FOLDER_MODE)


def files_for(root: Path, readers: str | None) -> Files:
    """Return the disk for a ledger that this group may read, or nobody; LedgerUnavailable."""
    if readers is None:
        return Files()
    try:
        return LentFiles(root, getgrnam(readers).gr_gid)
    except KeyError:
        raise LedgerUnavailable("there is no such group of readers", hint=readers) from None


def lend(folder: LedgerFolder, files: Files) -> None:
    """Open what is there to the group of these files, or close it again where there is none.

    LedgerUnavailable when we may not: we must own it, and belong to the group.
    """
    try:
        if isinstance(files, LentFiles):
            Files().make_folder(folder.queries)
            _settle(folder, files.group)
        elif is_lent(folder.root):
            _settle(folder, None)
    except OSError as error:
        hint = f"{error.strerror}; this user must own the folder and belong to the group"
        raise LedgerUnavailable("the ledger cannot be opened to its readers", hint=hint) from None


def is_lent(folder: Path) -> bool:
    """May a group read this folder, as `lend` lets it?"""
    return stat.S_IMODE(folder.stat().st_mode) == FOLDER_MODE


def _settle(folder: LedgerFolder, group: int | None) -> None:
    lent = group is not None
    for path in _things(folder):
        with _opened(path) as descriptor:
            is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            if is_folder:
                mode = FOLDER_MODE if lent else OUR_FOLDER_MODE
            else:
                mode = FILE_MODE if lent else OUR_FILE_MODE
            _set(descriptor, group, mode)
    if folder.queries.is_dir():
        with _opened(folder.queries) as descriptor:
            _set(descriptor, group, QUERIES_MODE if lent else OUR_FOLDER_MODE)
    # WHY: the way in is opened last, and what is new in it has its mode by then.
    with _opened(folder.root) as descriptor:
        _set(descriptor, group, FOLDER_MODE if lent else OUR_FOLDER_MODE)


def _things(folder: LedgerFolder) -> Iterator[Path]:
    """Yield every file and folder of all shards that belongs to the evidence, and is there."""
    for shard in shards(folder):
        if shard != folder:
            yield shard.root
        folders = (shard.journal, shard.documents, shard.blobs, shard.root / COSIGNED)
        for one in folders:
            if one.is_dir() and not one.is_symlink():
                yield one
                yield from (path for path in one.iterdir() if _is_ours(path))
        named = (shard.origin, shard.vkey, shard.checkpoint)
        kept = (shard.root / LEAVES, shard.root / LAST)
        indexes = (
            path.with_name(path.name + end)
            for path in (shard.index, shard.facts)
            for end in _SQLITE
        )
        yield from (path for path in (*named, *kept, *indexes) if _is_ours(path))
    if folder.shards.is_dir():
        yield folder.shards


def _is_ours(path: Path) -> bool:
    """Is this a plain file? A link might lead to a key."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _set(descriptor: int, group: int | None, mode: int) -> None:
    """Set group and mode where they differ. WHY: a change of the group takes away setgid."""
    found = os.fstat(descriptor)
    if group is not None and found.st_gid != group:
        os.fchown(descriptor, -1, group)
    if group is not None or stat.S_IMODE(found.st_mode) != mode:
        os.fchmod(descriptor, mode)
