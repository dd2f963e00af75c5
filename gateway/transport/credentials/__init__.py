"""How a secret becomes header fields.

Rule 1: a credential is a small function; it holds nothing and logs nothing.
Rule 2: the secret is revealed here and nowhere earlier: no call, record or repr ever holds it.
Rule 3: nothing comes from the environment: a secret and the fleet file's settings are all there is.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct

from gateway.domain.secret import Secret

Fields = tuple[tuple[str, str], ...]
Settings = Mapping[str, str | int | bool]
Credential = Callable[[Secret | None], Fields]


class Unsigned(Struct, frozen=True):
    """A call exactly as it will be sent, but for its signature; `url` is encoded for the wire."""

    method: str
    url: str
    headers: Fields
    body: bytes


Sign = Callable[[Unsigned, datetime], Fields]
Signer = Callable[[Secret | None, Settings], Sign | None]
