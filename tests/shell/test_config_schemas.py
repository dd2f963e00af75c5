"""Schemas and the reference page are made from the types, and what is committed is current."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Struct
from msgspec import inspect as shapes

from gateway.config.forms import form
from gateway.config.reference import reference
from gateway.config.schemas import FILES, file_of, schema_of, schemas, write_schemas
from gateway.identity.keys import KeyEntry

ROOT = Path(__file__).parents[2]
OTHERS = {"keys": ("keys.yaml", file_of("keys", KeyEntry))}
SHIPPED = sorted(
    path
    for folder in ("models", "policies", "docs/examples")
    for path in (ROOT / folder).rglob("*.yaml")
    if path.parent.name != "serving"  # launch profiles are vLLM's own form
)


@pytest.mark.parametrize("name", [*FILES, *OTHERS])
def test_committed_schemas_are_current(name):
    committed = (ROOT / "schemas" / f"{name}.json").read_bytes()
    assert committed == schemas(OTHERS)[f"{name}.json"], "run `make generate`"


def test_nothing_else_stands_among_the_schemas():
    assert {path.name for path in (ROOT / "schemas").iterdir()} == set(schemas(OTHERS))


def test_the_committed_reference_is_current():
    assert (ROOT / "docs" / "config.md").read_text() == reference(), "run `make generate`"


def test_schemas_can_be_written_anew(tmp_path):
    write_schemas(tmp_path / "schemas", {"other": ("other.yaml", dict[str, int])})
    assert (tmp_path / "schemas" / "other.json").is_file()
    assert len(list((tmp_path / "schemas").iterdir())) == len(FILES) + 1


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_shipped_file_names_its_schema(path):
    first = path.read_text().partition("\n")[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (path.parent / first.removeprefix(prefix)).resolve().parent == ROOT / "schemas"


@pytest.mark.parametrize("name", sorted({*FILES, *OTHERS} - {"cases"}))
def test_every_schema_is_closed_and_knows_the_version(name):
    schema = msgspec.json.decode(schemas(OTHERS)[f"{name}.json"])
    assert "version" in schema["properties"]
    assert ("version" in schema.get("required", ())) == (name != "tasks")
    if name != "tasks":
        assert schema["additionalProperties"] is False
        assert schema["properties"]["version"] in (
            {"const": 1, "description": "The version of the form of this file."},
            {"enum": [1]},
        )


@pytest.mark.parametrize("name", ["perimeter", "catalog", "backends"])
def test_every_key_is_documented(name):
    undocumented = [key for key, words in _descriptions(FILES[name][1]) if not words]
    assert undocumented == []


def test_a_case_file_is_a_list():
    schema = msgspec.json.decode(schemas()["cases.json"])
    assert schema["type"] == "array"
    assert "version" not in schema


def test_every_key_of_the_node_file_stands_in_the_reference():
    page = reference()
    for key, _ in _descriptions(FILES["perimeter"][1]):
        assert key in page


def test_no_type_uses_the_pattern_of_msgspec():
    """It crashes the interpreter; `form` carries the pattern."""

    class Wrong(Struct):
        name: Annotated[str, Meta(pattern="^a$")]

    assert _patterns(Wrong) == ["^a$"]
    assert [pattern for _, kind in FILES.values() for pattern in _patterns(kind)] == []


def test_a_form_reaches_the_schema():
    class Named(Struct):
        """A name.

        Two paragraphs, the second
        over two lines.
        """

        name: Annotated[str, form("[a-z]+", "abc")]

    schema = schema_of("a file", Named)
    assert schema["properties"]["name"] == {
        "type": "string",
        "pattern": "^[a-z]+$",
        "examples": ["abc"],
    }
    assert schema["required"] == ["version", "name"]
    assert schema["description"] == "A name.\nTwo paragraphs, the second over two lines."


def test_a_type_that_no_file_can_hold_is_an_error():
    class Odd(Struct):
        thing: complex

    with pytest.raises(TypeError):
        schema_of("a file", Odd)


def _children(shape: Any) -> list[Any]:
    if isinstance(shape, shapes.Metadata):
        return [shape.type]
    if isinstance(shape, shapes.UnionType):
        return list(shape.types)
    if isinstance(shape, shapes.DictType):
        return [shape.key_type, shape.value_type]
    if isinstance(shape, shapes.StructType):
        return [field.type for field in shape.fields]
    item = getattr(shape, "item_type", None)
    return [] if item is None else [item]


def _patterns(kind: Any) -> list[str]:
    found, waiting = [], [shapes.type_info(kind)]
    while waiting:
        shape = waiting.pop()
        if isinstance(shape, shapes.StrType) and shape.pattern is not None:
            found.append(shape.pattern)
        waiting += _children(shape)
    return found


def _descriptions(kind: Any) -> list[tuple[str, str]]:
    found, waiting = [], [shapes.type_info(kind)]
    while waiting:
        shape = waiting.pop()
        for field in getattr(shape, "fields", ()):
            extra = getattr(field.type, "extra_json_schema", None) or {}
            found.append((field.encode_name, extra.get("description", "")))
        waiting += _children(shape)
    return found
