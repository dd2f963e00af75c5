"""One spelling of a pattern for both engines: RE2's words into what Vectorscan and `re` share."""

import re

from msgspec import Struct

PATTERN_CHARS_MAX = 16 * 1024


class PatternError(ValueError):
    """A pattern uses a form that cannot be said to both engines."""


class Anchors(Struct, frozen=True):
    """How the edges of a text are written, and the edge of a word that begins a pattern."""

    begin: str
    end: str
    word: str = r"\b"


# INVARIANT: in a joined buffer the edge of a text is its separator, so `^`, `$` and `\z` mean each
# string of the body and never the buffer.
# WHY: the arguments of a tool call are JSON inside a string, where a line begins after the two
# characters `\n`; without them a rule that begins at a word or a text would be blind there.
_ESCAPED_BREAK = r"\\[nrtbf]"
IN_BUFFER = Anchors(
    begin=rf"(?:\xff\n|{_ESCAPED_BREAK})", end=r"(?:\n\xff)", word=rf"(?:\b|{_ESCAPED_BREAK})"
)
ALONE = Anchors(begin="^", end=r"\Z")

# WHY: most rules end at a blank, quote or semicolon, as code does; prose, tables and calls end a
# secret with a comma, a bracket or the dot of a sentence.
_ENDS = r"""(?:[\x60'"\s;]|\\[nr]|$)"""
_ENDS_IN_PROSE = r"""(?:[\x60'"\s;,)\]}<>|&]|\.(?:[\x60'"\s)]|$)|\\[nr]|$)"""

_TOKEN = re.compile(
    r"(?P<escape>\\.)"
    r"|(?P<set>\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\])"
    r"|\(\?(?P<flags>-?[a-z]+)\)"
    r"|(?P<open>\((?:\?(?:P<\w+>|(?P<scoped>[a-z]*(?:-[a-z]+)?):)|(?!\?)))"
    r"|(?P<close>\))|(?P<bar>\|)|(?P<dot>\.)|(?P<begin>\^)|(?P<end>\$)"
    r"|(?P<plain>[^\\\[()|.^$]+)",
    re.DOTALL,
)
_LEADING_WORD = re.compile(r"((?:\A|(?<!\\)\|)(?:\(\?i:)?)\\b")
_POSIX = {"[:alnum:]": "0-9A-Za-z", "[:alpha:]": "A-Za-z", "[:digit:]": "0-9"}
_ESCAPES = frozenset("dswxbBnrt")
_NEGATED = {r"\S": r"[^\s\xff]", r"\W": r"[^\w\xff]", r"\D": r"[^\d\xff]"}
_FLAGS = frozenset({"i", "-i", "s"})


class _Group:
    """An open group: does a dot mean every byte, and which flags were set in its middle."""

    __slots__ = ("dotall", "flags")

    def __init__(self, *, dotall: bool) -> None:
        self.dotall = dotall
        self.flags: list[str] = []

    @property
    def opened(self) -> str:
        return "".join(f"(?{flag}:" for flag in self.flags)

    @property
    def closed(self) -> str:
        return ")" * len(self.flags)


def translate(pattern: str, anchors: Anchors) -> str:
    """Return the pattern with scoped flags, without POSIX sets, and with 0xff excluded.

    WHY: RE2 lets a flag stand in the middle of a group, where it holds to the end of that group
    and in its later branches; `re` wants it scoped.
    INVARIANT: nothing but an anchor matches the byte of a separator.
    """
    if len(pattern) > PATTERN_CHARS_MAX:
        raise PatternError("the pattern is too long")
    pattern = pattern.replace(_ENDS, _ENDS_IN_PROSE)
    groups = [_Group(dotall=False)]
    written: list[str] = []
    at = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            raise PatternError("the pattern cannot be read")
        written.append(_written(token, groups, anchors))
        at = token.end()
    if len(groups) != 1:
        raise PatternError("a group is not closed")
    written.append(groups[0].closed)
    return _LEADING_WORD.sub(lambda found: found[1] + anchors.word, "".join(written))


def _written(token: re.Match[str], groups: list[_Group], anchors: Anchors) -> str:
    kind, text = str(token.lastgroup), token[0]
    if kind in {"escape", "set"}:
        return _escape(text, anchors) if kind == "escape" else _set(text)
    if kind in {"flags", "open", "close", "bar"}:
        return _grouped(kind, token, groups)
    if kind == "dot":
        return r"[^\xff]" if groups[-1].dotall else r"[^\n\xff]"
    return {"begin": anchors.begin, "end": anchors.end}.get(kind, text)


def _grouped(kind: str, token: re.Match[str], groups: list[_Group]) -> str:
    group = groups[-1]
    if kind == "flags":
        return _set_flag(token["flags"], group)
    if kind == "bar":
        return f"{group.closed}|{group.opened}"
    if kind == "close":
        if len(groups) == 1:
            raise PatternError("a group is closed twice")
        return f"{groups.pop().closed})"
    return _open(token, groups)


def _open(token: re.Match[str], groups: list[_Group]) -> str:
    flag = token["scoped"] or ""
    if flag and flag not in _FLAGS:
        raise PatternError("a flag is not known")
    groups.append(_Group(dotall=groups[-1].dotall or flag == "s"))
    return token[0].replace("(?s:", "(?:")


def _set_flag(flag: str, group: _Group) -> str:
    if flag not in {"i", "-i"}:
        raise PatternError("a flag is not known")
    group.flags.append(flag)
    return f"(?{flag}:"


def _escape(text: str, anchors: Anchors) -> str:
    if text == r"\z":
        return anchors.end
    if text in _NEGATED:
        return _NEGATED[text]
    if text[1].isalnum() and text[1] not in _ESCAPES:
        raise PatternError(f"the escape {text} is not known")
    return text


def _set(text: str) -> str:
    """Return the set without POSIX names, and without 0xff among what it matches."""
    for name, members in _POSIX.items():
        text = text.replace(name, members)
    if "[:" in text:
        raise PatternError("a POSIX set is not known")
    if text.startswith("[^"):
        members = text[2:]
        return rf"[^\xff\{members}" if members.startswith("]") else rf"[^\xff{members}"
    wide = [name for name in _NEGATED if name in text]
    if not wide:
        return text
    if text == f"[{wide[0]}]":
        return _NEGATED[wide[0]]
    if wide == [r"\S"] and r"\s" in text:
        return r"[^\xff]"
    raise PatternError("a set mixes negated classes")
