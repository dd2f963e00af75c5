"""A secret is a type: it never prints itself."""

import hmac
from typing import NoReturn


class Secret:
    """A key, token or password; `reveal` is the only way to its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, at the place where it is used."""
        return self._text

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        return isinstance(other, Secret) and hmac.compare_digest(
            self._text.encode(), other.reveal().encode()
        )

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        """A secret does not travel: pickling it is refused."""
        raise TypeError("a Secret cannot be pickled")
