"""The names of what translation cannot carry, in the words of this dialect."""

from collections.abc import Container, Mapping

from gateway.dialects.gemini.spelling import snake
from gateway.dialects.gemini.vocabulary import FIELDS, NESTED
from gateway.translation import losses

NAMED = FIELDS.keys() | NESTED


class Losses(losses.Losses):
    """Losses that may be told in the words of this dialect, whose fields have two spellings."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(NAMED)

    def extras(self, holder: Mapping[str, object], known: Container[str], path: str = "") -> None:
        """Add every field that is set and not known, in one of its spellings; empty ones too."""
        for name, value in holder.items():
            if value is not None and name not in known:
                word = snake(name)
                self.note(path + word if word in NAMED else losses.UNKNOWN)
