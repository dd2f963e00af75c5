"""Another fleet while the gateway runs: made first, and then taken all at once."""

from msgspec import Struct
from msgspec.structs import replace

from gateway.app.loading import Loaded
from gateway.app.making import Made
from gateway.app.reaching import guard_of, kinds_of, targets_of, verifier_of
from gateway.domain.errors import ConfigError, Problem
from gateway.transport.backend import Backend
from gateway.transport.residency.verifier import Verifier
from gateway.transport.target import Target
from gateway.transport.wires import Wires


class Refit(Struct, frozen=True):
    """What reaches another fleet, and what speaks to it; nothing of it is in use yet."""

    targets: tuple[Target, ...]
    wires: Wires
    backends: dict[str, Backend]
    verifier: Verifier


def refit(made: Made, fresh: Loaded) -> Refit:
    """Return what that configuration reaches; ConfigError where it cannot be reached so.

    INVARIANT: a backend that is reached as before keeps its pool, and the record of its kind: by
    that a request under way knows that it may go on.
    """
    targets = targets_of(fresh, made.clock)
    try:
        wires = _wires(made, fresh, targets)
    except (ValueError, OSError) as error:
        what = str(error) if isinstance(error, ValueError) else f"a CA file: {error.strerror}"
        raise ConfigError((Problem("backends.yaml", 1, "", what),)) from None
    before, known = made.sender.wires, made.house.backends
    # WHY: kinds are shared; a record of its own tells a backend from the one before it.
    backends = {
        name: known[name] if wires.same(before, name) else replace(kind)
        for name, kind in kinds_of(fresh, made.probes).items()
    }
    return Refit(
        targets, wires, backends, verifier_of(fresh, targets, made.sender, made.house.seen)
    )


def _wires(made: Made, fresh: Loaded, targets: tuple[Target, ...]) -> Wires:
    guard = guard_of(fresh, targets)
    # WHY: what would be a breach at its first probe is better not taken at all.
    if outside := guard.misplaced():
        raise ValueError(f"{', '.join(outside)}: the address is outside the pins of its zone")
    return made.sender.wire(targets, guard)


def take(made: Made, fit: Refit) -> None:
    """Let that fleet be in use; whatever asks sees the one or the other."""
    known = made.house.backends
    moved = [name for name, kind in fit.backends.items() if known.get(name) is not kind]
    made.sender.take(fit.wires)
    made.house.backends.clear()
    made.house.backends.update(fit.backends)
    made.probes.take(fit.targets)
    made.residency.take(fit.verifier, moved)
