"""Everything that the flow works with, constructed once by `app`."""

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct, field

from gateway.domain.caller import Caller
from gateway.domain.dialect import Dialect
from gateway.flow.background import Background
from gateway.flow.naming import Names, nameless
from gateway.flow.openings import Openings
from gateway.flow.ports import (
    Bodies,
    Clock,
    Conversations,
    Grants,
    Health,
    Ids,
    Ledger,
    Meters,
    NoGrants,
    Scanner,
    Sender,
    Worlds,
)
from gateway.transport.backend import Backend
from gateway.transport.residency.seen import Seen


class Log(Protocol):
    """The operators' log: events and field names, never content."""

    def warning(self, event: str, *, record: str, **fields: str | tuple[str, ...]) -> None:
        """Write one line about the request of that record."""


class House(Struct, frozen=True, kw_only=True):
    """The rooms as the flow sees them.

    `backends` maps a backend's name in the fleet file to its record; another stands there when the
    file is read again and says something else of it. `refusal_status` is the
    status of a refusal by policy: 400, which clients show once, or 403. `tenant_of` returns, for a
    team, the keyed name under which engines keep its prompts apart; empty where none is kept.
    `seen` counts what replies tell of where they were made, `grants` the uses of what persons
    granted. `names` makes the letters of a placeholder. `bodies` keeps texts, where the node does.
    `stands` says whether the key of a caller still says of him what it said when he came.
    """

    worlds: Worlds
    ledger: Ledger
    sender: Sender
    health: Health
    scanner: Scanner
    conversations: Conversations
    clock: Clock
    ids: Ids
    meters: Meters
    log: Log
    background: Background
    backends: dict[str, Backend]
    dialects: Mapping[str, Dialect]
    boot: str
    openings: Openings = field(default_factory=Openings)
    refusal_status: int = 400
    seen: Seen = field(default_factory=Seen)
    bodies: Bodies | None = None
    tenant_of: Callable[[str], str] = lambda _team: ""
    grants: Grants = field(default_factory=NoGrants)
    names: Names = nameless
    stands: Callable[[Caller], bool] = lambda _caller: True
