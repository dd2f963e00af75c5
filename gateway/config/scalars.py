"""What an unquoted YAML word means: text, a decimal number, true, false or null.

A word that some YAML reader takes for a number, a boolean or null, and ours would not, is refused
rather than kept as text: its writer and its reviewer may have read it differently. The one
exception is the YAML 1.1 booleans (`NO`, `on`, `yes`): they are text, as in YAML 1.2, because
country codes are among them.
"""

import math
import re

Scalar = str | int | float | bool | None

INTEGER_MAX = 2**53 - 1
NUMBER_CHARS_MAX = 32
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None, "~": None}
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_NUMBER_ELSEWHERE = re.compile(
    r"[-+]?(?:"
    r"0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+"
    r"|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|\.(?:inf|Inf|INF|nan|NaN|NAN))"
)


class AmbiguousError(ValueError):
    """The word means different things to different YAML readers."""


def plain(text: str) -> Scalar:
    """Return the meaning of an unquoted word; AmbiguousError when readers would disagree."""
    if text == "":
        raise AmbiguousError("the value is empty: write null, or leave the key out")
    if text in _WORDS:
        return _WORDS[text]
    if text.lower() in _WORDS:
        raise AmbiguousError(f"write {text.lower()}, or put the word in quotes")
    return _number(text) if _NUMBER_ELSEWHERE.fullmatch(text) else text


def _number(text: str) -> int | float:
    if len(text) > NUMBER_CHARS_MAX:
        raise AmbiguousError(f"a number has at most {NUMBER_CHARS_MAX} characters")
    if _INTEGER.fullmatch(text):
        if abs(int(text)) > INTEGER_MAX:
            raise AmbiguousError(f"a whole number is at most {INTEGER_MAX}")
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    raise AmbiguousError("write a plain decimal number such as 12 or 0.5, or put it in quotes")
