"""Strict YAML: one reading of every file, or a list of problems.

Plain data comes out: maps with text keys, lists, text, decimal numbers, true, false and null.
Dates stay text until a type asks for them. Anchors, aliases, tags, merge keys, directives, several
documents, duplicate keys, tabs and unseen characters are refused.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from gateway.config.scalars import AmbiguousError, plain
from gateway.config.text import TAB, NotTextError, decode_utf8, is_plain_ascii, unseen
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, Problem

FILE_BYTES_MAX = 1024 * 1024
DEPTH_MAX = 16
NODES_MAX = 200_000
KEY_CHARS_MAX = 256
PROBLEMS_MAX = 100

Value = str | int | float | bool | list["Value"] | dict[str, "Value"] | None


def load(path: Path, name: str | None = None) -> Document:
    """Read one file; `name` is what problems call it. ConfigError carries all its problems."""
    file = str(path) if name is None else name
    try:
        if not path.is_file():
            raise ConfigError((Problem(file, 1, "", "there is no such file"),))
        with path.open("rb") as stream:
            data = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        reason = error.strerror or "unknown error"
        raise ConfigError((Problem(file, 1, "", f"cannot be read: {reason}"),)) from None
    return load_bytes(data, file)


def load_text(text: str, name: str) -> Document:
    """Read a file that is already in memory as text."""
    return load_bytes(text.encode("utf-8", "surrogatepass"), name)


def load_bytes(data: bytes, name: str) -> Document:
    """Read a file that is already in memory as bytes; ConfigError carries all its problems."""
    if len(data) > FILE_BYTES_MAX:
        raise ConfigError((Problem(name, 1, "", f"larger than {FILE_BYTES_MAX} bytes"),))
    try:
        text = decode_utf8(data)
    except NotTextError as error:
        raise ConfigError((Problem(name, error.line, "", str(error)),)) from None
    reading = _Reading(name)
    value = reading.run(text)
    if reading.problems:
        found = sorted(reading.problems, key=lambda problem: problem.line)
        raise ConfigError(tuple(found))
    return Document(name, value, reading.lines)


def escape(key: str) -> str:
    """Return a key as a step of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


_KEYS_REFUSED = {"": "an empty key", "<<": "a merge key"}


class _StopError(Exception):
    """Reading on would tell nothing more."""


class _Reading:
    """One pass over the events of one file; holds what was found so far."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.lines: dict[str, int] = {}
        self._nodes = 0
        self._unseen_lines: set[int] = set()

    def run(self, text: str) -> Value:
        """Return the value; whatever is wrong stands in `problems`."""
        try:
            self._characters(text)
            return self._document(text)
        except _StopError:
            return None

    def _complain(self, line: int, pointer: str, what: str, hint: str = "") -> None:
        if len(self.problems) >= PROBLEMS_MAX:
            self.problems.append(Problem(self.file, line, "", "and more; the rest was not read"))
            raise _StopError
        self.problems.append(Problem(self.file, line, pointer, what, hint))

    def _characters(self, text: str) -> None:
        for line, code_point in unseen(text):
            self._unseen_lines.add(line)
            if code_point == f"U+{ord(TAB):04X}":
                self._complain(line, "", "a tab", "write spaces")
            else:
                self._complain(line, "", f"an unseen character {code_point}")

    def _document(self, text: str) -> Value:
        events = yaml.parse(text, Loader=yaml.CSafeLoader)
        try:
            return self._first_document(events)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark is not None else 1
            if not any(problem.line == line for problem in self.problems):
                what = getattr(error, "problem", None) or "not YAML"
                self._complain(line, "", what)
            return None

    def _first_document(self, events: Iterator[yaml.Event]) -> Value:
        value: Value = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                line = _line(event)
                if documents > 1:
                    self._complain(line, "", "a second document in one file")
                    raise _StopError
                if event.version or event.tags:
                    self._complain(line, "", "a directive (%YAML or %TAG)")
            elif isinstance(event, yaml.NodeEvent):
                value = self._node(events, event, "", 1)
        if documents == 0:
            self._complain(1, "", "the file is empty")
        return value

    def _node(
        self, events: Iterator[yaml.Event], event: yaml.Event, pointer: str, depth: int
    ) -> Value:
        line = _line(event)
        self.lines.setdefault(pointer, line)
        self._nodes += 1
        if self._nodes > NODES_MAX:
            self._complain(line, "", f"more than {NODES_MAX} values")
            raise _StopError
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            self._complain(line, pointer, "an alias", "write the value out")
            return None
        self._decorations(event, line, pointer)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, pointer)
        if depth > DEPTH_MAX:
            self._complain(line, pointer, f"nested deeper than {DEPTH_MAX}")
            raise _StopError
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(events, pointer, depth)
        return self._map(events, pointer, depth)

    def _decorations(
        self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int, pointer: str
    ) -> None:
        if event.anchor is not None:
            self._complain(line, pointer, "an anchor", "write the value out where it is needed")
        if event.tag is not None:
            self._complain(line, pointer, "a tag", "types come from the schema")

    def _scalar(self, event: yaml.ScalarEvent, pointer: str) -> Value:
        line = _line(event)
        value: str = event.value
        if not event.implicit[0]:
            escaped = () if line in self._unseen_lines else unseen(value)
            for _, code_point in escaped:
                self._complain(line, pointer, f"an escaped unseen character {code_point}")
            return value
        try:
            return plain(value)
        except AmbiguousError as error:
            self._complain(line, pointer, str(error))
            return None

    def _list(self, events: Iterator[yaml.Event], pointer: str, depth: int) -> list[Value]:
        found: list[Value] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            found.append(self._node(events, event, f"{pointer}/{len(found)}", depth + 1))
        return found

    def _map(self, events: Iterator[yaml.Event], pointer: str, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = _line(event)
            key = self._key(events, event, pointer, depth)
            place = pointer if key is None else f"{pointer}/{escape(key)}"
            if key is not None and key in found:
                self._complain(
                    line, place, "the key stands twice", f"first on line {self.lines[place]}"
                )
            else:
                self.lines.setdefault(place, line)
            value = self._node(events, next(events), place, depth + 1)
            if key is not None:
                found.setdefault(key, value)
        return found

    def _key(
        self, events: Iterator[yaml.Event], event: yaml.Event, pointer: str, depth: int
    ) -> str | None:
        """Return the key that the event opens, or None after complaining."""
        line = _line(event)
        if not isinstance(event, yaml.ScalarEvent):
            self._complain(line, pointer, "a key that is not text")
            self._node(events, event, pointer, depth + 1)
            return None
        self._decorations(event, line, pointer)
        complaint = _key_complaint(event)
        if complaint is not None:
            self._complain(line, pointer, complaint)
            return None
        return str(event.value)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def _key_complaint(event: yaml.ScalarEvent) -> str | None:
    key = event.value
    if key in _KEYS_REFUSED:
        return _KEYS_REFUSED[key]
    if len(key) > KEY_CHARS_MAX:
        return f"a key longer than {KEY_CHARS_MAX} characters"
    if not is_plain_ascii(key):
        return "a key that is not printable ASCII"
    if event.implicit[0] and not _reads_as_text(key):
        return "a key that is not text: put it in quotes"
    return None


def _reads_as_text(word: str) -> bool:
    try:
        return isinstance(plain(word), str)
    except AmbiguousError:
        return False
