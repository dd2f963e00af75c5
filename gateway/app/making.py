"""Every object of a running gateway, constructed once."""

import hashlib
import hmac
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from gateway.app.alarms import Alarms, KeyAlarms
from gateway.app.appointing import open_stewards
from gateway.app.bindings import bindable_in
from gateway.app.bodies import bodies_of
from gateway.app.destroying import erasing_of
from gateway.app.erasing import open_erasing
from gateway.app.issuing import issuers_of
from gateway.app.key_reload import KeyFile
from gateway.app.loading import Loaded, place_of
from gateway.app.moment import RandomIds, SystemClock
from gateway.app.node_secret import (
    derived,
    dictionary_key,
    fingerprint_key,
    node_secret,
    secret_place,
)
from gateway.app.recalling import Keeper, open_conversations
from gateway.app.residency import ResidencyWatch, asking, subjects_of
from gateway.app.rewrapping import finish_rewrapping
from gateway.app.stewards import Stewards
from gateway.app.worlds import CurrentWorld
from gateway.backends import BACKENDS
from gateway.classification.detectors import DETECTOR_NAMES
from gateway.classification.detectors.dictionary import DictionaryScanner
from gateway.config.backends import BackendSettings
from gateway.config.settings import Paths
from gateway.dialects import DIALECTS
from gateway.domain.fleet import Offering
from gateway.domain.secret import Secret
from gateway.flow.background import Background
from gateway.flow.exchange import Exchange
from gateway.flow.house import House
from gateway.flow.naming import Names, keyed
from gateway.flow.openings import Openings
from gateway.identity.issuers import Issuers
from gateway.identity.keys import HeldKeys
from gateway.ledger.ledger import Ledger, open_ledger
from gateway.ledger.lending import files_for
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from gateway.meters.logs import logger
from gateway.meters.metrics import Metrics
from gateway.routing.allowance import REASONS as KEY_REASONS
from gateway.stores.conversations import Conversations
from gateway.stores.detector_cache import Loaded as LoadedDetector
from gateway.stores.detector_cache import load_detectors
from gateway.stores.dictionaries import load_dictionaries
from gateway.stores.scanner import DetectorScanner
from gateway.stores.turn_table import Bounds
from gateway.surfaces.surface import SURFACES
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

TENANT_PURPOSE = "tenant"
PLACEHOLDER_PURPOSE = "placeholders"
MEMORY_PURPOSE = "conversations"
REASONS = ("no_rule_matched", "no_zone_cleared", "no_lawful_place", "rule_error", *KEY_REASONS)
CONVERSATIONS = "conversations.sqlite"


class Made(Struct, frozen=True, kw_only=True):
    """What serving needs in its hands."""

    loaded: Loaded
    clock: SystemClock
    house: House
    exchange: Exchange
    ledger: Ledger
    sender: Sender
    health: Health
    probes: Probes
    scanner: DetectorScanner
    conversations: Conversations
    metrics: Metrics
    residency: ResidencyWatch
    key_file: KeyFile
    issuers: Issuers
    worlds: CurrentWorld
    stewards: Stewards


def ledger_paths(paths: Paths) -> LedgerPaths:
    """Return where the ledger lies."""
    return LedgerPaths(
        paths.ledger, paths.signing_key, paths.checkpoints, paths.subject_keys, paths.wrapping_key
    )


def load_scanners(paths: Paths) -> tuple[LoadedDetector, ...]:
    """Return the detectors, compiled anew where the cache does not hold them."""
    loaded = load_detectors(paths.cache, node_secret(secret_place(paths)))
    key = dictionary_key(paths)
    dictionaries = load_dictionaries(paths.dictionaries, key)
    if not dictionaries:
        return loaded
    return (*loaded, LoadedDetector(DictionaryScanner(dictionaries, key), warm=True, stored=True))


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


class Kept(Struct, frozen=True):
    """What lasts longer than a boot, opened: the ledger, and what is folded from it."""

    ledger: Ledger
    stewards: Stewards
    digests: dict[str, str]
    background: Background
    openings: Openings
    conversations: Conversations


async def keep(loaded: Loaded, boot: str, clock: SystemClock, metrics: Metrics) -> Kept:
    """Open what is kept; LedgerUnavailable when there is no ledger or another holds it."""
    told = loaded.node.settings.ledger
    files = files_for(loaded.node.settings.paths.ledger, told.readers)
    options = Options(files, observe_sync_s=metrics.fsync, heartbeat_s=told.heartbeat_s)
    options = replace(options, period=told.shards)
    paths = ledger_paths(loaded.node.settings.paths)
    ledger = await open_ledger(paths, boot, clock, RandomIds(clock), options)
    await finish_rewrapping(paths, ledger)
    background, openings = Background(), Openings()
    stewards, digests = await open_stewards(loaded, ledger, clock, openings)
    stewards.count_with(metrics)
    conversations = await open_conversations(_keeper(loaded, clock), ledger, background)
    stewards.acts = await open_erasing(erasing_of(stewards, ledger, conversations, clock))
    return Kept(ledger, stewards, digests, background, openings, conversations)


