"""The key file: hashes only; read with all its problems, and extended without losing a comment."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml
from msgspec.structs import FieldInfo, fields

from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, Problem
from gateway.domain.vocabulary import LABEL_TEXT_MAX
from gateway.identity import anonymous
from gateway.identity.keys import HASH, KEY_ID, KEY_ID_RULE, KEYS_MAX, KeyEntry, KeyRing

VERSION = 1
NAME_CHARS_MAX = 256
REPOS_MAX = 256
INDENT = "  "

_FIELDS: dict[str, FieldInfo] = {field.name: field for field in fields(KeyEntry)}
_RESERVED = f"`{anonymous.KEY_ID}` stands for callers without a key"
_PLAIN_NAME = re.compile(r"[a-z_]{1,32}")
_KEYS_LINE = re.compile(r"keys:(?P<empty>[ ]*\{[ ]*\})?(?P<rest>[ ]*(?:#.*)?)")


class KeyFileError(ValueError):
    """A key cannot be added to this text; it must be edited by hand."""


def read_keys(document: Document) -> KeyRing:
    """Return the keys of a document; ConfigError carries every problem, and no hash."""
    value = document.value
    if not isinstance(value, dict):
        raise ConfigError((document.problem("", "must be a map with `version` and `keys`"),))
    problems = list(_frame_problems(document, value))
    keys = value.get("keys")
    entries: dict[str, KeyEntry] = {}
    for key_id, raw in keys.items() if isinstance(keys, dict) else ():
        found = list(_entry_problems(document, key_id, raw))
        if not found:
            entries[key_id] = msgspec.convert(raw, KeyEntry)
        problems += found
    problems += _repeated(document, entries)
    if problems:
        raise ConfigError(tuple(problems))
    return KeyRing(entries)


def add_key(text: str, key_id: str, entry: KeyEntry) -> str:
    """Return the text of a key file with one key more, everything else as it stands.

    An empty text becomes a new file. KeyFileError when the id is there already, or when `keys`
    is not written as a block.
    """
    if not KEY_ID.fullmatch(key_id):
        raise KeyFileError(KEY_ID_RULE)
    if key_id == anonymous.KEY_ID:
        raise KeyFileError(_RESERVED)
    before = _plain(text) or {"version": VERSION, "keys": {}}
    keys = before.get("keys") or {}
    if key_id in keys:
        raise KeyFileError("there is a key of that id already")
    after = _inserted(text or f"version: {VERSION}\nkeys: {{}}\n", _block(key_id, entry))
    # INVARIANT: what is written reads as what stood there and the new key, and as nothing else.
    if _plain(after) != {**before, "keys": {**keys, key_id: _shown(entry)}}:
        raise KeyFileError("write `keys:` as an indented block, one key below the other")
    return after


def raise_generation(text: str, key_id: str) -> tuple[str, int]:
    """Return the text with the next generation of an access key, and which one that is.

    Everything else stays as it stands. KeyFileError when it is no access key.
    """
    before = _plain(text)
    keys: dict[str, Any] = before.get("keys") or {}
    entry = keys.get(key_id)
    generation = entry.get("generation") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or type(generation) is not int:
        raise KeyFileError("there is no access key of that id")
    node = _node(yaml.compose(text, yaml.SafeLoader), ("keys", key_id, "generation"))
    start, end = node.start_mark.index, node.end_mark.index
    after = f"{text[:start]}{generation + 1}{text[end:]}"
    # INVARIANT: what is written reads as what stood there, but for this one number.
    raised = {**keys, key_id: {**entry, "generation": generation + 1}}
    if _plain(after) != {**before, "keys": raised}:
        raise KeyFileError("write `generation` as a plain number of its own")
    return after, generation + 1


def _node(node: Any, path: tuple[str, ...]) -> yaml.Node:  # noqa: ANN401  # any node of YAML
    """Return what stands at a path that is known to be there."""
    for name in path:
        node = next(value for key, value in node.value if key.value == name)
    found: yaml.Node = node
    return found


def _frame_problems(document: Document, value: dict[str, Any]) -> Iterator[Problem]:
    yield from (
        document.problem("", "unknown key; a key file holds `version` and `keys`")
        for name in value
        if name not in {"version", "keys"}
    )
    if type(value.get("version")) is not int or value["version"] != VERSION:
        yield document.problem("/version", f"must be {VERSION}")
    keys = value.get("keys")
    if not isinstance(keys, dict):
        yield document.problem("/keys", "must be a map from key id to key")
    elif len(keys) > KEYS_MAX:
        yield document.problem("/keys", f"more than {KEYS_MAX} keys")


def _entry_problems(document: Document, key_id: str, raw: object) -> Iterator[Problem]:
    at = f"/keys/{key_id}"
    if not KEY_ID.fullmatch(key_id):
        # WHY: the id is not repeated: people paste whole keys into such files.
        line = document.line(at)
        yield Problem(document.file, line, "/keys", KEY_ID_RULE)
        return
    if key_id == anonymous.KEY_ID:
        yield document.problem(at, _RESERVED)
    if not isinstance(raw, dict):
        yield document.problem(at, "must be a map")
        return
    yield from _whole_problems(document, at, raw)
    for name, value in raw.items():
        what = _field_problem(name, value)
        if what is not None:
            yield document.problem(f"{at}/{name}" if name in _FIELDS else at, what)


def _whole_problems(document: Document, at: str, raw: dict[str, Any]) -> Iterator[Problem]:
    known_by = [name for name in ("hash", "generation") if raw.get(name) is not None]
    if len(known_by) != 1:
        yield document.problem(at, "give `hash`, or `generation` for an access key, and not both")
    for name, field in _FIELDS.items():
        if field.required and name not in raw:
            yield document.problem(at, f"`{name}` is missing")
    if raw.get("selects_repo") is True and not raw.get("repos"):
        yield document.problem(f"{at}/selects_repo", "there is no repo to select; list `repos`")


def _field_problem(name: str, value: object) -> str | None:
    """Return what is wrong with one field, without repeating its value."""
    field = _FIELDS.get(name)
    if field is None:
        return f"unknown key `{name}`" if _PLAIN_NAME.fullmatch(name) else "an unknown key"
    try:
        msgspec.convert(value, field.type)
    except msgspec.ValidationError as error:
        return str(error)
    if name == "hash" and value is not None and not HASH.fullmatch(str(value)):
        return "must be `sha256:` and 64 hexadecimal digits, as `perimeter keys create` prints"
    if isinstance(value, str) and not 0 < len(value) <= _chars_max(name):
        return f"must have 1 to {_chars_max(name)} characters"
    if isinstance(value, list) and len(value) > REPOS_MAX:
        return f"must have at most {REPOS_MAX} entries"
    return None


def _chars_max(name: str) -> int:
    return LABEL_TEXT_MAX if name == "label" else NAME_CHARS_MAX


def _repeated(document: Document, entries: dict[str, KeyEntry]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for key_id, entry in entries.items():
        if entry.hash is None:
            continue
        if entry.hash in first:
            what = f"has the hash of `{first[entry.hash]}`; every key is made anew"
            yield document.problem(f"/keys/{key_id}/hash", what)
        first.setdefault(entry.hash, key_id)


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
        if _FIELDS[name].required or getattr(entry, name) != _FIELDS[name].default
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
    end, indent = _extent(lines, at + 1)
    return "".join([*lines[:end], *(indent + line for line in block), *lines[end:]])


def _extent(lines: list[str], start: int) -> tuple[int, str]:
    """Return where the block of keys ends, and its indent."""
    end, indent = start, ""
    for number in range(start, len(lines)):
        line = lines[number]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith(" "):
            break
        indent = indent or line[: len(line) - len(line.lstrip(" "))]
        end = number + 1
    return end, indent or INDENT
