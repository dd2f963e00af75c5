"""The named entries of a file: one that is wrong does not hide what is wrong in the others."""

from typing import TypeVar, cast

from msgspec import Struct

from gateway.config.decode import decode
from gateway.config.files import escape
from gateway.domain.document import Document
from gateway.domain.errors import Problem

E = TypeVar("E")


def decode_entries(
    document: Document, file: type[Struct], key: str, entry: type[E], problems: list[Problem]
) -> dict[str, E]:
    """Return the entries of the map `key` that have their type, by name.

    `file` is the Struct of the whole file; its problems are added, each once.
    """
    whole = decode(document, file, problems)
    if whole is not None:
        return cast("dict[str, E]", getattr(whole, key))
    inner = document.value.get(key) if isinstance(document.value, dict) else None
    found: dict[str, E] = {}
    for name in inner if isinstance(inner, dict) else ():
        value = decode(document, entry, [], f"/{key}/{escape(name)}")
        if value is not None:
            found[name] = value
    return found
