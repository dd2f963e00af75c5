"""What keys, anonymous callers and issuers bind, held against policy and catalogue."""

from collections.abc import Collection, Iterator

from msgspec import Struct

from gateway.domain.caller import Caller, RepoRegistry
from gateway.domain.document import Document
from gateway.domain.errors import Problem
from gateway.domain.fleet import Catalogue
from gateway.domain.vocabulary import UnknownLabelError, Vocabulary
from gateway.flow.ports import World
from gateway.identity.keys import KeyRing
from gateway.policy.compile import Compiled
from gateway.routing.names import askable


class Bindable(Struct, frozen=True):
    """What may be bound: labels, repositories, zones, and names that may be asked for."""

    vocabulary: Vocabulary
    registry: RepoRegistry
    zones: Collection[str]
    names: frozenset[str]


def bindable(compiled: Compiled, catalogue: Catalogue) -> Bindable:
    """Return what a policy and a catalogue let one bind."""
    names = frozenset(askable(catalogue))
    return Bindable(compiled.vocabulary, compiled.registry, compiled.zones, names)


def bindable_in(world: World) -> Bindable:
    """Return what can be bound in the current snapshot."""
    names = frozenset(askable(world.fleet.catalogue))
    return Bindable(world.vocabulary, world.registry, world.program.zones, names)


def key_problems(document: Document, keys: KeyRing, known: Bindable) -> Iterator[Problem]:
    """Yield what the keys bind and nothing defines."""
    for caller in keys.callers:
        yield from binding_problems(document, f"/keys/{caller.key_id}", caller, known)


def binding_problems(
    document: Document, at: str, caller: Caller, known: Bindable
) -> Iterator[Problem]:
    """Yield what one caller is bound to and nothing defines."""
    for repo in caller.repos:
        if repo not in known.registry.repos:
            yield document.problem(f"{at}/repos", "the policy registers no such repository")
    labels = [("label", one) for one in (caller.label, *caller.floors) if one is not None]
    labels += [("clearance", one) for one in caller.allowance.clearances or ()]
    for field, label in labels:
        try:
            known.vocabulary.parse(label)
        except UnknownLabelError as error:
            yield document.problem(f"{at}/{field}", str(error))
    if _strangers(caller.allowance.zones or (), known.zones):
        yield document.problem(f"{at}/zones", "the policy has no such zone")
    if _strangers(caller.allowance.names or (), known.names):
        yield document.problem(f"{at}/tasks", "no task or model has that name")


def _strangers(told: Collection[str], known: Collection[str]) -> bool:
    return any(one not in known for one in told)
