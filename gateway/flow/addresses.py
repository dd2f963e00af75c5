"""Whether what comes next in a text stands inside an address, however the text is cut.

An address is what somebody may fetch, or be led to, without reading it: from the first sign of one
(a scheme, two slashes, what follows the name of a host) to the end of its run of characters that
are no space; in quotes that follow an equals sign, and between angle brackets, to their end; the
target of a link of Markdown or of `url()`, to its closing bracket. What only looks like one counts
as one.
"""

import re

SPACE = " \t\n\r\f"
WORD_CHARS_MAX = 64
ATTRIBUTES = ("href", "src", "srcset", "poster", "ping", "action", "background", "cite", "manifest")
SCHEMES = frozenset(
    {"about", "blob", "callto", "cid", "data", "file", "filesystem", "geo", "intent", "javascript"}
    | {"jar", "magnet", "mailto", "market", "mid", "sip", "sips", "skype", "sms", "tel", "urn"}
    | {"vbscript", "view-source", "xmpp"}
    # WHY: of another scheme than that of its page, these need no slash.
    | {"ftp", "http", "https", "ws", "wss"}
)
# WHY: readers of addresses take one slash for the other.
_PAIRS = frozenset({"//", "/\\", "\\/", "\\\\", ":/", ":\\", "&#"})
_AFTER_HOST = frozenset("/?#")
_ENTITIES = frozenset({"sol", "bsol", "colon"})
_WORD = r"A-Za-z0-9_.+\-"
_MARKS = re.escape("\"'=()<>/\\:;&#[]")
_TOKENS = re.compile(f"[{SPACE}]+|[{_WORD}]+|[{_MARKS}]|[^{SPACE}{_WORD}{_MARKS}]+")
# A name whose last part could be a top-level domain, as whoever makes links of bare names looks.
_IS_HOST = re.compile(r".*\.[a-z][a-z0-9-]+\.?").fullmatch
_IS_WORD = re.compile(f"[{_WORD}]").match
_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|[^u])|["]|[^\\"]+')
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "b": "\b"}
_HALF = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")


class Words:
    """A text of which piece after piece is read; what is kept of it is bounded."""

    __slots__ = (
        "_after",
        "_angle",
        "_angled",
        "_before",
        "_depth",
        "_equals",
        "_glued",
        "_host",
        "_lines",
        "_named",
        "_quote",
        "_quoted",
        "_run",
        "_word",
    )

    def __init__(self) -> None:
        self._run = self._quoted = self._angled = False
        self._depth = 0
        # The quote that was opened last after an equals sign, and an angle bracket of this line.
        self._quote, self._angle = "", False
        # The last character, the last word, what stood before it, and whether it goes on.
        self._before = self._word = self._after = ""
        self._glued = False
        # Whether a host stands before the word, which may be its port.
        self._host = False
        # After an equals sign, and after that of an attribute which is an address.
        self._equals = self._named = False
        self._lines = 0

    @property
    def inside(self) -> bool:
        """Does what comes next stand inside an address?"""
        return self._run or self._named or self._quoted or self._angled or self._depth > 0

    def feed(self, text: str) -> None:
        """Read the next piece."""
        for piece in _TOKENS.findall(text):
            if piece[0] in SPACE:
                self._space(piece)
            elif _IS_WORD(piece):
                self._letters(piece)
            else:
                self._mark(piece)

    def _space(self, piece: str) -> None:
        self._run = self._glued = self._host = False
        self._before = ""
        lines = piece.count("\n")
        if lines:
            self._angle = self._angled = False
            self._lines += lines
            # WHY: no target of Markdown goes over an empty line.
            self._depth = 0 if self._lines > 1 else self._depth

    def _letters(self, piece: str) -> None:
        self._goes_on()
        if not self._glued:
            self._word, self._after = "", self._before
        self._word = (self._word + piece.lower())[-WORD_CHARS_MAX:]
        self._glued, self._before = True, piece[-1]
        if self._word.startswith("www."):
            self._begins()

    def _mark(self, piece: str) -> None:
        if piece == "=":
            self._lines, self._equals = 0, True
            self._named = self._word.endswith(ATTRIBUTES)
        elif piece in {'"', "'"}:
            self._quotes(piece)
        else:
            self._goes_on()
            self._brackets(piece)
            if self._before + piece in _PAIRS or self._is_scheme(piece) or self._is_host(piece):
                self._begins()
            self._host = piece == ":" and self._is_named
        self._word, self._glued, self._before = "", False, piece[-1]

    def _goes_on(self) -> None:
        """Something that is no space and no quote: a value without quotes, where one was due."""
        self._run = self._run or self._named
        self._equals = self._named = False
        self._lines = 0

    def _begins(self) -> None:
        """Take what stands here for an address, and the rest of what it stands in."""
        self._run = True
        self._quoted = bool(self._quote)
        self._angled = self._angle

    def _quotes(self, mark: str) -> None:
        opens, self._equals, self._lines = self._equals, False, 0
        if self._quoted:
            # INVARIANT: an address in quotes ends with its own; a doubtful one does not end it.
            if mark == self._quote and not opens:
                self._quote, self._quoted = "", False
        elif opens:
            self._quote, self._quoted = mark, self._named
        elif mark == self._quote:
            self._quote = ""
        self._named = False

    def _brackets(self, piece: str) -> None:
        if piece == "<":
            self._angle = True
        elif piece == ">":
            self._angle = self._angled = False
        elif piece == "(" and (self._depth or self._before == "]" or self._is_url):
            self._depth += 1
        elif piece == ")" and self._depth and self._before != "\\":
            self._depth -= 1

    @property
    def _is_url(self) -> bool:
        return self._glued and self._word.endswith("url")

    @property
    def _is_named(self) -> bool:
        """Could the word be the name of a host?"""
        return self._glued and _IS_HOST(self._word) is not None

    def _is_host(self, piece: str) -> bool:
        """Does a path begin after what may be a host, or its port?"""
        is_port = self._host and self._glued and self._word.isdigit()
        return piece in _AFTER_HOST and (self._is_named or is_port)

    def _is_scheme(self, piece: str) -> bool:
        if piece == ":":
            return self._glued and (self._word in SCHEMES or self._after == "<")
        return piece == ";" and self._word in _ENTITIES and self._after == "&"


class Arguments:
    """The same of arguments in JSON: each string is a text of its own, read without its escapes."""

    __slots__ = ("_half", "_words")

    def __init__(self) -> None:
        self._words = Words()
        self._half = ""

    @property
    def inside(self) -> bool:
        """Does what comes next stand inside an address?"""
        return self._words.inside

    def feed(self, text: str) -> None:
        """Read the next piece; half of an escape waits for the other."""
        text = self._half + text
        half = _half_of(text)
        self._half = half
        for piece in _ESCAPE.findall(text[: len(text) - len(half)]):
            if piece == '"':
                self._words = Words()
            else:
                self._words.feed(_unescaped(piece))


def _half_of(text: str) -> str:
    """Return the beginning of an escape with which the text ends; empty without one."""
    found = _HALF.search(text)
    if found is None:
        return ""
    slashes = len(text[: found.start() + 1]) - len(text[: found.start() + 1].rstrip("\\"))
    # WHY: after an even number of them a backslash is one that was escaped.
    return found[0] if slashes % 2 else ""


def _unescaped(piece: str) -> str:
    if piece[0] != "\\":
        return piece
    kind = piece[1]
    return chr(int(f"0x{piece[2:]}", 0)) if kind == "u" else _ESCAPED.get(kind, kind)
