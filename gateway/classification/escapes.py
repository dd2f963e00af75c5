r"""What a string says once the escapes of JSON in it are read.

The arguments of a tool call are JSON inside a string: in there `\u0067lpat-` is a token to whoever
reads it, and to no rule.
"""

import re
from collections.abc import Iterator
from typing import Any

import jiter

MARKS_MAX = 100_000
AROUND_CHARACTERS = 1_024

FEW_BACKSLASHES = 4_096

_CODES = ("\\u00", "\\/")
_BEHIND = tuple(code[1:] for code in _CODES)
_CODED = re.compile(r"\\(?:u00|/)")
# WHY: three quotes begin a text of Python, and no JSON.
_OPENS_JSON = re.compile(r'[ \t\n\r]*(?:[{\[]|"(?!""))')
_OPENS_CONTAINER = re.compile(r"[ \t\n\r]*[{\[]")
# WHY: codes over Latin-1 hide no character of which a rule could speak. These would begin a code of
# Python's, or of its own spelling of what stands behind them, and are none of JSON's.
_OTHER_CODE = re.compile(r"\\(?=U|u(?!00[0-9A-Fa-f]{2})|[^\x00-\xff])")
_PYTHON = "raw_unicode_escape"
_MARKS = (
    ('\\"', '"'),
    ("\\/", "/"),
    ("\\n", "\n"),
    ("\\t", "\t"),
    ("\\r", "\r"),
    ("\\b", "\b"),
    ("\\f", "\f"),
)
# WHY: an escaped backslash waits as NUL while the others are read; a wider character would make
# every string four times as slow.
_HELD = "\0"


def hides(text: str, value_at: int) -> bool:
    """Is the text from there on JSON with escapes, or does it spell letters by their codes?

    WHY: code and prose are full of backslashes; only these are read as something else.
    """
    if "\\" not in text:
        return False
    return opens_json(text, value_at) or _spells(text)


def _spells(text: str) -> bool:
    """Does one of the codes stand in the text?

    WHY: one sign is looked for several times as fast as more, and source has few backslashes.
    """
    if text.count("\\") > FEW_BACKSLASHES:
        return any(code in text for code in _CODES)
    return any(part.startswith(_BEHIND) for part in text.split("\\")[1:])


def opens_json(text: str, value_at: int) -> bool:
    """Does the text begin there as JSON does?"""
    return _OPENS_JSON.match(text, value_at) is not None


def spelled(text: str) -> Iterator[tuple[int, int]]:
    """Yield what stands around the codes of a text; parts that touch are one."""
    found = _CODED.search(text)
    while found is not None:
        at = found.start()
        begin = max(at - AROUND_CHARACTERS, 0)
        # WHY: a call for each of many codes would cost more than the rest of the scan.
        while (last := _last(text, at + 1, at + 2 * AROUND_CHARACTERS + 1)) >= 0:
            at = last
        yield begin, at + AROUND_CHARACTERS
        found = _CODED.search(text, at + 2 * AROUND_CHARACTERS)


def _last(text: str, start: int, end: int) -> int:
    """Return where the last code stands that begins in that span, -1 for none."""
    return max(text.rfind(code, start, end - 1 + len(code)) for code in _CODES)


def container(text: str, value_at: int) -> Any:  # noqa: ANN401
    """Return the object or list that is written from there on; None for what is no such JSON.

    None too where a key stands twice, since one of the two would vanish, where the key in front
    of it hides something itself, and over MARKS_MAX brackets and commas.
    """
    if text.find("\\") < value_at or _OPENS_CONTAINER.match(text, value_at) is None:
        return None
    if len(text) > MARKS_MAX and sum(map(text.count, "{[,")) > MARKS_MAX:
        return None
    try:
        return jiter.from_json(
            text[value_at:].encode(),
            catch_duplicate_keys=True,
            allow_inf_nan=False,
            cache_mode="none",
        )
    except ValueError:
        return None


def codes_in(text: str) -> int:
    """Return how many characters may be spelled by their codes."""
    return text.count("\\u00")


def plain(text: str) -> str:
    """Return the text with one layer of escapes read; what is no escape stays.

    WHY: a string that is cut off, says a key twice or goes on behind its JSON hides as much as a
    whole one, and no parser reads it.
    """
    read = text.replace("\\\\", _HELD)
    if "\\u00" in read:
        read = _spelt(read)
    for escape, character in _MARKS:
        read = read.replace(escape, character)
    return read.replace(_HELD, "\\")


def _spelt(text: str) -> str:
    """Return the text with its codes under Latin-1 read; a backslash that one spells is held.

    WHY: Python reads its own codes, which are the same, many times as fast as one by one.
    """
    for backslash in ("\\u005c", "\\u005C"):
        text = text.replace(backslash, _HELD)
    ours = _OTHER_CODE.sub(r"\\u005c", text)
    return ours.encode(_PYTHON).decode(_PYTHON)
