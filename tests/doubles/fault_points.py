"""Disks and stores that fail at one step of everything that is done with them."""

import errno
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.ledger import checkpoints
from gateway.ledger.files import Files

CODES = (errno.EIO, errno.ENOSPC, errno.EROFS)
FOR_EVER = 1_000_000


class _Steps:
    """Counts steps; the one of that number fails, and where `lasting` holds, every later one."""

    def __init__(self, at: int, *, lasting: bool = False) -> None:
        self.taken = 0
        self.at = at
        self.lasting = lasting

    def fails(self) -> bool:
        self.taken += 1
        return self.taken - 1 == self.at or (self.lasting and self.taken - 1 > self.at)


class FaultyFiles(Files):
    """Every operation is a step. A write that fails has written a half; a close has closed."""

    def __init__(self, at: int = FOR_EVER, code: int = errno.EIO, *, lasting: bool = False) -> None:
        self.steps = _Steps(at, lasting=lasting)
        self._code = code

    def _step(self) -> None:
        if self.steps.fails():
            raise OSError(self._code, "planted")

    def create(self, path: Path) -> int:
        self._step()
        return super().create(path)

    def reopen(self, path: Path) -> int:
        self._step()
        return super().reopen(path)

    def write(self, descriptor: int, data: bytes) -> None:
        half = len(data) // 2
        super().write(descriptor, data[:half])
        self._step()
        super().write(descriptor, data[half:])

    def seek(self, descriptor: int, offset: int) -> None:
        self._step()
        super().seek(descriptor, offset)

    def truncate(self, descriptor: int, size: int) -> None:
        self._step()
        super().truncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        self._step()
        super().sync(descriptor)

    def close(self, descriptor: int) -> None:
        super().close(descriptor)
        self._step()

    def make_folder(self, path: Path) -> None:
        self._step()
        super().make_folder(path)

    def discard(self, folder: Path) -> None:
        self._step()
        super().discard(folder)

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)

    def sync_folder(self, folder: Path) -> None:
        self._step()
        super().sync_folder(folder)

    def lock(self, path: Path) -> int:
        self._step()
        return super().lock(path)


class FaultyStore:
    """A connection to the checkpoint store of which one statement fails, before or after it ran."""

    def __init__(self, real: sqlite3.Connection, steps: _Steps, *, after: bool) -> None:
        self._real = real
        self._steps = steps
        self._after = after

    def _one(self, act: Callable[[], Any]) -> Any:
        fails = self._steps.fails()
        if fails and not self._after:
            raise sqlite3.OperationalError("disk I/O error")
        done = act()
        if fails:
            raise sqlite3.OperationalError("disk I/O error")
        return done

    def execute(self, *told: Any) -> Any:
        return self._one(lambda: self._real.execute(*told))

    def executemany(self, *told: Any) -> Any:
        return self._one(lambda: self._real.executemany(*told))

    def __enter__(self) -> "FaultyStore":
        self._real.__enter__()
        return self

    def __exit__(self, *told: Any) -> Any:
        # WHY: this is the commit, or the way back where a statement before it has failed.
        failing = self._steps.fails()
        if failing and not self._after and told[0] is None:
            error = sqlite3.OperationalError("disk I/O error")
            self._real.__exit__(type(error), error, None)
            raise error
        done = self._real.__exit__(*told)
        if failing and told[0] is None:
            raise sqlite3.OperationalError("disk I/O error")
        return done

    def close(self) -> None:
        self._real.close()


def store_that_fails(at: int, *, after: bool) -> tuple[Callable[..., Any], _Steps]:
    """Return what stands for `checkpoints._connect`, and the steps that are counted."""
    real, steps = checkpoints._connect, _Steps(at)
    return lambda path, mode: FaultyStore(real(path, mode), steps, after=after), steps
