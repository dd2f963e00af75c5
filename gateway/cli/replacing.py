"""A file that a command changes: replaced in one step, once the new text can be read."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from gateway.domain.errors import ConfigError, Problem


def replace_text(path: Path, text: str, mode: int, read: Callable[[Path], object]) -> None:
    """Replace the file; ConfigError when `read` refuses the new one, or it cannot be written."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(mode)
        read(fresh)
        fresh.replace(path)
    except ConfigError:
        fresh.unlink()
        raise
    except OSError as error:
        fresh.unlink(missing_ok=True)
        what = f"cannot be written: {error.strerror}"
        raise ConfigError((Problem(str(path), 1, "", what),)) from None
