"""What approvals have set, folded from the Admin records of the ledger, and kept between starts.

The ledger is what counts. The file beside it saves reading it from the beginning at every start:
it says up to which record it was folded, carries a MAC of the node, and one that does not fit is
folded anew.
"""

import hmac
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.audit.record import Admin, Attempted, Record, Settled
from gateway.domain.approval import Action, Approved

USED = "approval_used"
ERASED = "erased"
GLASS_BEGAN = "break_glass_began"
GLASS_ENDED = "break_glass_ended"
WAIVER_ENDED = "waiver_ended"
POLICY_LOADED = "policy_loaded"
PERSONS_LOADED = "persons_loaded"
FILE_BYTES_MAX = 16 * 1024 * 1024
GRANTING = frozenset({Action.WAIVER, Action.BREAK_GLASS})
# WHY: no clock tells when a used statement may be forgotten: one that was far ahead for a single
# record would make all of them new. Persons sign few; those that end first make room.
USED_MAX = 50_000
# WHY: what is revoked may not have been handed in yet, and nobody knows how long it would last.
REVOKED_KEPT_US = 36_600 * 86_400_000_000
_MAC_BYTES = 32
_ENCODER = msgspec.json.Encoder(order="sorted")


# What has had its whole effect when it is recorded.
NOTHING_LASTING = frozenset(
    {
        Action.POLICY,
        Action.EXPORT,
        Action.ERASE,
        Action.PRUNE,
        Action.DECRYPT,
        Action.DECRYPT_BODIES,
        Action.READ_FINDINGS,
    }
)


class Active(Struct, frozen=True):
    """An approval that may still have an effect; times are microseconds since the epoch."""

    action: Action
    scope: dict[str, str]
    from_us: int
    until_us: int
    requester: str
    approvers: tuple[str, ...]

    def holds(self, now_us: int) -> bool:
        """Does it have an effect now?"""
        return self.from_us <= now_us < self.until_us


class Standing(Struct, frozen=True):
    """The state: digests of used statements with the end of each, what is active, closed zones.

    `closed` holds, by zone, the digest of the statement that closed it last. `uses` counts the
    requests that what was granted has served, by the digest of its statement. `under_way` holds
    those of them of which nobody knows yet whether they are recorded: what each was granted, by the
    id of its record.

    `erased` holds the pseudonyms of subjects whose keys were destroyed.

    `serial` and `policy` are those of the last signed policy that was in force, `persons` is the
    digest of those who may sign.
    """

    used: dict[str, int] = {}
    active: dict[str, Active] = {}
    closed: dict[str, str] = {}
    serial: int = 0
    policy: str = ""
    uses: dict[str, int] = {}
    erased: frozenset[str] = frozenset()
    persons: str = ""
    under_way: dict[str, str] = {}

    def of(self, action: Action, now_us: int) -> dict[str, Active]:
        """Return what is in effect of one action, by the digest of its statement."""
        found = self.active.items()
        return {name: one for name, one in found if one.action is action and one.holds(now_us)}


def facts_of(approved: Approved, document: str) -> dict[str, Any]:
    """Return what the ledger says of an approval; `document` is its file, stored by digest."""
    statement = approved.statement
    return {
        "approval": approved.digest,
        "document": document,
        "action": str(statement.action),
        "scope": dict(statement.scope),
        "about": statement.digest,
        "from_us": statement.from_us,
        "until_us": statement.until_us,
        "requester": approved.requester,
        "approvers": list(approved.approvers),
    }


def active_of(approved: Approved) -> Active:
    """Return what an approval has an effect as."""
    said = approved.statement
    return Active(
        said.action,
        dict(said.scope),
        said.from_us,
        said.until_us,
        approved.requester,
        approved.approvers,
    )


def taken(standing: Standing, record: Record) -> Standing:
    """Return the state after one record; one that says nothing of approvals changes none."""
    if isinstance(record, Attempted | Settled):
        return standing
    if not isinstance(record, Admin):
        granted = record.granted
        return _decided(standing, record.id, granted.id) if granted else standing
    return _told(standing, record)


def _told(standing: Standing, record: Admin) -> Standing:
    facts = record.facts
    if record.what == POLICY_LOADED:
        standing = replace(standing, serial=facts.get("serial", 0), policy=facts["policy"])
    elif record.what == ERASED:
        standing = replace(standing, erased=standing.erased | {facts["pseudonym"]})
    elif record.what == PERSONS_LOADED:
        standing = replace(standing, persons=facts["digest"])
    elif record.what in (GLASS_ENDED, WAIVER_ENDED):
        standing = replace(standing, active=_without(standing.active, facts["approval"]))
    elif record.what == USED:
        standing = _approved(standing, record)
    return standing


