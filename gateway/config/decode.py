"""From a document to a typed value, with every problem on the way.

msgspec stops at the first thing that is wrong; this walk goes on. It follows the type as
`msgspec.inspect` describes it, and only a value without a problem is converted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from msgspec import inspect as shapes

from gateway.config.files import escape
from gateway.config.leaves import complaint_about, describe, found_kind, hint_for, is_sequence
from gateway.config.nearest import guess
from gateway.domain.document import Document
from gateway.domain.errors import Problem

T = TypeVar("T")


def decode(document: Document, kind: type[T], problems: list[Problem], at: str = "") -> T | None:
    """Return the value at a pointer as that type, or None with its problems added."""
    value = value_at(document.value, at)
    walk = _Walk(document)
    walk.check(value, shapes.type_info(kind), at)
    if not walk.problems:
        try:
            return msgspec.convert(value, kind, dec_hook=_path)
        except msgspec.ValidationError as error:
            walk.problems.append(document.problem(at, str(error)))
    problems += walk.problems
    return None


def value_at(value: object, pointer: str) -> object:
    """Return what stands at that pointer; KeyError, IndexError or TypeError if nothing does."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else cast("dict[str, Any]", value)[key]
    return value


def _path(_kind: type, value: str) -> Path:
    # INVARIANT: a path is the only type of ours that the walk lets through.
    return Path(value)


class _Walk:
    """The problems that a value has as a given type."""

    def __init__(self, document: Document) -> None:
        self.problems: list[Problem] = []
        self._document = document

    def check(
        self, value: object, shape: shapes.Type, at: str, meta: shapes.Metadata | None = None
    ) -> None:
        """Compare a value with a type, and go down into both."""
        if isinstance(shape, shapes.Metadata):
            self.check(value, shape.type, at, shape)
        elif isinstance(shape, shapes.UnionType):
            self._union(value, shape, at, meta)
        elif isinstance(shape, shapes.StructType) and isinstance(value, dict):
            self._struct(value, shape, at)
        elif isinstance(shape, shapes.DictType) and isinstance(value, dict):
            self._dict(value, shape, at)
        elif is_sequence(shape) and isinstance(value, list):
            self._sequence(value, shape, at)
        else:
            self._leaf(value, shape, at, meta)

    def _say(self, at: str, what: str, hint: str = "") -> None:
        self.problems.append(self._document.problem(at, what, hint))

    def _leaf(
        self, value: object, shape: shapes.Type, at: str, meta: shapes.Metadata | None
    ) -> None:
        complaint = complaint_about(value, shape, meta)
        if complaint is not None:
            self._say(at, *complaint)

    def _union(
        self, value: object, shape: shapes.UnionType, at: str, meta: shapes.Metadata | None
    ) -> None:
        members = [member for member in shape.types if not isinstance(member, shapes.NoneType)]
        if value is None and len(members) < len(shape.types):
            return
        fitting = [member for member in members if _same_form(value, member)]
        tried = [_Walk(self._document) for _ in fitting]
        for walk, member in zip(tried, fitting, strict=True):
            walk.check(value, member, at, meta)
        if any(not walk.problems for walk in tried):
            return
        if len(tried) == 1:
            self.problems += tried[0].problems
        else:
            forms = " or ".join(describe(member, meta) for member in members)
            hints = (hint_for(value, _bare(member)) for member in members)
            hint = next(filter(None, hints), "")
            self._say(at, f"must be {forms}, not {found_kind(value)}", hint)

    def _struct(self, value: dict[str, Any], shape: shapes.StructType, at: str) -> None:
        fields = {field.encode_name: field for field in shape.fields}
        for key in value:
            if key not in fields:
                self._say(f"{at}/{escape(key)}", f"unknown key `{key}`", guess(key, fields))
        for name, field in fields.items():
            if name in value:
                self.check(value[name], field.type, f"{at}/{escape(name)}")
            elif field.required:
                self._say(at, f"`{name}` is missing")

    def _dict(self, value: dict[str, Any], shape: shapes.DictType, at: str) -> None:
        self._leaf_size(len(value), shape, at)
        for key, member in value.items():
            place = f"{at}/{escape(key)}"
            self.check(key, shape.key_type, place)
            self.check(member, shape.value_type, place)

    def _sequence(self, value: list[Any], shape: shapes.Type, at: str) -> None:
        self._leaf_size(len(value), shape, at)
        item = cast("shapes.ListType", shape).item_type
        for number, member in enumerate(value):
            self.check(member, item, f"{at}/{number}")
        if isinstance(shape, shapes.SetType | shapes.FrozenSetType):
            for number, member in enumerate(value):
                if member in value[:number]:
                    self._say(f"{at}/{number}", "stands twice in the list")

    def _leaf_size(self, size: int, shape: shapes.Type, at: str) -> None:
        least = getattr(shape, "min_length", None) or 0
        most = getattr(shape, "max_length", None)
        if size < least:
            self._say(at, "must not be empty" if least == 1 else f"needs at least {least} entries")
        if most is not None and size > most:
            self._say(at, f"must have at most {most} entries")


def _bare(shape: shapes.Type) -> shapes.Type:
    """Return a type without its metadata."""
    return shape.type if isinstance(shape, shapes.Metadata) else shape


def _same_form(value: object, shape: shapes.Type) -> bool:
    """Could the value be meant for that type: map for map, list for list, word for word?"""
    bare = _bare(shape)
    if isinstance(value, Mapping):
        return isinstance(bare, shapes.StructType | shapes.DictType)
    if isinstance(value, list):
        return is_sequence(bare)
    return not (is_sequence(bare) or isinstance(bare, shapes.StructType | shapes.DictType))
