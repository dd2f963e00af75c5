"""The input: items of the right form, with everything they speak of inside the body."""

from typing import Any

from gateway.dialects.openai_responses import tools
from gateway.domain.errors import Malformed
from gateway.translation import fields
from gateway.translation.media import DATA_URL

Item = dict[str, Any]

ROLES = ("user", "assistant", "system", "developer")
_NEEDS = {"input_image": "images", "input_file": "documents", "input_audio": "audio"}
FETCHED, KEPT = "remote_url", "file_id"
REFERENCES = frozenset({FETCHED, KEPT})
_ELSEWHERE = {"file_id": KEPT, "file_url": FETCHED}
# Fields of an item that hold parts.
_PARTS = ("content", "output")


def items_of(body: dict[str, Any]) -> list[Item]:
    """Return the items of a body; a string is one message of the user."""
    given = body.get("input")
    if isinstance(given, str) and given:
        return [{"type": "message", "role": "user", "content": given}]
    if isinstance(given, str) or not given:
        raise Malformed("input must not be empty.")
    return fields.records(body, "input")


def kind_of(item: Item) -> str:
    """Return the type of an item; one that only has a role is a message."""
    kind = item.get("type")
    return "message" if kind is None and "role" in item else str(kind)


def needs_of(
    items: list[Item], passed: frozenset[str] = frozenset()
) -> tuple[frozenset[str], frozenset[str]]:
    """Check every item; return the capabilities that their parts call for, and what passes."""
    needs: set[str] = set()
    reaches: set[str] = set()
    for at, item in enumerate(items):
        path = f"input[{at}]"
        if item.get("type") is not None or "role" not in item:
            fields.named(item, "type", f"{path}.")
        kind = kind_of(item)
        if kind == "item_reference":
            raise Malformed(f"{path}: items are stored nowhere here; send the item itself.")
        if kind == "message" and item.get("role") not in ROLES:
            raise Malformed(f"{path}.role must be one of {', '.join(ROLES)}.")
        reaches |= tools.check(fields.records(item, "tools", f"{path}."), f"{path}.tools", passed)
        for name in _PARTS:
            needs |= _needs_of_parts(item.get(name), f"{path}.{name}")
            reaches |= _reached(item.get(name), f"{path}.{name}", passed)
        if kind == "message" and not isinstance(item.get("content"), str | list):
            raise Malformed(f"{path}.content must be a string or a list of parts.")
    return frozenset(needs), frozenset(reaches)


def cleaned(
    items: list[Item], passed: frozenset[str] = frozenset()
) -> tuple[list[Item], list[str]]:
    """Return the items without the tools that a provider would run, and their names as losses."""
    out: list[Item] = []
    lost: list[str] = []
    for item in items:
        if not item.get("tools"):
            out.append(item)
            continue
        staying, gone = tools.kept(item["tools"], passed)
        out.append({**item, "tools": staying} if gone else item)
        lost += gone
    return out, lost


def _needs_of_parts(held: object, path: str) -> set[str]:
    """Return the capabilities for the parts in a field; a field that holds none has none."""
    needs: set[str] = set()
    for at, part in enumerate(held if isinstance(held, list) else ()):
        if not isinstance(part, dict):
            raise Malformed(f"{path}[{at}] must be an object.")
        kind = part.get("type")
        if kind is not None and not isinstance(kind, str):
            raise Malformed(f"{path}[{at}].type must be a string.")
        needs.update({_NEEDS[kind]} if kind in _NEEDS else ())
    return needs


def _reached(held: object, path: str, passed: frozenset[str]) -> set[str]:
    """Return the names of references that pass in a field; Malformed for one that does not."""
    parts = held if isinstance(held, list) else [held]
    found = (_references(part, path, passed) for part in parts if isinstance(part, dict))
    return set[str]().union(*found)


def _references(part: dict[str, Any], path: str, passed: frozenset[str]) -> set[str]:
    """Return the names of what somebody else would have to fetch; Malformed where it must not."""
    reaches = {kind for name, kind in _ELSEWHERE.items() if part.get(name) is not None}
    for name, kind in _ELSEWHERE.items():
        if part.get(name) is not None and kind not in passed:
            raise Malformed(f"{path}.{name} is not accepted; inline the file as base64.")
    url = part.get("image_url")
    if url is None or (isinstance(url, str) and url.startswith(DATA_URL)):
        return reaches
    if FETCHED not in passed or not isinstance(url, str):
        raise Malformed(f"{path}.image_url must be a data: URL; inline the file as base64.")
    return reaches | {FETCHED}
