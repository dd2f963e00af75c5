"""Changes of the text of repos.yaml, in which no comment and no other entry is lost."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import yaml

from gateway.domain.block import INDENT, extent

_REPOS_LINE = re.compile(r"repos:(?:[ ]*\{[ ]*\})?(?P<rest>[ ]*(?:#.*)?)")


class RepoTextError(ValueError):
    """The text cannot be changed by this hand; it must be edited by a person."""


def add_repos(text: str, entries: Mapping[str, Mapping[str, object]]) -> str:
    """Return the text with these entries behind those that are there, and nothing else changed."""
    if not entries:
        return text
    before = _plain(text)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    at = next((n for n, one in enumerate(lines) if _REPOS_LINE.fullmatch(one.rstrip("\r\n"))), None)
    if at is None:
        raise RepoTextError("there is no line `repos:` that stands alone")
    found = _REPOS_LINE.fullmatch(lines[at].rstrip("\r\n"))
    lines[at] = f"repos:{found['rest'] if found else ''}\n"
    end, indent = extent(lines, at + 1)
    block = [f"{indent}{line}\n" for name, entry in entries.items() for line in _block(name, entry)]
    after = "".join([*lines[:end], *block, *lines[end:]])
    # INVARIANT: what is written reads as what stood there and the new entries, nothing else.
    wanted = {**before, "repos": {**(before.get("repos") or {}), **entries}}
    if _plain(after) != wanted:
        raise RepoTextError("write `repos:` as an indented block, one repository below the other")
    return after


def set_label(text: str, repo: str, label: str) -> str:
    """Return the text with another label of one repository, everything else as it stands."""
    before = _plain(text)
    node: Any = yaml.compose(text, yaml.SafeLoader)
    for name in ("repos", repo, "label"):
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        node = next((value for key, value in pairs if key.value == name), None)
    if node is None:
        raise RepoTextError("there is no repository of that id")
    start, end = node.start_mark.index, node.end_mark.index
    after = f"{text[:start]}{_quoted(label)}{text[end:]}"
    repos = before["repos"]
    if _plain(after) != {**before, "repos": {**repos, repo: {**repos[repo], "label": label}}}:
        raise RepoTextError("write `label` as a plain text of its own")
    return after


def _block(name: str, entry: Mapping[str, object]) -> list[str]:
    """Return the lines of one entry.

    WHY: JSON text is quoted YAML text, so no value can turn into a boolean, a number or a date.
    """
    fields = [f"{INDENT}{field}: {_quoted(value)}" for field, value in entry.items()]
    return [f"{_quoted(name)}:", *fields]


def _quoted(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _plain(text: str) -> dict[str, Any]:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise RepoTextError("repos.yaml is not YAML; mend it first") from None
    if not isinstance(value, dict) or not isinstance(value.get("repos") or {}, dict):
        raise RepoTextError("repos.yaml is not a map with `repos`; mend it first")
    return value
