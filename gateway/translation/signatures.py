"""Who signed a piece of reasoning."""

import re

_RANDOM = re.compile(r"[0-9a-f]{32}")


def is_signed(signature: str | None) -> bool:
    """Did the maker of that reasoning sign it?

    WHY: vLLM fills the field with a random id. A Claude that gets it refuses the request, and every
    later one of that conversation.
    """
    return bool(signature) and _RANDOM.fullmatch(signature or "") is None
