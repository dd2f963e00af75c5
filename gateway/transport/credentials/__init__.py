"""How a secret becomes header fields.

Rule 1: a credential is a small function; it holds nothing and logs nothing.
Rule 2: the secret is revealed here and nowhere earlier: no call, record or repr ever holds it.
"""

from collections.abc import Callable

from gateway.domain.secret import Secret

Fields = tuple[tuple[str, str], ...]
Credential = Callable[[Secret | None], Fields]
