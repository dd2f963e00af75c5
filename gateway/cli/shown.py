"""How text from a log is printed: whoever wrote it, it can neither move the cursor nor mislead."""

import sys
import unicodedata

from gateway.domain.errors import ConfigError, GatewayError

UNUSABLE = 2
NOT_VERIFIED = "this reads the log as it stands; perimeter verify says whether it is whole"
SHOWN_CHARACTERS_MAX = 4_000
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


def shown(text: object) -> str:
    """Return the text in one line, with everything escaped that is not seen as it stands.

    Escaped are control characters, line ends, marks of direction and letters that run from right
    to left, odd spaces, and the backslash, so that no text looks like the escape of another.
    """
    whole = str(text)
    cut = "" if len(whole) <= SHOWN_CHARACTERS_MAX else "..."
    return "".join(map(_one, whole[:SHOWN_CHARACTERS_MAX])) + cut


def unusable(error: Exception) -> int:
    """Say in plain lines why the ledger cannot be used, and return the exit code of that."""
    for line in _reasons(error):
        print(f"perimeter: {shown(line)}", file=sys.stderr)
    return UNUSABLE


def _reasons(error: Exception) -> list[str]:
    if isinstance(error, ConfigError):
        return [f"a stored document cannot be used: {problem}" for problem in error.problems]
    if isinstance(error, GatewayError):
        return [f"{error.what} ({error.hint})" if error.hint else error.what]
    return [f"the ledger cannot be read: {type(error).__name__}"]


def _one(character: str) -> str:
    is_seen = character.isprintable() and character != "\\"
    if is_seen and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT:
        return character
    return character.encode("unicode_escape").decode()
