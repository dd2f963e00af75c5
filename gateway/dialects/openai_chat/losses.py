"""What a target cannot say, by name.

INVARIANT: a name is a word of ours or of a vendor, never a word of the client: losses stand in the
record and in a header.
"""

from gateway.dialects.openai_chat.vocabulary import FIELDS, NESTED
from gateway.translation import losses

NAMED = FIELDS.keys() | NESTED


class Losses(losses.Losses):
    """Losses that may be told in the words of this dialect."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(NAMED)
