"""Opens files of a folder that somebody else may have filled: only plain files, only so much."""

import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotPlain(OSError):
    """The file is a pipe, a device or a folder, or larger than it may be."""


def open_plain(path: Path) -> BinaryIO:
    """Open a regular file for reading; OSError.

    A pipe is opened without waiting for somebody to write into it, and then refused.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotPlain("not a plain file")
    return os.fdopen(descriptor, "rb")


def read_plain(path: Path, bytes_max: int) -> bytes:
    """Return the bytes of a regular file that has at most so many; OSError."""
    with open_plain(path) as file:
        data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise NotPlain("larger than it may be")
    return data
