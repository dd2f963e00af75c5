"""What one family of Google's models takes and another refuses."""

import re

from msgspec import Struct
from msgspec.structs import replace

from gateway.domain.fleet import Offering

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")


class Family(Struct, frozen=True):
    """What a model takes.

    `levels` are the words for its effort, weakest first, empty where there are none; `budget` is
    the least and the most that it may think in tokens, None where it takes no such number.
    """

    signs_calls: bool = False
    takes_json_schema: bool = True
    takes_penalties: bool = True
    takes_form_with_tools: bool = False
    takes_media_in_results: bool = False
    levels: tuple[str, ...] = ()
    budget: tuple[int, int] | None = None
    may_rest: bool = False


_THIRD = Family(
    signs_calls=True,
    takes_penalties=False,
    takes_form_with_tools=True,
    takes_media_in_results=True,
)


def family_of(offering: Offering) -> Family:
    """Return the family, by the model's name at the engine; a name that tells nothing is modern."""
    name = offering.wire_model.lower()
    found = _VERSION.search(name)
    if found is None:
        thinks = "thinking" in offering.capabilities
        return Family(budget=(512, 24_576) if thinks else None, may_rest=thinks)
    version = (int(found[1]), int(found[2] or 0))
    if version >= (3, 0):
        return _third(name, version)
    if version >= (2, 5):
        return _second(name)
    return Family(takes_json_schema=version >= (2, 0))


def _third(name: str, version: tuple[int, int]) -> Family:
    if "pro" not in name:
        return replace(_THIRD, levels=("MINIMAL", "LOW", "MEDIUM", "HIGH"))
    return replace(
        _THIRD, levels=("LOW", "HIGH") if version == (3, 0) else ("LOW", "MEDIUM", "HIGH")
    )


def _second(name: str) -> Family:
    if "pro" in name:
        return Family(budget=(128, 32_768))
    least = 512 if "lite" in name else 1
    return Family(budget=(least, 24_576), may_rest=True)
