"""JSON Schema in the forms that vendors take."""

from typing import Any

from gateway.translation.losses import Losses

# What the narrowest vendor takes of JSON Schema.
_WORDS = frozenset(
    {
        "$defs",
        "$ref",
        "additionalProperties",
        "allOf",
        "anyOf",
        "const",
        "definitions",
        "description",
        "enum",
        "format",
        "items",
        "properties",
        "required",
        "title",
        "type",
    }
)
_FORMATS = frozenset(
    {
        "date",
        "date-time",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "time",
        "uri",
        "uuid",
    }
)
_ONE = frozenset({"items"})
_LISTED = frozenset({"allOf", "anyOf"})
_BY_NAME = frozenset({"$defs", "definitions", "properties"})
_SCHEMA = dict[str, Any]


def arguments_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return it as the schema of an object; `properties: null`, which vendors refuse, goes.

    Keys keep their order: another order would miss the provider's cache of the prefix.
    """
    cleaned = {"type": "object", **schema}
    if cleaned.get("properties", {}) is None:
        del cleaned["properties"]
    return cleaned


def simplified(schema: _SCHEMA, losses: Losses) -> _SCHEMA:
    """Return a schema in the words that the narrowest vendor takes; each object is closed.

    Bounds of numbers and lengths go, one of several becomes any of them, both as
    `answer_schema_simplified`. Keys keep their order.
    """
    said: _SCHEMA = {}
    for word, value in schema.items():
        name = "anyOf" if word == "oneOf" else word
        is_known = name in _WORDS and (name != "format" or str(value) in _FORMATS)
        if name != word or not is_known:
            losses.note("answer_schema_simplified")
        if is_known:
            said[name] = _inside(name, value, losses)
    if said.get("type") == "object" or "properties" in said:
        said["additionalProperties"] = False
    return said


def _inside(word: str, value: object, losses: Losses) -> object:
    """Return what stands under a word, with every schema in it simplified too."""
    if word in _ONE and isinstance(value, dict):
        return simplified(value, losses)
    if word in _LISTED and isinstance(value, list):
        return [simplified(one, losses) if isinstance(one, dict) else one for one in value]
    if word in _BY_NAME and isinstance(value, dict):
        pairs = value.items()
        return {k: simplified(one, losses) if isinstance(one, dict) else one for k, one in pairs}
    return value
