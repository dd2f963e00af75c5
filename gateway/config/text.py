"""Which bytes are text that a person can read as it is."""

import unicodedata
from collections.abc import Iterator

TAB = "\t"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class NotTextError(ValueError):
    """The bytes are not UTF-8 without a byte order mark; `line` is where that shows."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.line = line


def decode_utf8(data: bytes) -> str:
    """Return the text with line feeds only; NotTextError when it is not plain UTF-8."""
    if data.startswith(_BOMS):
        raise NotTextError("the file starts with a byte order mark", 1)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotTextError("the file is not UTF-8", line) from None
    return text.replace("\r\n", "\n")


def unseen(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and code point of every character that is invisible or changes direction.

    Control, format, private-use and separator characters count; a line feed does not.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if not (line.isascii() and line.isprintable()):
            for character in line:
                if unicodedata.category(character) in _UNSEEN:
                    yield number, f"U+{ord(character):04X}"


def is_plain_ascii(text: str) -> bool:
    """Is the text printable ASCII and nothing else?"""
    return text.isascii() and text.isprintable()
