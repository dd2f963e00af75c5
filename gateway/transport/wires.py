"""All that is needed to reach every backend, made at once and put in use at once."""

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Executor
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from gateway.domain.secret import Secret
from gateway.transport.call import Connector
from gateway.transport.credentials import Fields, Sign
from gateway.transport.credentials.keeper import Keeper
from gateway.transport.guard import Guard
from gateway.transport.target import Target, silent

Stamp = tuple[int, int, int]
Identity = tuple[Target, Stamp, Stamp]
NO_FILE: Stamp = (0, 0, 0)


class Access(Struct, frozen=True):
    """What a secret has become: header fields, and what signs each call."""

    fields: Fields
    sign: Sign | None

    def __repr__(self) -> str:
        return "Access(***)"


class Wires(Struct, frozen=True):
    """One state of the fleet: by name each target, its connector, and its credential.

    INVARIANT: a connector belongs to one target alone; where anything of that changes, and be it
    the zone, it gets another one, so that no pool is ever shared.
    """

    guard: Guard
    targets: Mapping[str, Target]
    connectors: Mapping[str, Connector]
    keepers: Mapping[str, Keeper]
    access: Mapping[str, Access]
    identities: Mapping[str, Identity]

    def same(self, other: "Wires", name: str) -> bool:
        """Is that target reached in the same way there?"""
        mine = self.identities.get(name)
        return mine is not None and mine == other.identities.get(name)


def wired(
    targets: Iterable[Target],
    guard: Guard,
    connect: Callable[[Target], Connector],
    threads: Executor,
    before: Wires | None = None,
) -> Wires:
    """Return what reaches these targets; what is reached as `before` keeps what it has.

    Raises ValueError when a target is not where the guard knows it, has no secret and needs one, or
    the reverse; OSError when a CA file cannot be used.
    """
    listed = {target.name: target for target in targets}
    if any(not guard.knows(target.place) for target in listed.values()):
        raise ValueError("a target is not where the fleet file says that it is")
    identities = {name: _identity(target) for name, target in listed.items()}
    kept = {
        name: before
        for name, identity in identities.items()
        if before is not None and before.identities.get(name) == identity
    }
    connectors = {
        name: kept[name].connectors[name] if name in kept else connect(target)
        for name, target in listed.items()
    }
    keepers = _keepers(listed.values(), threads, kept)
    access = {
        name: access_of(one, one.secret) for name, one in listed.items() if name not in keepers
    }
    return Wires(guard, listed, connectors, keepers, access, identities)


def access_of(target: Target, secret: Secret | None) -> Access:
    """Return what the secret becomes there; ValueError when it cannot be used."""
    kind = target.kind
    try:
        fields = kind.credential(secret)
        sign = None if kind.signer is None else kind.signer(secret, target.settings)
    except ValueError as error:
        raise ValueError(f"{target.name}: {error}") from None
    if sign is not None and target.now is None:
        raise ValueError(f"{target.name}: a signature needs a clock")
    return Access(fields, sign)


def _identity(target: Target) -> Identity:
    """Return what a connection to it is made of; another model to ask for changes none of it."""
    bare = replace(
        target, models=(), contexts={}, lawful=None, may_be_scripted=False, now=None, tell=silent
    )
    return bare, _stamp(target.ca_file), _stamp(target.proxy_ca_file)


def _stamp(path: str | None) -> Stamp:
    if path is None:
        return NO_FILE
    found = Path(path).stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _keepers(
    targets: Collection[Target], threads: Executor, kept: Mapping[str, Wires]
) -> dict[str, Keeper]:
    """Return the keepers by target; what is asked about models shares that of its engine."""
    found: dict[str, Keeper] = {}
    for one in targets:
        before = kept[one.name].keepers.get(one.name) if one.name in kept else None
        if keeper := before or _keeper(one, threads):
            found[one.name] = keeper
    return found | {
        one.asked: found[one.name] for one in targets if one.name in found and one.asked
    }


def _keeper(target: Target, threads: Executor) -> Keeper | None:
    """Return what keeps the target's credential fresh, None where the secret is used as it is."""
    try:
        source = target.kind.source(target.secret, target.settings, target.way_out)
    except ValueError as error:
        raise ValueError(f"{target.name}: {error}") from None
    if source is None:
        return None
    if target.now is None:
        raise ValueError(f"{target.name}: a fetched credential needs a clock")
    return Keeper(source, target.now, target.tell, threads)
