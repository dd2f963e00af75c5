import pytest

from gateway.dialects.gemini.schema import DEPTH_MAX, NODES_MAX, Subset
from gateway.domain.conversation import ToolSpec
from tests.doubles.google_models import SCHEMA, TOOL, asked


def declared(schema, model="first"):
    body, losses = asked(tools=(ToolSpec("f", "", schema),), model=model)
    return body["tools"][0]["functionDeclarations"][0].get("parameters"), losses


def test_a_modern_model_takes_the_schema_as_it_is():
    body, losses = asked(tools=(TOOL, ToolSpec("f", "", {"properties": None})))
    first, second = body["tools"][0]["functionDeclarations"]
    wanted = {name: value for name, value in SCHEMA.items() if name != "$schema"}
    assert first["parametersJsonSchema"] == wanted
    assert second["parametersJsonSchema"] == {"type": "object"}
    assert losses == ()


@pytest.mark.parametrize(
    ("schema", "written", "lost"),
    [
        (
            {"properties": {"a": {"type": "string"}}},
            {"properties": {"a": {"type": "string"}}},
            False,
        ),
        (SCHEMA, {"properties": {"path": {"type": "string"}}, "required": ["path"]}, True),
        (
            {"properties": {"a": {"type": ["string", "null"], "format": "date-time"}}},
            {"properties": {"a": {"nullable": True, "type": "string", "format": "date-time"}}},
            False,
        ),
        (
            {"properties": {"a": {"type": ["string", "integer"]}}},
            {"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}},
            False,
        ),
        (
            {"properties": {"a": {"oneOf": [{"type": "string"}]}}},
            {"properties": {"a": {"anyOf": [{"type": "string"}]}}},
            False,
        ),
        (
            {"properties": {"a": {"const": "x"}, "b": {"const": 5}}},
            {"properties": {"a": {"type": "string", "enum": ["x"]}, "b": {}}},
            True,
        ),
        (
            {"properties": {"a": {"type": "string", "format": "uri"}}},
            {"properties": {"a": {"type": "string"}}},
            True,
        ),
        (
            {
                "$defs": {"w": {"type": "string"}},
                "properties": {"a": {"$ref": "#/$defs/w"}, "b": {"items": {"$ref": "#/$defs/w"}}},
            },
            {"properties": {"a": {"type": "string"}, "b": {"items": {"type": "string"}}}},
            False,
        ),
        (
            {
                "$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}}},
                "properties": {"a": {"$ref": "#/$defs/n"}},
            },
            {"properties": {"a": {"type": "object", "properties": {"n": {"type": "object"}}}}},
            True,
        ),
        (
            {"properties": {"a": {"$ref": "#/x/y"}, "b": {"$ref": "https://x"}, "c": {"$ref": 5}}},
            {"properties": {name: {"type": "object"} for name in "abc"}},
            True,
        ),
        (
            {"properties": {"a": True, "b": {"patternProperties": {}}}},
            {"properties": {"a": {"type": "object"}, "b": {}}},
            True,
        ),
    ],
)
def test_an_old_model_gets_the_subset_that_it_takes(schema, written, lost):
    found, losses = declared(schema)
    assert found == {"type": "object", **written}
    assert losses == (("tool_schema_simplified",) if lost else ())


def test_a_tool_that_takes_nothing_has_no_schema_for_an_old_model():
    assert declared({}) == (None, ())


def test_a_schema_has_a_bound_in_depth_and_size():
    deep = {"type": "string"}
    for _ in range(DEPTH_MAX + 2):
        deep = {"type": "array", "items": deep}
    wide = {"properties": {str(at): {"type": "string"} for at in range(NODES_MAX + 2)}}
    for schema in (deep, wide):
        subset = Subset(schema)
        subset.write()
        assert subset.lost
    odd = Subset({"properties": 5, "anyOf": 5, "items": [1]})
    odd.write()
    assert odd.lost
