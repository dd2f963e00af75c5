"""What a family of models is known to take, by the name of the model."""

import re

from msgspec import Struct

from gateway.domain.fleet import Offering
from gateway.translation import claude

CACHE_FROM = (3, 5)
LONG_CACHE_FROM = (4, 5)
STRONGER_FROM = (4, 7)
EVERYWHERE = frozenset({"system", "tools", "messages"})

_MAKER = re.compile(r"(?:^|[./])(anthropic\.claude|amazon\.nova|mistral\.)")
_CLAUDE = "claude-"


class Family(Struct, frozen=True):
    """What can be said to a model.

    `thinks` is empty, `budget` or `adaptive`, with `efforts` for the latter. `is_claude` stands for
    what only Claude takes: signed reasoning and `top_k`. `caches` holds what may be marked as the
    end of a prefix, `caches_long` says that one may be kept for an hour.
    """

    is_claude: bool = False
    chooses_tools: bool = False
    tells_failed_results: bool = False
    thinks: str = ""
    efforts: tuple[str, ...] = ()
    caches: frozenset[str] = frozenset()
    caches_long: bool = False


def family_of(offering: Offering) -> Family:
    """Return the family by the id at Bedrock; of an ARN that hides it, by the catalogue's name."""
    found = _MAKER.search(offering.wire_model)
    maker = found[1] if found else ""
    if not maker and offering.wire_model.startswith("arn:") and offering.model.startswith(_CLAUDE):
        return _claude(offering.model)
    if maker == "anthropic.claude":
        return _claude(offering.wire_model)
    if maker == "amazon.nova":
        kept = frozenset({"system", "messages"})
        return Family(chooses_tools=True, tells_failed_results=True, caches=kept)
    return Family(chooses_tools=maker == "mistral.")


def _claude(name: str) -> Family:
    version = claude.version(name)
    stronger = ("xhigh",) if version >= STRONGER_FROM else ()
    return Family(
        is_claude=True,
        chooses_tools=True,
        tells_failed_results=True,
        thinks=claude.thinks(name),
        efforts=("low", "medium", "high", *stronger, "max"),
        caches=EVERYWHERE if version >= CACHE_FROM else frozenset(),
        caches_long=version >= LONG_CACHE_FROM,
    )