async def make(loaded: Loaded) -> Made:
    """Construct everything; LedgerUnavailable when there is no ledger or another holds it."""
    clock, metrics, settings = SystemClock(), metrics_of(loaded), loaded.node.settings
    boot = (ids := RandomIds(clock)).record_id()
    scanner = _scanner(settings.paths)
    kept = await keep(loaded, boot, clock, metrics)
    alarms = Alarms(kept.ledger, metrics, kept.background)
    outside = reach(loaded, alarms, clock)
    worlds = _worlds(loaded, kept, outside)
    house = House(
        worlds=worlds,
        ledger=kept.ledger,
        sender=outside.sender,
        health=outside.health,
        scanner=scanner,
        conversations=kept.conversations,
        clock=clock,
        ids=ids,
        meters=metrics,
        log=logger(),
        background=kept.background,
        backends=_kinds(loaded, outside.probes),
        dialects=DIALECTS,
        boot=boot,
        openings=kept.openings,
        bodies=bodies_of(settings, kept.ledger),
        refusal_status=settings.refusal_status,
        seen=outside.seen,
        tenant_of=_tenants(settings.paths),
        names=_names(settings.paths),
        grants=kept.stewards,
    )
    return Made(
        loaded=loaded,
        clock=clock,
        house=house,
        exchange=Exchange(house),
        ledger=kept.ledger,
        sender=outside.sender,
        health=outside.health,
        probes=outside.probes,
        scanner=scanner,
        conversations=kept.conversations,
        metrics=metrics,
        worlds=worlds,
        stewards=kept.stewards,
        residency=_residency(loaded, outside, alarms, clock),
        issuers=issuers_of(settings.issuers),
        key_file=_key_file(loaded, worlds, KeyAlarms(kept.ledger, metrics, kept.background)),
    )


def _scanner(paths: Paths) -> DetectorScanner:
    detectors = [one.detector for one in load_scanners(paths)]
    return DetectorScanner(detectors, fingerprint_key(paths))


def _worlds(loaded: Loaded, kept: Kept, outside: "Outside") -> CurrentWorld:
    stewards = kept.stewards
    outside.sender.closed = lambda: stewards.closed
    worlds = CurrentWorld(loaded, kept.digests, outside.health, stewards)
    stewards.current = lambda: worlds.loaded
    return worlds


def _key_file(loaded: Loaded, worlds: CurrentWorld, bell: KeyAlarms) -> KeyFile:
    return KeyFile(
        path=loaded.node.settings.paths.keys,
        held=HeldKeys(loaded.keys),
        known=lambda: bindable_in(worlds.now()),
        bell=bell,
    )


def _keeper(loaded: Loaded, clock: SystemClock) -> Keeper:
    settings = loaded.node.settings
    paths = settings.paths
    return Keeper(
        paths.conversations or paths.subject_keys.with_name(CONVERSATIONS),
        derived(node_secret(secret_place(paths)), MEMORY_PURPOSE),
        Bounds(settings.conversations.days, settings.conversations.turns_max),
        loaded.compiled.vocabulary,
        clock.now_us,
    )


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


def reach(loaded: Loaded, alarms: Rung, clock: SystemClock) -> Outside:
    """Construct what talks to engines: one guard and one sender over every backend."""
    health = Health(_seconds, alarms.quarantined, alarms.breached)
    targets = targets_of(loaded, clock)
    pins = {name: zone.addresses for name, zone in loaded.compiled.zones.items()}
    guard = Guard((target.place for target in targets), pins)
    sender = Sender(targets, guard, health)
    chance = random.Random()  # noqa: S311 - spreads probes, keeps no secret
    probes = Probes(targets, sender, health, chance.random)
    return Outside(targets, health, sender, probes, chance.random, Seen())


def _residency(
    loaded: Loaded, outside: Outside, alarms: Alarms, clock: SystemClock
) -> ResidencyWatch:
    subjects = subjects_of(loaded, outside.targets)
    verifier = Verifier(subjects, asking(outside.sender), outside.seen)
    return ResidencyWatch(
        verifier, outside.health, alarms.residency, lambda: clock.now().date(), outside.chance
    )


def rules_of(loaded: Loaded) -> list[str]:
    """Return what denials are counted by: the rules, and the reasons that are none."""
    program = loaded.compiled.program
    return [
        *(clause.id for clause in (*program.clauses, *program.duties, *program.shadows)),
        *REASONS,
    ]


def metrics_of(loaded: Loaded) -> Metrics:
    """Return the counters of a gateway, each at zero."""
    return Metrics(
        surfaces=[surface.name for surface in SURFACES.values()],
        rules=rules_of(loaded),
        zones=list(loaded.compiled.zones),
        detectors=sorted(DETECTOR_NAMES),
    )


def _kinds(loaded: Loaded, probes: Probes) -> dict[str, Backend]:
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


def _tenants(paths: Paths) -> Callable[[str], str]:
    """Return what names a team to engines: keyed, so that no engine learns of it."""
    key = derived(node_secret(secret_place(paths)), TENANT_PURPOSE)
    return lambda team: hmac.digest(key, team.encode(), hashlib.sha256).hex()


def _names(paths: Paths) -> Names:
    """Return what names what is redacted, under a key of its own."""
    return keyed(derived(node_secret(secret_place(paths)), PLACEHOLDER_PURPOSE))


def _told(backend: str, event: str, words: str) -> None:
    """Log whence a credential comes, or why there is none; once for each change."""
    log = logger()
    say = log.info if event == SERVED else log.error
    say(event, backend=backend, reason=words)


def _seconds() -> float:
    return time.monotonic()
