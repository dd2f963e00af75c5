"""What a single value must be, said in words for the person who wrote the file."""

import re
from datetime import date
from functools import singledispatch
from pathlib import Path
from typing import Any

from msgspec import inspect as shapes

from gateway.config.forms import PATTERN
from gateway.config.nearest import nearest

Complaint = tuple[str, str]

_SEQUENCES = shapes.ListType | shapes.VarTupleType | shapes.SetType | shapes.FrozenSetType
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_sequence(shape: shapes.Type) -> bool:
    """Is the type written as a list?"""
    return isinstance(shape, _SEQUENCES)


def complaint_about(
    value: object, shape: shapes.Type, meta: shapes.Metadata | None
) -> Complaint | None:
    """Return what is wrong with a value that is not gone into, and a hint; None if nothing is."""
    if fits(shape, value) and _has_form(value, meta):
        return None
    wanted = describe(shape, meta)
    found = found_kind(value)
    same_kind = found == found_kind_wanted(shape)
    what = f"must be {wanted}" if same_kind else f"must be {wanted}, not {found}"
    return what, hint_for(value, shape)


def describe(shape: shapes.Type, meta: shapes.Metadata | None = None) -> str:
    """Return what a value of that type is called, with its limits."""
    if isinstance(shape, shapes.Metadata):
        return describe(shape.type, shape)
    if isinstance(shape, shapes.IntType | shapes.FloatType):
        return found_kind_wanted(shape) + _range(shape)
    if isinstance(shape, shapes.LiteralType | shapes.EnumType):
        return "one of " + ", ".join(str(word) for word in _words(shape))
    examples = _schema(meta).get("examples", ())
    such = f" such as {examples[0]}" if examples else ""
    return found_kind_wanted(shape) + such


def found_kind(value: object) -> str:
    """Return what a value of plain data is called."""
    return next(name for kind, name in _KINDS if isinstance(value, kind))


def found_kind_wanted(shape: shapes.Type) -> str:
    """Return what plain data of that type is called."""
    if isinstance(shape, shapes.StructType | shapes.DictType):
        return "a map"
    if is_sequence(shape):
        return "a list"
    return next((name for kind, name in _WANTED if isinstance(shape, kind)), "text")


_KINDS: tuple[tuple[type, str], ...] = (
    (dict, "a map"),
    (list, "a list"),
    (str, "text"),
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number"),
    (object, "null"),
)
_WANTED: tuple[tuple[type, str], ...] = (
    (shapes.BoolType, "true or false"),
    (shapes.IntType, "a whole number"),
    (shapes.FloatType, "a number"),
    (shapes.NoneType, "null"),
    (shapes.DateType, "a date such as 2026-11-20"),
)


@singledispatch
def fits(_shape: shapes.Type, _value: object) -> bool:
    """Is the value one of that type, within its limits?"""
    return False


@fits.register
def _(_shape: shapes.AnyType, _value: object) -> bool:
    return True


@fits.register
def _(_shape: shapes.BoolType, value: object) -> bool:
    return isinstance(value, bool)


@fits.register
def _(_shape: shapes.NoneType, value: object) -> bool:
    return value is None


@fits.register
def _(shape: shapes.IntType, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and _within(value, shape)


@fits.register
def _(shape: shapes.FloatType, value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and _within(value, shape)


@fits.register
def _(shape: shapes.StrType, value: object) -> bool:
    if not isinstance(value, str) or len(value) < (shape.min_length or 0):
        return False
    return shape.max_length is None or len(value) <= shape.max_length


@fits.register
def _(_shape: shapes.DateType, value: object) -> bool:
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


@fits.register
def _(shape: shapes.LiteralType, value: object) -> bool:
    return any(type(word) is type(value) and word == value for word in shape.values)


@fits.register
def _(shape: shapes.EnumType, value: object) -> bool:
    return any(type(word) is type(value) and word == value for word in _words(shape))


@fits.register
def _(shape: shapes.CustomType, value: object) -> bool:
    return shape.cls is Path and isinstance(value, str) and value != ""


def _has_form(value: object, meta: shapes.Metadata | None) -> bool:
    pattern = _schema(meta).get(PATTERN)
    return pattern is None or not isinstance(value, str) or bool(re.fullmatch(pattern, value))


def _schema(meta: shapes.Metadata | None) -> dict[str, Any]:
    return {} if meta is None else meta.extra_json_schema or {}


def _within(value: float, shape: shapes.IntType | shapes.FloatType) -> bool:
    return (shape.ge is None or value >= shape.ge) and (shape.le is None or value <= shape.le)


def _range(shape: shapes.IntType | shapes.FloatType) -> str:
    if shape.ge is not None and shape.le is not None:
        return f" from {shape.ge} to {shape.le}"
    if shape.ge is not None:
        return f" of at least {shape.ge}"
    return f" of at most {shape.le}" if shape.le is not None else ""


def _words(shape: shapes.LiteralType | shapes.EnumType) -> list[object]:
    if isinstance(shape, shapes.LiteralType):
        return list(shape.values)
    return [member.value for member in shape.cls]


def hint_for(value: object, shape: shapes.Type) -> str:
    """Return what would make the value one of that type, or nothing."""
    if isinstance(value, int | float):
        return "put it in quotes" if found_kind_wanted(shape) == "text" else ""
    if not isinstance(value, str):
        return ""
    if isinstance(shape, shapes.IntType | shapes.FloatType):
        return "take off the quotes" if value.isdecimal() else ""
    if isinstance(shape, shapes.LiteralType | shapes.EnumType):
        near = nearest(value, [str(word) for word in _words(shape)])
        return "" if near is None else f"did you mean `{near}`?"
    return ""
