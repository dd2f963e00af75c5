"""A file of a repository that tells its label: `.perimeter-label`, seen where a tool reads it.

Nobody vouches for such a file, so it may only raise. It counts where a request holds the reading:
a tool called with the name of the file, and what that tool answered.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import msgspec

from gateway.classification.tool_calls import Key, calls_in, is_map, parts_of, results_in
from gateway.domain.enclosed import held_in
from gateway.domain.request import Body

FILE_NAME = ".perimeter-label"
LABELS_MAX = 16
WORD_CHARS_MAX = 256
READ_CHARS_MAX = 4_096
PARTS_MAX = 16
_NAMED = re.compile(r"(?:^|[\s/\\\"'=(])\.perimeter-label(?=$|[\s\"'\\;|&)])")
# What tools put before a line: its number, and a mark.
_NUMBER = re.compile(r"\s*[0-9]{1,6}(?:\u2192|\t|: ?|\| ?)")


def labels_in_files(body: Body) -> tuple[str, ...]:
    """Return the word of each such file that the request holds, whether it is a label or not.

    Whatever the form of the body, this is no error.
    """
    found: dict[str, None] = {}
    for said in (body, *held_in(body)):
        asked: set[Key] = set()
        called, answered = Counter[str](), Counter[str]()
        for part in parts_of(said):
            for key, arguments in calls_in(part, called):
                if _names_file(arguments):
                    asked.add(key)
            for key, content in results_in(part, answered):
                word = _word(content) if key in asked else ""
                if word:
                    found[word] = None
    return tuple(found)[:LABELS_MAX]


def _names_file(arguments: object) -> bool:
    return any(_NAMED.search(text) for text in _texts(arguments))


def _word(content: object) -> str:
    """Return the word of the file: its first line that is no comment, where it is one word."""
    for text in _texts(content):
        for line in _opened(text)[:READ_CHARS_MAX].splitlines():
            said = _NUMBER.sub("", line, count=1).strip()
            if not said or said.startswith(("#", "<")):
                continue
            return said[:WORD_CHARS_MAX] if not any(map(str.isspace, said)) else ""
    return ""


def _opened(text: str) -> str:
    """Return what stands in JSON, as some tools answer; any other text as it is."""
    if not text.startswith(("{", "[")) or len(text) > READ_CHARS_MAX:
        return text
    try:
        return next(_texts(msgspec.json.decode(text)), text)
    except (ValueError, RecursionError):
        return text


def _texts(value: object, depth: int = 3) -> Iterator[str]:
    """Yield the texts in a value, the first few of each level."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, list | dict):
        # WHY: what kind of part it is stands before its text.
        named = (one for name, one in value.items() if name != "type") if is_map(value) else value
        for member in islice(named, PARTS_MAX):
            yield from _texts(member, depth - 1)
