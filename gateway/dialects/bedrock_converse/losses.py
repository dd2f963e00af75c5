"""The names of what translation cannot carry, in the words of this dialect."""

from gateway.dialects.bedrock_converse.vocabulary import FIELDS, NESTED
from gateway.translation import losses

NAMED = FIELDS.keys() | NESTED


class Losses(losses.Losses):
    """Losses that may be told in the words of this dialect."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(NAMED)
