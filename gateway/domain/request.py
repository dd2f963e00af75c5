"""One request as it came in, and what it asks for."""

from typing import Any

from msgspec import Struct

from gateway.domain.caller import Caller

Body = dict[str, Any]


class Claims(Struct, frozen=True):
    """What the client says of its own request; it may raise the label, never lower it.

    `repo` is what somebody set; `workspaces` are remote URLs that a tool tells by itself.
    """

    label: str | None = None
    repo: str | None = None
    session: str | None = None
    metadata: dict[str, str] = {}
    workspaces: tuple[str, ...] = ()


class Envelope(Struct, frozen=True):
    """A request of a known caller: who, through which surface, with which claims, and its body.

    `body` is the one parsed value: what is classified is what is sent. `body_sha256` is over the
    bytes that came in and never leaves the process unsalted.
    """

    id: str
    received_us: int
    caller: Caller
    surface: str
    dialect: str
    claims: Claims
    body: Body
    body_bytes: int
    body_sha256: bytes = b""
    address: str = ""
    client: str = ""


class Ask(Struct, frozen=True):
    """What is wanted: a name (task, model or `backend:model`), a stream or not, abilities, limits.

    `needs` holds capabilities (`tools`, `images`, `documents`, `thinking`).
    """

    model: str
    stream: bool = False
    usage_wanted: bool = True
    needs: frozenset[str] = frozenset()
    output_tokens_max: int | None = None