def _approved(standing: Standing, record: Admin) -> Standing:
    facts = record.facts
    active = Active(
        Action(facts["action"]),
        facts["scope"],
        facts["from_us"],
        facts["until_us"],
        facts["requester"],
        tuple(facts["approvers"]),
    )
    return _used(_pruned(standing, record.ts_us), facts["approval"], active, record.ts_us)


def _decided(standing: Standing, record: str, grant: str) -> Standing:
    """INVARIANT: a use that was counted when it began is not counted again by its record."""
    if standing.under_way.get(record) == grant:
        return recorded(standing, (record,))
    return used_once(standing, grant)


def used_once(standing: Standing, grant: str) -> Standing:
    """Return the state after a grant has served one more request."""
    return _counted(standing, grant, 1)


def begun(standing: Standing, grant: str, record: str) -> Standing:
    """Return the state after a grant was taken by the request of that record."""
    under_way = {**standing.under_way, record: grant}
    return replace(used_once(standing, grant), under_way=under_way)


def recorded(standing: Standing, records: Iterable[str]) -> Standing:
    """Return the state after these records of requests are known to be in the ledger."""
    gone = frozenset(records)
    left = {name: grant for name, grant in standing.under_way.items() if name not in gone}
    return replace(standing, under_way=left)


def never_recorded(standing: Standing, record: str) -> Standing:
    """Return the state after it is known that the ledger has no such record: nothing has left."""
    grant = standing.under_way[record]
    return recorded(_counted(standing, grant, -1), (record,))


def _counted(standing: Standing, grant: str, more: int) -> Standing:
    return replace(standing, uses={**standing.uses, grant: standing.uses.get(grant, 0) + more})


def _used(standing: Standing, digest: str, active: Active, now_us: int) -> Standing:
    """Return the state after a statement had its effect."""
    standing = replace(standing, used={**standing.used, digest: active.until_us})
    closed, known = standing.closed, standing.active
    match active.action:
        case Action.CLOSE_ZONE:
            closed = {**closed, active.scope["zone"]: digest}
        case Action.OPEN_ZONE:
            closed = {zone: by for zone, by in closed.items() if zone != active.scope["zone"]}
        case Action.REVOKE:
            revoked = active.scope["approval"]
            known = _without(known, revoked)
            used = {**standing.used, revoked: now_us + REVOKED_KEPT_US}
            standing = replace(standing, used=used)
        case Action.RELEASE_HOLD:
            known = {name: one for name, one in known.items() if name != active.scope["approval"]}
        case _ if active.action in NOTHING_LASTING:
            pass
        case _:
            known = {**known, digest: active}
    return replace(standing, closed=closed, active=known)


def _without(active: dict[str, Active], gone: str) -> dict[str, Active]:
    return {name: one for name, one in active.items() if name != gone}


def folded(standing: Standing, records: Iterable[Record]) -> Standing:
    """Return the state after these records."""
    for record in records:
        standing = taken(standing, record)
    return standing


class _File(Struct, frozen=True):
    origin: str
    mark: int
    standing: Standing


class StandingFile:
    """The file of one origin; `key` is a secret of the node. Writing raises OSError."""

    def __init__(self, path: Path, origin: str, key: bytes) -> None:
        self._path = path
        self._origin = origin
        self._key = key

    def read(self) -> tuple[int, Standing]:
        """Return the index of the next record and the state; 0 and nothing where it is no use."""
        nothing = (0, Standing())
        with suppress(OSError, msgspec.MsgspecError):
            with self._path.open("rb") as file:
                data = file.read(FILE_BYTES_MAX)
            mac, body = data[:_MAC_BYTES], data[_MAC_BYTES:]
            if hmac.compare_digest(mac, self._mac(body)):
                found = msgspec.json.decode(body, type=_File)
                return (found.mark, found.standing) if found.origin == self._origin else nothing
        return nothing

    def write(self, mark: int, standing: Standing) -> None:
        """Replace the file in one step."""
        body = _ENCODER.encode(_File(self._origin, mark, standing))
        fresh = self._path.with_name(f".{self._path.name}.new")
        fresh.unlink(missing_ok=True)
        # WHY: it names persons, and the folder around it may be open to a group.
        fresh.touch(mode=0o600, exist_ok=False)
        fresh.write_bytes(self._mac(body) + body)
        fresh.replace(self._path)

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, sha256)


def _pruned(standing: Standing, now_us: int) -> Standing:
    """Forget what has no effect any more; what was granted stays until the record of its end.

    WHY: a clock that is set back must not bring back what was over.
    """
    used = standing.used
    if len(used) >= USED_MAX:
        latest = sorted(used.items(), key=lambda one: one[1])[-USED_MAX + 1 :]
        used = dict(latest)
    active = {
        name: one
        for name, one in standing.active.items()
        if one.until_us > now_us or one.action in GRANTING
    }
    uses = {name: count for name, count in standing.uses.items() if name in active}
    under_way = {name: by for name, by in standing.under_way.items() if by in active}
    return replace(standing, used=used, active=active, uses=uses, under_way=under_way)
