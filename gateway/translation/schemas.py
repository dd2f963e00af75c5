"""JSON Schema of a tool's arguments in the form that every vendor takes."""

from typing import Any


def arguments_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return it as the schema of an object; `properties: null`, which vendors refuse, goes.

    Keys keep their order: another order would miss the provider's cache of the prefix.
    """
    cleaned = {"type": "object", **schema}
    if cleaned.get("properties", {}) is None:
        del cleaned["properties"]
    return cleaned
