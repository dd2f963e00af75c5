"""The names of what translation cannot carry, in the words of this dialect."""

from collections.abc import Container, Mapping

from gateway.dialects.gemini.spelling import snake
from gateway.dialects.gemini.vocabulary import FIELDS, NESTED
from gateway.translation import losses

NAMED = FIELDS.keys() | NESTED


class Losses(losses.Losses):
    """Losses that may be told in the words of this dialect, in its second spelling."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(NAMED)

    def extras(self, holder: Mapping[str, object], known: Container[str], path: str = "") -> None:
        """Add every field that is set and not known; by name if it is documented.

        WHY: elsewhere an empty object says nothing; here it is a message that is set, and turns
        things on (`retrievalConfig`).
        """
        for name, said in holder.items():
            if said is not None and name not in known:
                word = snake(name)
                self.note(path + word if word in NAMED else losses.UNKNOWN)
