"""JSON Schemas of every file, for editors; made from the types, so that they cannot drift."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from gateway.config.fleet_files import BackendsFile, CatalogFile, TasksFile
from gateway.config.settings import Settings
from gateway.config.version import KEY, VERSION
from gateway.policy.cases import Case
from gateway.policy.language import InvariantsFile, PolicyFile, ReposFile, ZonesFile

DRAFT = "https://json-schema.org/draft/2020-12/schema"
UNVERSIONED = frozenset({"tasks"})
NO_OTHERS: Mapping[str, tuple[str, Any]] = MappingProxyType({})
FILES: dict[str, tuple[str, Any]] = {
    "perimeter": ("perimeter.yaml", Settings),
    "catalog": ("models/catalog.yaml", CatalogFile),
    "backends": ("models/backends.yaml", BackendsFile),
    "tasks": ("models/tasks.yaml", TasksFile),
    "policy": ("policies/<name>/policy.yaml", PolicyFile),
    "zones": ("policies/<name>/zones.yaml", ZonesFile),
    "repos": ("policies/<name>/repos.yaml", ReposFile),
    "invariants": ("policies/<name>/invariants.yaml", InvariantsFile),
    "cases": ("policies/<name>/cases/*.yaml", list[Case]),
}


def schema_of(title: str, kind: Any, *, versioned: bool = True) -> dict[str, Any]:  # noqa: ANN401  # any type that msgspec knows
    """Return the JSON Schema of a file whose top level is of that type, with its `version`."""
    (top,), components = msgspec.json.schema_components(
        (kind,), schema_hook=_schema_of_path, ref_template="#/$defs/{name}"
    )
    name = top.pop("$ref", "").rpartition("/")[2]
    body = {**components.pop(name), **top} if name else top
    if body["type"] == "object" and KEY not in body.get("properties", {}):
        _add_version(body, required=versioned)
    schema = {"$schema": DRAFT, **body, "title": title}
    if components:
        schema["$defs"] = dict(sorted(components.items()))
    tidy: dict[str, Any] = _tidy(schema)
    return tidy


def file_of(key: str, entry: type) -> type:
    """Return the type of a file whose one key is a map from names to entries."""
    fields = [(key, dict[str, entry])]  # type: ignore[valid-type]  # known at run time alone
    return msgspec.defstruct("File", fields, forbid_unknown_fields=True)


def schemas(others: Mapping[str, tuple[str, Any]] = NO_OTHERS) -> dict[str, bytes]:
    """Return the schemas by file name.

    `others` are files of rooms that this one may not know, by name: the title and the type.
    """
    return {
        f"{name}.json": _pretty(schema_of(title, kind, versioned=name not in UNVERSIONED))
        for name, (title, kind) in {**FILES, **others}.items()
    }


def write_schemas(folder: Path, others: Mapping[str, tuple[str, Any]] = NO_OTHERS) -> None:
    """Write every schema into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in schemas(others).items():
        (folder / name).write_bytes(data)


def _tidy(value: Any) -> Any:  # noqa: ANN401  # any part of a schema
    """Return the schema with docstrings as one line per paragraph."""
    if isinstance(value, list):
        return [_tidy(member) for member in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _prose(member) if key == "description" and isinstance(member, str) else _tidy(member)
        for key, member in value.items()
    }


def _prose(text: str) -> str:
    paragraphs = text.split("\n\n")
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _add_version(body: dict[str, Any], *, required: bool) -> None:
    version = {"const": VERSION, "description": "The version of the form of this file."}
    body["properties"] = {KEY: version, **body.get("properties", {})}
    if required:
        body["required"] = [KEY, *body.get("required", [])]


def _schema_of_path(kind: type) -> dict[str, Any]:
    if kind is Path:
        return {"type": "string", "minLength": 1}
    raise NotImplementedError


def _pretty(schema: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
