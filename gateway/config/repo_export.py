"""What a Git host exports of its repositories: JSON of GitLab or GitHub, or a table as CSV.

Nothing of it is believed but an address and a visibility; names and descriptions stay behind.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from gateway.domain.repo_address import canonical

EXPORT_BYTES_MAX = 64 * 1024 * 1024
EXPORTED_MAX = 10_000
FIELD_CHARS_MAX = 4_096
# GitLab's API, GitHub's API, `gh repo list --json`, and the columns of a table.
URLS = ("http_url_to_repo", "clone_url", "url", "web_url", "html_url")
VISIBILITY, PRIVATE = "visibility", "private"


class ExportError(ValueError):
    """The export cannot be used; the text says where, and repeats nothing of it."""


class Exported(Struct, frozen=True):
    """One repository of an export: its canonical address, and who may see it there."""

    address: str
    visibility: str


def read_export(raw: bytes, *, table: bool) -> tuple[Exported, ...]:
    """Return every repository of an export, each address once; ExportError names the first fault.

    `table` says that it is CSV with the columns `url` and `visibility`.
    """
    if len(raw) > EXPORT_BYTES_MAX:
        raise ExportError(f"the export is larger than {EXPORT_BYTES_MAX} bytes")
    found: dict[str, Exported] = {}
    for number, row in enumerate(_rows(raw, table=table), 1):
        if number > EXPORTED_MAX:
            raise ExportError(f"the export has more than {EXPORTED_MAX} repositories")
        one = _exported(number, row)
        before = found.setdefault(one.address, one)
        if before != one:
            raise ExportError(f"entry {number}: this address has another visibility already")
    return tuple(found.values())


def _rows(raw: bytes, *, table: bool) -> Iterator[Mapping[str, Any]]:
    try:
        if table:
            csv.field_size_limit(FIELD_CHARS_MAX)
            yield from csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True)
            return
        value = msgspec.json.decode(raw)
    except (UnicodeDecodeError, csv.Error, msgspec.DecodeError, RecursionError):
        raise ExportError("the export cannot be read in this form") from None
    if not isinstance(value, list):
        raise ExportError("the export is not a list of repositories")
    for number, row in enumerate(value, 1):
        if not isinstance(row, dict):
            raise ExportError(f"entry {number}: not a repository")
        yield row


def _exported(number: int, row: Mapping[str, Any]) -> Exported:
    url = next((row[name] for name in URLS if isinstance(row.get(name), str)), None)
    if url is None:
        raise ExportError(f"entry {number}: no address under any of {', '.join(URLS)}")
    try:
        address = canonical(url)
    except ValueError as error:
        raise ExportError(f"entry {number}: {error}") from None
    return Exported(address, _visibility(number, row))


def _visibility(number: int, row: Mapping[str, Any]) -> str:
    told, private = row.get(VISIBILITY), row.get(PRIVATE)
    if isinstance(told, str) and told.isascii() and told.isalpha():
        return told.lower()
    if told is None and isinstance(private, bool):
        return "private" if private else "public"
    raise ExportError(f"entry {number}: who may see it is not said")
