"""One document, read field by field, so that every problem in it is found at once."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo

from gateway.domain.document import Document
from gateway.domain.errors import Problem

WORD_CHARS_MAX = 128
SHOWN_MAX = 12
_YAML_WORDS = {"`": "", "array": "list", "object": "map"}

T = TypeVar("T", bound=Struct)


class _Unreadable:
    """Stands for a value about which a problem was noted."""


UNREADABLE: Final = _Unreadable()


class Reading:
    """The problems of one document, as they are found."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def complain(self, pointer: str, what: str, hint: str = "") -> None:
        """Note one problem."""
        self.problems.append(self.document.problem(pointer, what, hint))

    def entry(self, pointer: str, value: object, kind: type[T]) -> T | None:
        """Return the value as that type, or None after noting all that is wrong with it."""
        before = len(self.problems)
        parts = self.parts(pointer, value, kind)
        return kind(**parts) if len(self.problems) == before else None

    def parts(self, pointer: str, value: object, kind: type[Struct]) -> dict[str, Any]:
        """Return the fields that can be read; a list or map of entries stays plain data."""
        if not isinstance(value, dict):
            self.complain(pointer, f"expected a map, got {_name(value)}")
            return {}
        fields = _fields(kind)
        for key in value:
            if key not in fields:
                self.unknown(step(pointer, key), "key", key, fields)
        parts: dict[str, Any] = {}
        for name, field in fields.items():
            if name in value:
                part = self._value(step(pointer, name), value[name], field.type)
                if part is not UNREADABLE:
                    parts[field.name] = part
            elif field.default is NODEFAULT and field.default_factory is NODEFAULT:
                self.complain(pointer, f"the key `{name}` is missing")
        return parts

    def known(self, pointer: str, what: str, words: object, known: Collection[str] | None) -> bool:
        """Are all of these words known? `known` is None where nobody can tell."""
        before = len(self.problems)
        if known is not None:
            for place, word in spread(pointer, words):
                if word not in known:
                    self.unknown(place, what, word, known)
        return len(self.problems) == before

    def unknown(self, pointer: str, what: str, word: object, known: Collection[str]) -> None:
        """Note a word that nothing defines, with the nearest one that exists."""
        shown = word[:WORD_CHARS_MAX] if isinstance(word, str) else _name(word)
        self.complain(pointer, f"unknown {what} `{shown}`", nearest(shown, known))

    def _value(self, pointer: str, value: object, kind: object) -> object:
        element = _element(kind, type(value))
        if element is not None and isinstance(value, (list, dict)):
            if value or not _is_words(kind):
                return self._collection(pointer, value, element)
            self.complain(pointer, "an empty list matches nothing", "leave the key out")
            return UNREADABLE
        record = _record(kind)
        if record is not None:
            return self.entry(pointer, value, record) or UNREADABLE
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self.complain(pointer, _plain(str(error)), _null_hint(value))
            return UNREADABLE

    def _collection(
        self, pointer: str, value: list[object] | dict[str, object], element: object
    ) -> object:
        """Return a list or map whose elements are all readable; entries stay plain data."""
        if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
            self.complain(pointer, "a key that is not text")
            return UNREADABLE
        if _record(element) is not None:
            return value
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        read = [self._value(step(pointer, key), part, element) for key, part in pairs]
        if any(part is UNREADABLE for part in read):
            return UNREADABLE
        return dict(zip(value, read, strict=True)) if isinstance(value, dict) else read


def step(pointer: str, key: object) -> str:
    """Return the pointer to a key or an index below another."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def spread(pointer: str, words: object) -> Iterator[tuple[str, str]]:
    """Yield each of one or more words with its pointer; nothing when the key is absent."""
    if isinstance(words, str):
        yield pointer, words
    elif isinstance(words, (list, dict)):
        for place, word in enumerate(words):
            yield step(pointer, word if isinstance(words, dict) else place), word


def listed(words: object) -> list[str]:
    """Return one or more words as a list, empty when the key is absent."""
    return [word for _, word in spread("", words)]


def nearest(word: str, known: Collection[str]) -> str:
    """Return a hint: the nearest known word, or a few of those that exist."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    more = ", ..." if len(names) > SHOWN_MAX else ""
    return f"known: {', '.join(names[:SHOWN_MAX])}{more}" if names else ""


# WHY: reading the annotations of a type costs more than reading an entry of a document.
@cache
def _fields(kind: type[Struct]) -> dict[str, FieldInfo]:
    """Return the fields of a type by the key under which each stands in a document."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def _element(kind: object, container: type) -> object | None:
    """Return the type of what is in that container (list or dict), where the type allows one."""
    for option in get_args(kind) if _is_union(kind) else (kind,):
        if get_origin(option) is container:
            element: object = get_args(option)[-1]
            return element
    return None


def _record(kind: object) -> type[Struct] | None:
    for option in get_args(kind) if _is_union(kind) else (kind,):
        if isinstance(option, type) and issubclass(option, Struct):
            return option
    return None


def _is_union(kind: object) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _is_words(kind: object) -> bool:
    """Does the type take one word or a list of words, where an empty list would match nothing?"""
    return _is_union(kind) and str in get_args(kind)


def _plain(text: str) -> str:
    for word, yaml_word in _YAML_WORDS.items():
        text = text.replace(word, yaml_word)
    return text[:1].lower() + text[1:]


def _name(value: object) -> str:
    """Return what kind of YAML value that is."""
    names = {"str": "text", "dict": "a map", "list": "a list", "NoneType": "null"}
    kind = type(value).__name__
    return names.get(kind, kind)


def _null_hint(value: object) -> str:
    return "leave the key out" if value is None else ""
