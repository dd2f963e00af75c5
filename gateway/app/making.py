"""Every object of a running gateway, constructed once."""

import hashlib
import hmac
from collections.abc import Callable
from functools import partial

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
from gateway.app.lapsing import Validity
from gateway.app.loading import Loaded
from gateway.app.moment import RandomIds, SystemClock
from gateway.app.node_secret import (
    derived,
    dictionary_key,
    fingerprint_key,
    node_secret,
    secret_place,
)
from gateway.app.reaching import Outside, kinds_of, reach, verifier_of
from gateway.app.recalling import Keeper, open_conversations
from gateway.app.residency import ResidencyWatch
from gateway.app.rewrapping import finish_rewrapping
from gateway.app.stewards import Stewards
from gateway.app.worlds import CurrentWorld
from gateway.classification.detectors import DETECTOR_NAMES
from gateway.classification.detectors.dictionary import DictionaryScanner
from gateway.config.settings import Paths
from gateway.dialects import DIALECTS
from gateway.domain.caller import Caller
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
from gateway.transport.health import Health
from gateway.transport.probes import Probes
from gateway.transport.send import Sender

TENANT_PURPOSE = "tenant"
PLACEHOLDER_PURPOSE = "placeholders"
MEMORY_PURPOSE = "conversations"
REASONS = ("no_rule_matched", "no_zone_cleared", "no_lawful_place", "rule_error", *KEY_REASONS)
CONVERSATIONS = "conversations.sqlite"


class Made(Struct, frozen=True, kw_only=True):
    """What serving needs in its hands.

    `loaded` is what it started with; what is in force now, `worlds` has.
    """

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
    validity: Validity


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


class Kept(Struct, frozen=True):
    """What lasts longer than a boot, opened: the ledger, and what is folded from it."""

    ledger: Ledger
    stewards: Stewards
    digests: dict[str, str]
    background: Background
    openings: Openings
    conversations: Conversations
    validity: Validity


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
    stewards, digests, signed = await open_stewards(loaded, ledger, clock, openings)
    validity = Validity(signed, ledger, metrics, clock)
    stewards.count_with(metrics)
    conversations = await open_conversations(_keeper(loaded, clock), ledger, background)
    stewards.acts = await open_erasing(erasing_of(stewards, ledger, conversations, clock))
    return Kept(ledger, stewards, digests, background, openings, conversations, validity)


async def make(loaded: Loaded) -> Made:
    """Construct everything; LedgerUnavailable when there is no ledger or another holds it."""
    clock, metrics, settings = SystemClock(), metrics_of(loaded), loaded.node.settings
    boot, scanner = (ids := RandomIds(clock)).record_id(), _scanner(settings.paths)
    kept = await keep(loaded, boot, clock, metrics)
    outside = reach(loaded, alarms := Alarms(kept.ledger, metrics, kept.background), clock)
    worlds, keys = _current(loaded, kept, outside, metrics)
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
        backends=kinds_of(loaded, outside.probes),
        dialects=DIALECTS,
        boot=boot,
        openings=kept.openings,
        bodies=bodies_of(settings, kept.ledger),
        refusal_status=settings.refusal_status,
        seen=outside.seen,
        tenant_of=_tenants(settings.paths),
        names=_names(settings.paths),
        grants=kept.stewards,
        stands=partial(_stands, keys.held, clock),
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
        validity=kept.validity,
        residency=_residency(loaded, outside, alarms, clock),
        issuers=issuers_of(settings.issuers),
        key_file=keys,
    )


def _scanner(paths: Paths) -> DetectorScanner:
    detectors = [one.detector for one in load_scanners(paths)]
    return DetectorScanner(detectors, fingerprint_key(paths))


def _current(
    loaded: Loaded, kept: Kept, outside: Outside, metrics: Metrics
) -> tuple[CurrentWorld, KeyFile]:
    """Return what holds the world and the keys of the moment."""
    stewards = kept.stewards
    outside.sender.closed = lambda: stewards.closed
    worlds = CurrentWorld(loaded, kept.digests, outside.health, stewards)
    stewards.current = lambda: worlds.loaded
    keys = KeyFile(
        path=loaded.node.settings.paths.keys,
        held=HeldKeys(loaded.keys),
        known=lambda: bindable_in(worlds.now()),
        bell=KeyAlarms(kept.ledger, metrics, kept.background),
    )
    return worlds, keys


def _stands(held: HeldKeys, clock: SystemClock, caller: Caller) -> bool:
    return held.now().stands(caller, clock.now().date())


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


def _residency(
    loaded: Loaded, outside: Outside, alarms: Alarms, clock: SystemClock
) -> ResidencyWatch:
    verifier = verifier_of(loaded, outside.targets, outside.sender, outside.seen)
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


def _tenants(paths: Paths) -> Callable[[str], str]:
    """Return what names a team to engines: keyed, so that no engine learns of it."""
    key = derived(node_secret(secret_place(paths)), TENANT_PURPOSE)
    return lambda team: hmac.digest(key, team.encode(), hashlib.sha256).hex()


def _names(paths: Paths) -> Names:
    """Return what names what is redacted, under a key of its own."""
    return keyed(derived(node_secret(secret_place(paths)), PLACEHOLDER_PURPOSE))
