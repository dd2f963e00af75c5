"""Secrets by reference: read once at start, typed at once, never told in a problem."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

from gateway.config.files import escape
from gateway.config.settings import SecretSource
from gateway.config.text import is_plain_ascii
from gateway.domain.document import Document
from gateway.domain.errors import Problem
from gateway.domain.secret import Secret

SECRET_BYTES_MAX = 16 * 1024


class _UnusableError(ValueError):
    """The secret cannot be used; the text never repeats any of it."""


def read_secrets(
    sources: Mapping[str, SecretSource],
    environment: Mapping[str, str],
    document: Document,
    problems: list[Problem],
) -> dict[str, Secret]:
    """Return the secrets by name; what cannot be read is a problem of the node file."""
    found: dict[str, Secret] = {}
    for name, source in sources.items():
        try:
            found[name] = Secret(_usable(_text(source, environment)))
        except _UnusableError as error:
            problems.append(document.problem(f"/secrets/{escape(name)}", str(error)))
    return found


def _text(source: SecretSource, environment: Mapping[str, str]) -> str:
    if source.file is not None:
        return _file_text(source.file)
    if source.env is None or source.env not in environment:
        raise _UnusableError(f"the environment variable {source.env} is not set")
    return environment[source.env]


def _file_text(path: Path) -> str:
    try:
        if not path.is_file():
            raise _UnusableError("its file does not exist")
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(SECRET_BYTES_MAX + 1)
    except OSError as error:
        reason = error.strerror or "unknown error"
        raise _UnusableError(f"its file cannot be read: {reason}") from None
    if mode & stat.S_IRWXO:
        raise _UnusableError("its file is open to every user of the machine; use mode 0600 or 0640")
    if len(data) > SECRET_BYTES_MAX:
        raise _UnusableError(f"its file is larger than {SECRET_BYTES_MAX} bytes")
    return data.decode("ascii", "replace")


def _usable(text: str) -> str:
    line = _one_line(text.removesuffix("\n").removesuffix("\r"))
    if not line:
        raise _UnusableError("it is empty")
    if not is_plain_ascii(line) or line != line.strip():
        raise _UnusableError("it holds spaces around it or characters that no header can carry")
    return line


def _one_line(text: str) -> str:
    """Return a JSON document, as clouds hand out their keys, on one line; all else as it is."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        return msgspec.json.encode(msgspec.json.decode(text)).decode()
    except msgspec.DecodeError:
        return text
