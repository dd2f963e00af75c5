"""One question to the ledger, as it is handed over and recorded."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

WORD_CHARACTERS_MAX = 64
TEXT_CHARACTERS_MAX = 512

Word = Annotated[str, Meta(max_length=WORD_CHARACTERS_MAX)]
Text = Annotated[str, Meta(max_length=TEXT_CHARACTERS_MAX)]


class Query(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was asked, on which checkpoint the answer stands, and how many rows it has."""

    question: Word
    period: Word
    where: Text = ""
    record: Word = ""
    within: Text = ""
    form: Word = ""
    rows: Annotated[int, Meta(ge=0)] = 0
    size: Annotated[int, Meta(ge=0)] = 0
    verified: bool = False


def facts_of(query: Query, owner: int) -> dict[str, object]:
    """Return what the ledger says of a query; what was not asked for is left out."""
    told = {name: value for name, value in msgspec.to_builtins(query).items() if value != ""}
    return {**told, "by": f"uid:{owner}"}
