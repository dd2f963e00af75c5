"""Names of fields in the one spelling that is read here: the vendor takes two, `topP` and `top_p`.

What a client fills with words of his own, such as arguments and schemas, keeps its keys.
"""

import re
from typing import Any

from gateway.domain.errors import Malformed

# What holds keys of the client's own, or values that are read elsewhere.
_FREE = frozenset(
    {
        "args",
        "labels",
        "parameters",
        "parametersJsonSchema",
        "partMetadata",
        "response",
        "responseJsonSchema",
        "responseSchema",
    }
)
# A value of JSON.
Json = Any
_SNAKE = re.compile(r"_([a-z0-9])")
_HUMP = re.compile(r"[A-Z]")


def camel(name: str) -> str:
    """Return the name in the vendor's first spelling."""
    return _SNAKE.sub(lambda found: found[1].upper(), name) if "_" in name else name


def snake(name: str) -> str:
    """Return the name in the vendor's second spelling, in which losses are named."""
    return _HUMP.sub(lambda found: f"_{found[0].lower()}", name)


def canonical(value: Json) -> Json:
    """Return the value with each field's name as `camel` has it; Malformed for one given twice.

    INVARIANT: of two spellings of a field none is read alone: which of them an engine would take
    cannot be known.
    """
    if isinstance(value, list):
        return [canonical(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    said = {}
    for key, inner in value.items():
        name = camel(key)
        if name in said:
            raise Malformed("A field is given in both spellings.")
        said[name] = inner if name in _FREE else canonical(inner)
    return said


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the body without those fields, in whichever spelling they stand."""
    return {key: value for key, value in body.items() if camel(key) not in names}
