import traceback

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import Malformed, TooLarge
from gateway.wire import body
from gateway.wire.body import BODY_BYTES_MAX, DEPTH_MAX, MARKS_MAX, encode, parse

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=body.INTEGER_MIN, max_value=body.INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), VALUES, max_size=5)


def shape(value: object) -> object:
    """The value with the order of its keys and the type of its numbers."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return (type(value).__name__, repr(value))


@settings(max_examples=60, deadline=None)
@given(BODIES)
def test_what_is_parsed_and_encoded_keeps_value_and_order_of_keys(value: dict[str, object]) -> None:
    parsed = parse(msgspec.json.encode(value))

    assert shape(parsed) == shape(value)
    assert shape(parse(encode(parsed))) == shape(value)


def test_keys_stay_in_the_order_of_the_client() -> None:
    assert encode(parse(b'{"z":1,"a":{"y":2,"b":3}}')) == b'{"z":1,"a":{"y":2,"b":3}}'


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"\xef\xbb\xbf{}",
        b"[]",
        b'"text"',
        b"1",
        b"null",
        b"{",
        b"{} {}",
        b"{}x",
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":[-1e999]}',
        b'{"a":18446744073709551616}',
        b'{"a":-9223372036854775809}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":01}',
        b'{"a":"\xff"}',
        b'{"\xff":1}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00"}',
        b'{"a":"\\ud800\\ud800"}',
        b'{"a":"\x01"}',
        "{}".encode("utf-16"),
    ],
)
def test_what_is_not_one_strict_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":18446744073709551615}',
        b'{"a":-9223372036854775808}',
        b'{"a":1.7976931348623157e308}',
        b'{"a":5e-324}',
        b'{"a":"\\ud83d\\ude00"}',
        b' \n{ "a" : [ ] } \n',
    ],
)
def test_the_edges_of_what_is_allowed_pass(raw: bytes) -> None:
    assert list(parse(raw)) == ["a"]


def nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize("depth", [DEPTH_MAX + 1, 150, 250, 100_000])
def test_nesting_over_the_bound_is_refused(depth: int) -> None:
    with pytest.raises(Malformed):
        parse(nested(depth))


def test_nesting_up_to_the_bound_is_read() -> None:
    assert encode(parse(nested(DEPTH_MAX))) == nested(DEPTH_MAX)


def test_a_body_over_the_bound_is_too_large() -> None:
    with pytest.raises(TooLarge):
        parse(b'{"a":"' + b"x" * BODY_BYTES_MAX + b'"}')


def test_a_body_of_countless_values_is_too_large_before_it_is_parsed() -> None:
    with pytest.raises(TooLarge):
        parse(b'{"a":[' + b"[]," * (MARKS_MAX // 2) + b"[]]}")


def test_a_long_text_is_no_reason_to_refuse() -> None:
    raw = b'{"a":"' + b"x" * (MARKS_MAX + 1) + b'"}'

    assert encode(parse(raw)) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b'{"canary":1,"canary":2}',
        b'{"canary at line 1 column 1":1,"canary at line 1 column 1":2}',
        b'{"canary":canary}',
        b'{"a":"canary',
        b'{"a":["canary",1e999]}',
    ],
)
def test_no_error_repeats_the_body(raw: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse(raw)

    assert "canary" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_an_error_says_where() -> None:
    with pytest.raises(Malformed, match="A key stands twice at line 1 column 12"):
        parse(b'{"a":1,"a":2}')
    with pytest.raises(Malformed, match="not JSON at line 2 column"):
        parse(b'{"a":\n}')
