"""Every write of the ledger to the disk, in one place, so that a test can fail each of them."""

import fcntl
import os
import shutil
from pathlib import Path

_PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700
# WHY: fdatasync writes the data and the length of a file, all that an append needs.
_sync = getattr(os, "fdatasync", os.fsync)


class Files:
    """The disk. Every method raises OSError; a descriptor is an int."""

    def create(self, path: Path) -> int:
        """Make a new file, readable by us alone, and open it for writing."""
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _PRIVATE)

    def reopen(self, path: Path) -> int:
        """Open an existing file for writing."""
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of the data at the current position."""
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def seek(self, descriptor: int, offset: int) -> None:
        """Set the current position."""
        os.lseek(descriptor, offset, os.SEEK_SET)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file to that size."""
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Return when the data is on the disk."""
        _sync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close it."""
        os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Put one file in the place of another, at once."""
        source.replace(target)

    def make_folder(self, path: Path) -> None:
        """Make a folder if it is not there, for us alone."""
        path.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)

    def discard(self, folder: Path) -> None:
        """Remove a folder with all that is in it, if it is there."""
        if folder.exists():
            shutil.rmtree(folder)

    def remove(self, path: Path) -> None:
        """Remove a file if it is there."""
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Return when the names in the folder are on the disk."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lock(self, path: Path) -> int:
        """Take the lock that only one process can hold; BlockingIOError when another has it."""
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _PRIVATE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def publish(self, path: Path, data: bytes) -> None:
        """Replace a file so that a reader sees the old bytes or the new, and both survive."""
        fresh = path.with_name(path.name + ".new")
        self.remove(fresh)
        descriptor = self.create(fresh)
        try:
            self.write(descriptor, data)
            self.sync(descriptor)
        finally:
            self.close(descriptor)
        self.rename(fresh, path)
        self.sync_folder(path.parent)

    def rewrite(self, path: Path, offset: int, data: bytes) -> None:
        """Write data at that place, end the file there, and return when that is on the disk."""
        descriptor = self.reopen(path)
        try:
            self.seek(descriptor, offset)
            self.write(descriptor, data)
            self.truncate(descriptor, offset + len(data))
            self.sync(descriptor)
        finally:
            self.close(descriptor)
