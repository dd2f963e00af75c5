"""Changes of the text of a key file, in which no comment and no other key is lost."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import yaml

from gateway.domain.block import INDENT, extent
from gateway.identity import anonymous
from gateway.identity.keyfile import FIELDS, RESERVED, VERSION
from gateway.identity.keys import KEY_ID, KEY_ID_RULE, KeyEntry

_KEYS_LINE = re.compile(r"keys:(?P<empty>[ ]*\{[ ]*\})?(?P<rest>[ ]*(?:#.*)?)")


class KeyFileError(ValueError):
    """A key cannot be written into this text; it must be edited by hand."""


def add_key(text: str, key_id: str, entry: KeyEntry) -> str:
    """Return the text of a key file with one key more, everything else as it stands.

    An empty text becomes a new file. KeyFileError when the id is there already, or when `keys`
    is not written as a block.
    """
    if not KEY_ID.fullmatch(key_id):
        raise KeyFileError(KEY_ID_RULE)
    if key_id == anonymous.KEY_ID:
        raise KeyFileError(RESERVED)
    before = _plain(text) or {"version": VERSION, "keys": {}}
    keys = before.get("keys") or {}
    if key_id in keys:
        raise KeyFileError("there is a key of that id already")
    after = _inserted(text or f"version: {VERSION}\nkeys: {{}}\n", _block(key_id, entry))
    # INVARIANT: what is written reads as what stood there and the new key, and as nothing else.
    if _plain(after) != {**before, "keys": {**keys, key_id: _shown(entry)}}:
        raise KeyFileError("write `keys:` as an indented block, one key below the other")
    return after


def change_key(text: str, key_id: str, changed: Mapping[str, object]) -> str:
    """Return the text with these fields of one key changed, everything else as it stands.

    Values are plain data. KeyFileError when there is no such key, or it is written in a form in
    which its fields cannot be told apart.
    """
    before = _plain(text)
    keys: dict[str, Any] = before.get("keys") or {}
    entry = keys.get(key_id)
    if not isinstance(entry, dict):
        raise KeyFileError("there is no key of that id")
    after = text
    for name, value in changed.items():
        after = _with_field(after, key_id, name, _quoted(value))
    # INVARIANT: what is written reads as what stood there, but for these fields.
    if _plain(after) != {**before, "keys": {**keys, key_id: {**entry, **changed}}}:
        raise KeyFileError("write the key as an indented block, one field below the other")
    return after


def raise_generation(
    text: str, key_id: str, changed: Mapping[str, object] | None = None
) -> tuple[str, int]:
    """Return the text with the next generation of an access key, and which one that is.

    Everything else stays as it stands, but for `changed`. KeyFileError when it is no access key.
    """
    keys: dict[str, Any] = _plain(text).get("keys") or {}
    entry = keys.get(key_id)
    generation = entry.get("generation") if isinstance(entry, dict) else None
    if type(generation) is not int:
        raise KeyFileError("there is no access key of that id")
    fields = {"generation": generation + 1, **(changed or {})}
    return change_key(text, key_id, fields), generation + 1


def _with_field(text: str, key_id: str, name: str, shown: str) -> str:
    """Return the text with one field of a key replaced, or added at its end."""
    entry = _entry_node(text, key_id)
    for key, value in entry.value:
        if key.value == name:
            start, end = value.start_mark.index, _end(value)
            return f"{text[:start]}{shown}{text[end:]}"
    if not entry.value:
        raise KeyFileError("there is no key of that id")
    last_key, last = entry.value[-1]
    end = _end(last)
    if entry.flow_style:
        return f"{text[:end]}, {name}: {shown}{text[end:]}"
    line = text.find("\n", end)
    end = len(text) if line < 0 else line
    return f"{text[:end]}\n{' ' * last_key.start_mark.column}{name}: {shown}{text[end:]}"


def _end(node: yaml.Node) -> int:
    """Return where a node ends, without the blank lines and comments that follow it."""
    while isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


def _entry_node(text: str, key_id: str) -> yaml.MappingNode:
    """Return the node of a key that is known to be there."""
    node: Any = yaml.compose(text, yaml.SafeLoader)
    for name in ("keys", key_id):
        node = next(value for key, value in node.value if key.value == name)
    if not isinstance(node, yaml.MappingNode):
        raise KeyFileError("there is no key of that id")
    return node


def _plain(text: str) -> dict[str, Any]:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise KeyFileError("the key file is not YAML; mend it first") from None
    if value is None:
        return {}
    if not isinstance(value, dict) or not isinstance(value.get("keys") or {}, dict):
        raise KeyFileError("the key file is not a map with `version` and `keys`; mend it first")
    return value


def _shown(entry: KeyEntry) -> dict[str, Any]:
    """Return the fields that are not at their default, as plain data."""
    full: dict[str, Any] = msgspec.to_builtins(entry)
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in full.items()
        if FIELDS[name].required or getattr(entry, name) != FIELDS[name].default
    }


def _block(key_id: str, entry: KeyEntry) -> list[str]:
    """Return the lines of one key, relative to the indent of the keys.

    WHY: JSON text is quoted YAML text, so no value can turn into a boolean, a number or a date.
    """
    lines = [f"{_quoted(key_id)}:\n"]
    lines += [f"{INDENT}{name}: {_quoted(value)}\n" for name, value in _shown(entry).items()]
    return lines


def _quoted(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _inserted(text: str, block: list[str]) -> str:
    lines = text.splitlines(keepends=True)
    if not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    found = (
        (number, _KEYS_LINE.fullmatch(line.rstrip("\r\n"))) for number, line in enumerate(lines)
    )
    at, match = next(((n, m) for n, m in found if m), (None, None))
    if at is None or match is None:
        raise KeyFileError("there is no line `keys:` that stands alone")
    lines[at] = f"keys:{match['rest']}\n"
    end, indent = extent(lines, at + 1)
    return "".join([*lines[:end], *(indent + line for line in block), *lines[end:]])
