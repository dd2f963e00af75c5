"""Disks that are watched, that fail, and that lose their power; each writes real files."""

import errno
from collections.abc import Callable
from pathlib import Path

from gateway.ledger.files import Files


class TracedFiles(Files):
    """Notes every operation; `hold_sync` makes each sync wait until it is let go."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.before_sync: Callable[[], None] = lambda: None

    def create(self, path: Path) -> int:
        self.trace.append(f"create {path.name}")
        return super().create(path)

    def write(self, descriptor: int, data: bytes) -> None:
        self.trace.append("write")
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self.trace.append("sync begins")
        self.before_sync()
        super().sync(descriptor)
        self.trace.append("synced")

    def rename(self, source: Path, target: Path) -> None:
        self.trace.append(f"rename {target.name}")
        super().rename(source, target)

    def sync_folder(self, folder: Path) -> None:
        self.trace.append(f"sync folder {folder.name}")
        super().sync_folder(folder)


class FailingFiles(Files):
    """Fails the named operations while `failing` holds them; a write fails after a part of it."""

    def __init__(self, code: int = errno.EIO) -> None:
        self.failing: set[str] = set()
        self.failed = 0
        self._code = code

    def _may(self, operation: str) -> None:
        if operation in self.failing:
            self.failed += 1
            raise OSError(self._code, "planted")

    def create(self, path: Path) -> int:
        self._may("create")
        return super().create(path)

    def reopen(self, path: Path) -> int:
        self._may("reopen")
        return super().reopen(path)

    def write(self, descriptor: int, data: bytes) -> None:
        if "write" in self.failing:
            super().write(descriptor, data[: len(data) // 2])
        self._may("write")
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self._may("sync")
        super().sync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        self._may("truncate")
        super().truncate(descriptor, size)

    def close(self, descriptor: int) -> None:
        super().close(descriptor)
        self._may("close")

    def rename(self, source: Path, target: Path) -> None:
        self._may("rename")
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._may("remove")
        super().remove(path)

    def sync_folder(self, folder: Path) -> None:
        self._may("sync_folder")
        super().sync_folder(folder)


class Killed(BaseException):
    """The process was killed here."""


SURVIVALS = ("nothing", "half", "zeros", "hole", "everything")


class MortalFiles(Files):
    """Dies at one step: that operation and every later one raise `Killed`.

    `lose_power` then leaves on the disk what a power cut may leave of all that was not synced:
    nothing, the first half, zeros, a hole with the second half behind it, or everything.
    """

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.steps = 0
        self._open: dict[int, Path] = {}
        self._synced: dict[Path, int] = {}
        self._unnamed: dict[Path, bytes | None] = {}
        self._moved: dict[Path, Path] = {}
        self._renamed: dict[Path, Path] = {}

    def _step(self) -> None:
        self.steps += 1
        self.left -= 1
        if self.left < 0:
            raise Killed

    def create(self, path: Path) -> int:
        self._step()
        descriptor = super().create(path)
        self._open[descriptor] = path
        self._synced[path] = 0
        self._unnamed.setdefault(path, None)
        return descriptor

    def reopen(self, path: Path) -> int:
        self._step()
        descriptor = super().reopen(path)
        self._open[descriptor] = path
        self._synced.setdefault(path, path.stat().st_size)
        return descriptor

    def write(self, descriptor: int, data: bytes) -> None:
        half = len(data) // 2
        self._step()
        super().write(descriptor, data[:half])
        self._step()
        super().write(descriptor, data[half:])

    def truncate(self, descriptor: int, size: int) -> None:
        self._step()
        super().truncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        self._step()
        super().sync(descriptor)
        path = self._open[descriptor]
        self._synced[path] = path.stat().st_size
        self._step()

    def close(self, descriptor: int) -> None:
        self._open.pop(descriptor, None)
        super().close(descriptor)

    def lock(self, path: Path) -> int:
        self._step()
        descriptor = super().lock(path)
        self._open[descriptor] = path
        return descriptor

    def make_folder(self, path: Path) -> None:
        self._step()
        super().make_folder(path)

    def discard(self, folder: Path) -> None:
        self._step()
        super().discard(folder)

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        if source.is_dir():
            self._rename_folder(source, target)
            return
        old = target.read_bytes() if target.exists() else None
        whole = source.stat().st_size
        super().rename(source, target)
        # WHY: what an earlier life has written is on the disk.
        self._synced[target] = self._synced.pop(source, whole)
        if source in self._unnamed:
            del self._unnamed[source]
        else:
            # WHY: a rename that is lost leaves the file under its old name.
            self._renamed[target] = source
        self._unnamed.setdefault(target, old)

    def _rename_folder(self, source: Path, target: Path) -> None:
        """A folder that was renamed is lost under its new name alone."""
        super().rename(source, target)
        self._moved[target] = source
        for known in (self._synced, self._unnamed):
            for path in [path for path in known if path.is_relative_to(source)]:
                known[target / path.relative_to(source)] = known.pop(path)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)

    def sync_folder(self, folder: Path) -> None:
        self._step()
        super().sync_folder(folder)
        for path in [path for path in self._moved if path.parent == folder]:
            del self._moved[path]
        for path in [path for path in self._unnamed if path.parent == folder]:
            del self._unnamed[path]

    def lose_power(self, survival: str) -> None:
        """Leave on the disk what a power cut may leave."""
        if survival == "everything":
            return
        for path, synced in self._synced.items():
            if path.exists() and path.stat().st_size > synced:
                data = path.read_bytes()
                path.write_bytes(data[:synced] + _survivor(data[synced:], survival))
        if survival == "nothing":
            self._lose_names()

    def _lose_names(self) -> None:
        for path, old in self._unnamed.items():
            if path in self._renamed and path.exists():
                path.rename(self._renamed[path])
            path.unlink(missing_ok=True)
            if old is not None:
                path.touch(0o600)
                path.write_bytes(old)
        for path, before in self._moved.items():
            path.rename(before)


def _survivor(unsynced: bytes, survival: str) -> bytes:
    half = len(unsynced) // 2
    if survival == "half":
        return unsynced[:half]
    if survival == "zeros":
        return bytes(len(unsynced))
    if survival == "hole":
        return bytes(half) + unsynced[half:]
    return b""
