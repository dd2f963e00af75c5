"""A request to an engine, complete and not yet sent, and the one interface of every client."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from msgspec import Struct


def may_go() -> str:
    """Return that nothing stops it: what carries nothing of a request."""
    return ""


class HttpCall(Struct, frozen=True):
    """Method, path, headers (lower-case names) and body, for the backend named.

    No URL: the host comes from the fleet file, by the backend's name. `stopped()` is asked once
    more before it goes: it says in a word why it shall not, and nothing where it may.
    """

    backend: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    stopped: Callable[[], str] = may_go


class Address(Struct, frozen=True):
    """Where a connection is dialled: an IP address in its shortest form, checked by the guard."""

    ip: str
    port: int


class Timeouts(Struct, frozen=True):
    """Limits of one attempt in milliseconds.

    `first_byte_ms` runs from the end of sending to the first byte of the reply's head,
    `idle_ms` between two reads of the body, `total_ms` over the whole attempt.
    """

    connect_ms: int = 2_000
    first_byte_ms: int = 120_000
    idle_ms: int = 60_000
    total_ms: int = 900_000


class HttpReply(Protocol):
    """A reply whose head has come; its body is read once."""

    @property
    def status(self) -> int:
        """The status code."""

    @property
    def headers(self) -> dict[str, str]:
        """Header fields by lower-case name; of repeated ones the last."""

    async def read(self, bytes_max: int) -> bytes:
        """Return the whole body; ReplyTooLarge over the bound."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; leaving the iterator early closes the connection."""

    def abandon(self) -> None:
        """Close the connection at once, so that the engine stops working."""


class Connector(Protocol):
    """One HTTP client for one backend of one zone; its pool is shared with nobody."""

    async def send(self, call: HttpCall, timeouts: Timeouts, address: Address) -> HttpReply:
        """Send to that address and wait for the head; raises TransportFailure.

        The name is never resolved again: what was checked is what is dialled.
        """

    def retire(self) -> None:
        """Take no further call: what is idle is closed, what is under way comes to its end."""

    async def close(self) -> None:
        """Close every connection."""
