"""What botocore makes of a body, a path and a reply of Bedrock: the vendor's own words."""

import re
from base64 import b64decode
from functools import cache
from typing import Any

import msgspec
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.parsers import EventStreamJSONParser, create_parser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

from tests.doubles.event_frames import as_botocore_reads


@cache
def operation(name: str) -> OperationModel:
    model = Loader().load_service_model("bedrock-runtime", "service-2")
    return ServiceModel(model).operation_model(name)


def params_of(body: dict[str, Any], model_id: str, name: str = "Converse") -> dict[str, Any]:
    """Return the body as a caller of botocore would give it, validated; AssertionError if wrong."""
    shape = operation(name).input_shape
    params = {"modelId": model_id, **_unblobbed(body, shape)}
    report = ParamValidator().validate(params, shape).generate_report()
    assert report == "", report
    _assert_patterns(params, shape)
    return params


def serialized(params: dict[str, Any], name: str = "Converse") -> tuple[str, dict[str, Any]]:
    """Return path and body as botocore itself would send them."""
    request = create_serializer("rest-json").serialize_to_request(params, operation(name))
    return request["url_path"], msgspec.json.decode(request["body"])


def parsed_whole(body: bytes, status: int = 200, **headers: str) -> dict[str, Any]:
    reply = {"status_code": status, "headers": headers, "body": body}
    return create_parser("rest-json").parse(reply, operation("Converse").output_shape)


def parsed_stream(raw: bytes) -> list[dict[str, Any]]:
    """Return the events that botocore reads; an exception has an `Error`."""
    shape = operation("ConverseStream").output_shape.members["stream"]
    parser = EventStreamJSONParser()
    return [parser.parse(one.to_response_dict(), shape) for one in as_botocore_reads([raw])]


def assert_reply_is_of_the_shape(body: bytes, name: str = "Converse") -> None:
    """Hold a reply against the output shape, unknown members included."""
    shape = operation(name).output_shape
    _assert_members(msgspec.json.decode(body), shape)
    report = ParamValidator().validate(_unblobbed(msgspec.json.decode(body), shape), shape)
    assert report.generate_report() == ""


def assert_events_are_of_the_shape(raw: bytes) -> None:
    """Hold every event of a stream against its shape."""
    union = operation("ConverseStream").output_shape.members["stream"]
    for one in as_botocore_reads([raw]):
        kind = one.headers.get(":event-type") or one.headers[":exception-type"]
        shape = union.members[kind]
        value = msgspec.json.decode(one.payload)
        _assert_members(value, shape)
        assert ParamValidator().validate(_unblobbed(value, shape), shape).generate_report() == ""


def _unblobbed(value: Any, shape: Shape) -> Any:
    """Return the value with base64 decoded where the shape says bytes."""
    if getattr(shape, "is_document_type", False):
        return value
    if shape.type_name == "structure":
        return {
            name: _unblobbed(inner, shape.members[name]) if name in shape.members else inner
            for name, inner in value.items()
        }
    if shape.type_name == "list":
        return [_unblobbed(inner, shape.member) for inner in value]
    return b64decode(value, validate=True) if shape.type_name == "blob" else value


def _assert_members(value: Any, shape: Shape) -> None:
    if getattr(shape, "is_document_type", False):
        return
    if shape.type_name == "structure":
        unknown = value.keys() - shape.members.keys()
        assert not unknown, f"{shape.name} has no {unknown}"
        for name, inner in value.items():
            _assert_members(inner, shape.members[name])
    if shape.type_name == "list":
        for inner in value:
            _assert_members(inner, shape.member)


def _assert_patterns(value: Any, shape: Shape) -> None:
    """Hold strings against the patterns of the model, which botocore leaves to the service."""
    if not getattr(shape, "is_document_type", False):
        _PATTERNS.get(shape.type_name, _nothing)(value, shape)


def _fields_fit(value: Any, shape: Shape) -> None:
    for name, inner in value.items():
        _assert_patterns(inner, shape.members[name])


def _items_fit(value: Any, shape: Shape) -> None:
    for inner in value:
        _assert_patterns(inner, shape.member)


def _entries_fit(value: Any, shape: Shape) -> None:
    for name, inner in value.items():
        _assert_patterns(name, shape.key)
        _assert_patterns(inner, shape.value)


def _text_fits(value: Any, shape: Shape) -> None:
    pattern, enum = shape.metadata.get("pattern"), shape.metadata.get("enum")
    assert pattern is None or re.fullmatch(pattern, value), (shape.name, value)
    assert not enum or value in enum, (shape.name, value)
    assert shape.metadata.get("min", 0) <= len(value) <= shape.metadata.get("max", len(value))


def _nothing(value: Any, shape: Shape) -> None:
    return


_PATTERNS = {
    "structure": _fields_fit,
    "list": _items_fit,
    "map": _entries_fit,
    "string": _text_fits,
}
