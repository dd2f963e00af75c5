"""The product that a user agent names."""

import re

PRODUCT_CHARS_READ = 65
_PRODUCT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}(?![^/ ])", re.ASCII)


def product_of(user_agent: str) -> str:
    """Return the name of the first product in lower case, without its version; else nothing.

    It is what the client says of itself, so nothing may be permitted by it.
    """
    found = _PRODUCT.match(user_agent[:PRODUCT_CHARS_READ].lower())
    return found.group() if found else ""
