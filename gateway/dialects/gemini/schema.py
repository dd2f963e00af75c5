"""Schemas in the vendor's two forms: JSON Schema, and a subset of OpenAPI's with its own words."""

from collections.abc import Mapping
from typing import Any

from gateway.dialects.gemini.spelling import Json, camel

DEPTH_MAX = 32
NODES_MAX = 20_000

_COUNTS = frozenset(
    {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
)
# The words of the subset that say something; the rest of JSON Schema it refuses.
_TAKEN = _COUNTS | {
    "anyOf",
    "default",
    "description",
    "enum",
    "example",
    "format",
    "items",
    "maximum",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
}
# What may be left out, and nothing that was asked for is lost.
_SILENT = frozenset({"$schema", "$id", "$comment", "$defs", "definitions", "examples", "strict"})
_FORMATS = frozenset({"date-time", "double", "enum", "float", "int32", "int64"})
_NULL = "null"
# Words of the vendor's subset alone.
_VENDOR = frozenset({"nullable", "propertyOrdering"})


def as_json_schema(schema: Json) -> Json:
    """Return a schema of the vendor's subset as JSON Schema; one that is already stays as it is."""
    if isinstance(schema, list):
        return [as_json_schema(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    named = {camel(key): value for key, value in schema.items()}
    said = {name: _plain(name, value) for name, value in named.items() if name not in _VENDOR}
    return _nullable(said) if named.get("nullable") else said


def _plain(name: str, value: Json) -> Json:
    if name == "properties" and isinstance(value, dict):
        return {inner: as_json_schema(one) for inner, one in value.items()}
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name in _COUNTS and isinstance(value, str) and value.isdecimal():
        return int(value)
    return as_json_schema(value) if name in ("items", "anyOf") else value


def _nullable(said: dict[str, Any]) -> dict[str, Any]:
    kind = said.get("type")
    if isinstance(kind, str):
        return {**said, "type": [kind, _NULL]}
    return {"anyOf": [said, {"type": _NULL}]}


class Subset:
    """Writes JSON Schema in the vendor's subset; `lost` says that it could not say all of it.

    References are put in place; one that leads back to itself becomes any object, for the subset
    has none.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0
        self.lost = False

    def write(self) -> dict[str, Any]:
        """Return the schema."""
        return self._node(self._root, ())

    def _node(self, schema: Json, seen: tuple[str, ...]) -> dict[str, Any]:
        self._nodes += 1
        if not isinstance(schema, Mapping) or len(seen) > DEPTH_MAX or self._nodes > NODES_MAX:
            self.lost = self.lost or schema is not True
            return {"type": "object"}
        reference = schema.get("$ref")
        if reference is not None:
            return self._referred(reference, seen)
        said = self._kind(schema, seen)
        for name, value in schema.items():
            if name in said or name in ("type", "oneOf", "const") or name in _SILENT:
                continue
            if name not in _TAKEN or (name == "format" and value not in _FORMATS):
                self.lost = True
            else:
                said[name] = self._value(name, value, seen)
        return said

    def _referred(self, reference: Json, seen: tuple[str, ...]) -> dict[str, Any]:
        found = self._found(reference) if reference not in seen else None
        if found is None:
            self.lost = True
            return {"type": "object"}
        return self._node(found, (*seen, reference))

    def _found(self, reference: Json) -> Json:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return None
        found: Any = self._root
        for step in reference[2:].split("/"):
            found = (
                found.get(step.replace("~1", "/").replace("~0", "~"))
                if isinstance(found, Mapping)
                else None
            )
        return found

    def _kind(self, schema: Mapping[str, Any], seen: tuple[str, ...]) -> dict[str, Any]:
        """Return the type, in which null is a word apart, and what stands for a choice."""
        said: dict[str, Any] = {}
        kind = schema.get("type")
        if isinstance(kind, list):
            kinds = [one for one in kind if one != _NULL]
            said["nullable"] = len(kinds) < len(kind)
            if len(kinds) > 1:
                said["anyOf"] = [{"type": one} for one in kinds]
            kind = kinds[0] if len(kinds) == 1 else None
        if kind is not None:
            said["type"] = kind
        if "oneOf" in schema:
            said["anyOf"] = self._value("anyOf", schema["oneOf"], seen)
        if "const" in schema:
            self.lost = self.lost or not isinstance(schema["const"], str)
            said |= {"type": "string", "enum": [schema["const"]]} if not self.lost else {}
        return {name: value for name, value in said.items() if value is not False}

    def _value(self, name: str, value: Json, seen: tuple[str, ...]) -> Json:
        deeper = (*seen, "")
        if name == "properties" and isinstance(value, Mapping):
            return {key: self._node(inner, deeper) for key, inner in value.items()}
        if name == "items":
            return self._node(value, deeper)
        if name == "anyOf" and isinstance(value, list):
            return [self._node(inner, deeper) for inner in value]
        return value
