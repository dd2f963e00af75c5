"""The letters of a placeholder: keyed, so that nobody can guess from them what stood there."""

import hashlib
import hmac
from collections.abc import Callable

from gateway.classification.redaction import NAME_CHARS, NAME_LETTERS

# Returns the letters of a placeholder, for the team of the caller and a text.
Names = Callable[[str, str], str]


def keyed(key: bytes) -> Names:
    """Return what names texts: the same text of the same team has the same name in every request.

    `key` is derived from the node's secret; each team has a key of its own under it.
    """

    def name(team: str, text: str) -> str:
        own = hmac.digest(key, team.encode(errors="surrogatepass"), hashlib.sha256)
        digest = hmac.digest(own, text.encode(errors="surrogatepass"), hashlib.sha256)
        return "".join(NAME_LETTERS[half] for half in _halves(digest[: NAME_CHARS // 2]))

    return name


def nameless(_team: str, _text: str) -> str:
    """Stand for a house without a key: all placeholders of a kind are alike, and none restores."""
    raise ValueError("there is no key for placeholders")


def _halves(data: bytes) -> list[int]:
    return [half for byte in data for half in (byte >> 4, byte & 15)]
