"""What talks to engines, made of a configuration: targets, their guard, sender, probes."""

import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from gateway.app.loading import Loaded, place_of
from gateway.app.moment import SystemClock
from gateway.app.residency import asking, subjects_of
from gateway.backends import BACKENDS
from gateway.config.backends import BackendSettings
from gateway.domain.fleet import Offering
from gateway.domain.secret import Secret
from gateway.meters.logs import logger
from gateway.transport.backend import Backend
from gateway.transport.call import Timeouts
from gateway.transport.credentials.keeper import SERVED
from gateway.transport.guard import Guard
from gateway.transport.health import Health
from gateway.transport.probes import Probes
from gateway.transport.residency.seen import Seen
from gateway.transport.residency.verifier import Verifier
from gateway.transport.send import Sender
from gateway.transport.target import Target


def targets_of(loaded: Loaded, clock: SystemClock) -> tuple[Target, ...]:
    """Return every backend of the fleet file, and what is asked about models in its stead."""
    backends = loaded.models.backends.values()
    engines = [_target(loaded, backend, clock) for backend in backends]
    return tuple(one for engine in engines for one in _with_control(engine))


def _target(loaded: Loaded, backend: BackendSettings, clock: SystemClock) -> Target:
    """Return one backend with all that is needed to reach it."""
    settings = loaded.node.settings
    waits = settings.timeouts
    zone = loaded.compiled.zones.get(backend.zone)
    offerings = loaded.models.catalogue.offerings
    return Target(
        place=place_of(backend),
        kind=BACKENDS[backend.kind],
        secret=loaded.secrets[backend.secret] if backend.secret else None,
        proxy_secret=_proxy_secret(loaded, backend),
        proxy_ca_file=_proxy_ca_file(backend),
        ca_file=str(backend.ca_file) if backend.ca_file else None,
        timeouts=Timeouts(waits.connect_ms, waits.first_byte_ms, waits.idle_ms, waits.total_ms),
        models=loaded.models.asked_of(backend.name),
        contexts=_contexts(offerings, backend.name),
        may_be_scripted=settings.demo,
        lawful=None if zone is None else zone.processing_regions,
        settings=backend.settings,
        now=clock.now,
        tell=partial(_told, backend.name),
    )


def _proxy_secret(loaded: Loaded, backend: BackendSettings) -> Secret | None:
    name = None if backend.proxy is None else backend.proxy.secret
    return None if name is None else loaded.secrets[name]


def _proxy_ca_file(backend: BackendSettings) -> str | None:
    path = None if backend.proxy is None else backend.proxy.ca_file
    return None if path is None else str(path)


def _with_control(engine: Target) -> Iterator[Target]:
    """Yield the engine, and where its models are asked about, if that is another place.

    In a zone of the world there is nothing to ask, unless it is declared what is kept.
    """
    control = engine.kind.control(engine.place, engine.settings, engine.models)
    if control is None:
        yield engine
    elif engine.lawful is None and not engine.keeps:
        yield replace(engine, kind=replace(engine.kind, inspect=None))
    else:
        inspect = engine.kind.inspect if engine.lawful is not None else None
        yield replace(engine, asked=control.name, kind=replace(engine.kind, inspect=inspect))
        kind = replace(engine.kind, inspect=None, probe_path="")
        yield replace(engine, place=control, kind=kind, models=())


class Outside(Struct, frozen=True):
    """What talks to engines, and what their replies tell of where they are."""

    targets: tuple[Target, ...]
    health: Health
    sender: Sender
    probes: Probes
    chance: Callable[[], float]
    seen: Seen


class Rung(Protocol):
    """Who hears of backends that are out of use, and of breaches."""

    def quarantined(self, backend: str, reason: str) -> None:
        """A backend is out of use until the next start."""

    def breached(self, backend: str, reason: str) -> None:
        """A prompt, or a probe, was stopped at the boundary."""


def guard_of(loaded: Loaded, targets: tuple[Target, ...]) -> Guard:
    """Return what keeps each backend in its zone; ValueError where a place cannot be trusted."""
    pins = {name: zone.addresses for name, zone in loaded.compiled.zones.items()}
    return Guard((target.place for target in targets), pins)


def reach(loaded: Loaded, alarms: Rung, clock: SystemClock) -> Outside:
    """Construct what talks to engines: one guard and one sender over every backend."""
    health = Health(_seconds, alarms.quarantined, alarms.breached)
    targets = targets_of(loaded, clock)
    sender = Sender(targets, guard_of(loaded, targets), health)
    chance = random.Random()  # noqa: S311 - spreads probes, keeps no secret
    probes = Probes(targets, sender, health, chance.random)
    return Outside(targets, health, sender, probes, chance.random, Seen())


def verifier_of(
    loaded: Loaded, targets: tuple[Target, ...], sender: Sender, seen: Seen
) -> Verifier:
    """Return what holds the offerings against what is declared of them."""
    return Verifier(subjects_of(loaded, targets), asking(sender), seen)


def kinds_of(loaded: Loaded, probes: Probes) -> dict[str, Backend]:
    """Return each backend's record; where models are inspected, the inspected name is asked for."""
    backends = loaded.models.backends
    kinds = {name: BACKENDS[one.kind].at(one.settings) for name, one in backends.items()}
    return {
        name: replace(kind, quirks=(*kind.quirks, probes.name_as_known)) if kind.inspect else kind
        for name, kind in kinds.items()
    }


def _contexts(offerings: tuple[Offering, ...], backend: str) -> dict[str, int]:
    """Return the longest context that the catalogue says for each model of a backend."""
    longest: dict[str, int] = {}
    for one in offerings:
        if one.backend == backend:
            longest[one.wire_model] = max(one.context_tokens, longest.get(one.wire_model, 0))
    return longest


def _told(backend: str, event: str, words: str) -> None:
    """Log whence a credential comes, or why there is none; once for each change."""
    log = logger()
    say = log.info if event == SERVED else log.error
    say(event, backend=backend, reason=words)


def _seconds() -> float:
    return time.monotonic()
