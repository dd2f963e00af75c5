"""The version that every file states at its top."""

from msgspec.structs import replace

from gateway.domain.document import Document
from gateway.domain.errors import Problem

VERSION = 1
KEY = "version"
POINTER = f"/{KEY}"


def check_version(
    document: Document, problems: list[Problem], *, required: bool = True
) -> Document:
    """Return the document without its version; a missing or unknown one is a problem."""
    if not isinstance(document.value, dict):
        problems.append(document.problem("", "must be a map with `version: 1` at its top"))
        return document
    if KEY not in document.value:
        if required:
            problems.append(document.problem("", "`version` is missing", "write version: 1"))
        return document
    complaint = _complaint(document.value[KEY])
    if complaint:
        problems.append(document.problem(POINTER, complaint, f"this release reads {VERSION}"))
    rest = {key: value for key, value in document.value.items() if key != KEY}
    return replace(document, value=rest)


def _complaint(version: object) -> str:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        return "must be the whole number 1"
    return f"version {version} is newer than this release" if version > VERSION else ""
