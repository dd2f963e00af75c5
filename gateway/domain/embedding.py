"""Texts that are to become vectors, in no dialect."""

from msgspec import Struct


class Embedding(Struct, frozen=True):
    """The texts in order, each to become one vector.

    `dimensions` asks for shorter vectors. `may_cut` says that a text that is too long may be cut at
    its end; otherwise that is an error.
    """

    inputs: tuple[str, ...]
    dimensions: int | None = None
    may_cut: bool = False
