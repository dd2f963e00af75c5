"""Plays the cases of a policy with the code that serves; `check` and `policy test` share it."""

from collections.abc import Iterable

from msgspec import Struct

from gateway.app.loading import Loaded
from gateway.domain.fleet import Fleet
from gateway.flow.opening import Stamp
from gateway.flow.ports import World
from gateway.flow.rehearsal import play
from gateway.policy.cases import Case, Got, differences
from gateway.stores.scanner import DetectorScanner


class Played(Struct, frozen=True):
    """A case and what became of it."""

    case: Case
    got: Got


def world_of(loaded: Loaded) -> World:
    """Return the snapshot of a configuration in which every backend is well."""
    compiled = loaded.compiled
    return World(
        program=compiled.program,
        vocabulary=compiled.vocabulary,
        registry=compiled.registry,
        fleet=Fleet(loaded.models.catalogue, ends=loaded.models.ends),
        documents={"policy": compiled.program.digest},
        demo=loaded.node.settings.demo,
    )


async def play_all(loaded: Loaded, scanner: DetectorScanner, stamp: Stamp) -> tuple[Played, ...]:
    """Return every case of the policy with its answer."""
    world = world_of(loaded)
    return tuple([Played(case, await play(case, world, scanner, stamp)) for case in loaded.cases])


def failures_of(played: Iterable[Played]) -> list[str]:
    """Return a line for each case that does not hold, with every difference."""
    return [
        f"case {one.case.name!r}: " + "; ".join(found)
        for one in played
        if (found := differences(one.case.want, one.got))
    ]
