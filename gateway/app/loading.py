"""Everything that a node is configured with, read and checked together."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from gateway.app.anchoring import anchor_problems
from gateway.app.bindings import Bindable, bindable, binding_problems, key_problems
from gateway.app.bodies import retention_problems
from gateway.app.certificates import fault_of
from gateway.app.issuing import issuer_problems
from gateway.audit import canonical
from gateway.backends import BACKENDS
from gateway.classification.detectors import DETECTOR_NAMES
from gateway.config.backends import SCRIPTED, BackendSettings
from gateway.config.backends import Known as KnownBackends
from gateway.config.catalogue import Models, notices, read_models
from gateway.config.files import load
from gateway.config.folders import read_case_files, read_models_files, read_policy_files
from gateway.config.node import Node, load_node, salvaged
from gateway.config.secrets import read_secrets
from gateway.config.settings import Paths
from gateway.dialects import PASSABLE
from gateway.domain.caller import Caller
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, Problem
from gateway.domain.secret import Secret
from gateway.domain.zone import Zone
from gateway.identity import anonymous
from gateway.identity.issuers import KNOWN_BY as ISSUER
from gateway.identity.keyfile import read_keys
from gateway.identity.keys import KeyRing
from gateway.identity.persons import NOBODY, Persons, read_persons
from gateway.policy.cases import Case, read_cases
from gateway.policy.compile import Compiled, Known, compile_bundle
from gateway.policy.prove import prove
from gateway.stores.detector_cache import kinds_of_findings
from gateway.stores.detector_rules import detector_rules
from gateway.stores.dictionaries import dictionary_names
from gateway.surfaces.surface import SURFACES
from gateway.transport.backend import Backend
from gateway.transport.credentials import DIRECT
from gateway.transport.guard import Place, Proxy, place_faults
from gateway.transport.http1_tunnel import proxy_fields

T = TypeVar("T")
Stamp = tuple[tuple[str, int, int, int], ...]
ANONYMOUS_AT = "/listeners/data/anonymous"
DETECTORS = "detectors"
PLACES_SHOWN_MAX = 4
EVIDENCE_DAYS_MIN = 30


class Loaded(Struct, frozen=True, kw_only=True):
    """A configuration without problems.

    `documents` holds, by name, the plain data that the ledger stores before the first decision;
    `notices` is what has aged and should be looked at, `stamp` what the files looked like where
    somebody saw to it that they held still.
    """

    node: Node
    compiled: Compiled
    cases: tuple[Case, ...]
    models: Models
    secrets: dict[str, Secret]
    keys: KeyRing
    persons: Persons
    documents: dict[str, Any]
    notices: tuple[str, ...]
    stamp: Stamp = ()


class _Collected:
    """Problems of every file, so that they can be told at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read(self, work: Callable[[], T], otherwise: T) -> T:
        """Return what the work returns; its problems are kept."""
        try:
            return work()
        except ConfigError as error:
            self.problems += error.problems
            return otherwise

    def require(self) -> None:
        """Raise ConfigError when there is any problem, each once, by file and line."""
        if self.problems:
            unique = dict.fromkeys(self.problems)
            ordered = sorted(unique, key=lambda one: (one.file, one.line, one.path))
            raise ConfigError(tuple(ordered))


def load_all(
    path: Path | Node, environment: Mapping[str, str], today: date, *, prove_it: bool = True
) -> Loaded:
    """Read all that a node names; ConfigError has every problem, of invariants if `prove_it`."""
    collected = _Collected()
    node = path if isinstance(path, Node) else _node(path, collected)
    settings = node.settings
    nothing: dict[str, Document] = {}
    policy = collected.read(lambda: read_policy_files(settings.paths.policy), nothing)
    fleet = collected.read(lambda: read_models_files(settings.paths.models), nothing)
    case_files: list[Document] = collected.read(
        lambda: read_case_files(settings.paths.policy / "cases"), []
    )
    keys_file = collected.read(lambda: load(settings.paths.keys), Document("", {}))
    keys = collected.read(lambda: read_keys(keys_file), KeyRing({})) if keys_file.file else None
    persons = collected.read(lambda: _persons(settings.paths.persons), NOBODY)
    secrets = read_secrets(settings.secrets, environment, node.document, collected.problems)
    collected.problems += [*_tls_problems(node), *anchor_problems(node, secrets)]
    if not policy or not fleet:
        collected.require()
    models = read_models(fleet, _known_backends(node, policy), settings.paths.models)
    words = _known_words(models, settings.paths)
    compiled = compile_bundle(policy, canonical.digest(_plain(policy)), words)
    collected.problems += [*models.problems, *compiled.problems]
    cases: list[Case] = []
    if not compiled.problems:
        cases = list(_cases(case_files, compiled, collected.problems))
        if prove_it:
            collected.problems += prove(compiled.program, compiled.invariants, today)
        known = bindable(compiled, models.catalogue)
        collected.problems += key_problems(keys_file, keys, known) if keys else ()
        collected.problems += _node_problems(node, compiled, known)
    collected.problems += _place_problems(fleet["backends"], models, secrets, demo=settings.demo)
    collected.problems += _roaming_problems(fleet["backends"], models, compiled.zones)
    collected.problems += _demo_problems(node)
    collected.require()
    return Loaded(
        node=node,
        compiled=compiled,
        cases=tuple(cases),
        models=models,
        secrets=secrets,
        keys=keys or KeyRing({}),
        persons=persons,
        documents=_stored(policy, fleet, settings.paths),
        notices=tuple(_notices(node, compiled, models, keys, today)),
    )


def _node(path: Path, collected: _Collected) -> Node:
    """Return what the node file says; with problems, what it still says of other files."""
    node = collected.read(lambda: load_node(path), None) or salvaged(path)
    if node is None:
        raise ConfigError(tuple(collected.problems))
    return node


def _cases(
    documents: list[Document], compiled: Compiled, problems: list[Problem]
) -> Iterator[Case]:
    """Yield the cases of every file; what is wrong with them is noted."""
    for document in documents:
        found, wrong = read_cases(document, compiled)
        problems += wrong
        yield from found


def _ending(zones: Mapping[str, Zone], today: date) -> Iterator[str]:
    """Yield a line for each zone whose evidence ends soon: what it offers is then left alone."""
    for name, zone in zones.items():
        days = (zone.evidence.expires_on - today).days if zone.evidence is not None else None
        if days is not None and 0 <= days < EVIDENCE_DAYS_MIN:
            yield f"zone {name}: its evidence ends in {days} days"
        elif days is not None and days < 0:
            yield f"zone {name}: its evidence has ended"


def _stored(
    policy: dict[str, Document], fleet: dict[str, Document], paths: Paths
) -> dict[str, Any]:
    rules = detector_rules(paths.dictionaries)
    return {"policy": _plain(policy), "catalogue": _plain(fleet), DETECTORS: rules}


def _notices(
    node: Node, compiled: Compiled, models: Models, keys: KeyRing | None, today: date
) -> Iterator[str]:
    yield from notices(models, today)
    yield from _ending(compiled.zones, today)
    yield from _strange_keys(compiled, keys or KeyRing({}), node)


def _strange_keys(compiled: Compiled, keys: KeyRing, node: Node) -> Iterator[str]:
    """Yield a line for each key that a rule names and that nobody has.

    WHY: no problem: keys come and go while the policy stays.
    """
    known = {anonymous.KEY_ID, *(f"{ISSUER}:{name}" for name in node.settings.issuers)}
    for key_id in sorted(compiled.program.asks.keys - known):
        if keys.entry(key_id) is None:
            yield f"policy: a rule names the key {key_id}, which is not in the key file"


def _persons(path: Path | None) -> Persons:
    return NOBODY if path is None else read_persons(load(path))


def place_of(backend: BackendSettings) -> Place:
    """Return where a backend is, as the guard knows it."""
    origin = backend.origin
    return Place(
        backend.name,
        origin.scheme,
        origin.host,
        origin.port,
        backend.zone,
        server_name=(backend.server_name or "").lower(),
        pins=backend.certificate_pins,
        proxy=_proxy_of(backend),
    )


def _proxy_of(backend: BackendSettings) -> Proxy | None:
    forward = backend.proxy
    if forward is None:
        return None
    return Proxy(forward.origin.host, forward.origin.port, forward.addresses)


def anonymous_caller(node: Node) -> Caller | None:
    """Return who a request without a credential is, where the node file names somebody."""
    named = node.settings.listeners.data.anonymous
    if named is None:
        return None
    return Caller(anonymous.KEY_ID, named.subject, named.team, named.label, named.repos)


def _plain(documents: dict[str, Document]) -> dict[str, Any]:
    return {name: document.value for name, document in documents.items()}


def _node_problems(node: Node, compiled: Compiled, known: Bindable) -> Iterator[Problem]:
    yield from _anonymous_problems(node, known)
    yield from issuer_problems(node, known)
    yield from retention_problems(node, compiled.program.retention_floor_days)


def _tls_problems(node: Node) -> Iterator[Problem]:
    tls = node.settings.listeners.data.tls
    fault = fault_of(tls) if tls is not None else ""
    if fault:
        yield node.document.problem("/listeners/data/tls", fault)


def _known_backends(node: Node, policy: dict[str, Document]) -> KnownBackends:
    demo = node.settings.demo
    zones = policy["zones"].value
    listed = zones.get("zones") if isinstance(zones, dict) else None
    return KnownBackends(
        kinds=frozenset(kind for kind in BACKENDS if demo or kind != SCRIPTED),
        zones=frozenset(listed) if isinstance(listed, dict) else None,
        secrets=frozenset(node.settings.secrets),
    )


def _known_words(models: Models, paths: Paths) -> Known:
    catalogue = models.catalogue
    return Known(
        tasks=frozenset(catalogue.tasks),
        models=frozenset((*catalogue.models, *catalogue.tasks)),
        surfaces=frozenset(surface.name for surface in SURFACES.values()),
        detectors=DETECTOR_NAMES,
        findings=kinds_of_findings() | dictionary_names(paths.dictionaries),
        passable=PASSABLE,
    )


def _anonymous_problems(node: Node, known: Bindable) -> Iterator[Problem]:
    caller = anonymous_caller(node)
    if caller is not None:
        yield from binding_problems(node.document, ANONYMOUS_AT, caller, known)


def _place_problems(
    document: Document, models: Models, secrets: Mapping[str, Secret], *, demo: bool
) -> Iterator[Problem]:
    for name, backend in models.backends.items():
        at = f"/backends/{name}"
        for fault in place_faults(place_of(backend)):
            yield document.problem(f"{at}/url", fault)
        yield from _proxy_problems(document, backend, secrets)
        if demo and not all(map(_is_loopback, _hosts_of(backend))):
            yield document.problem(f"{at}/url", "a demo talks to loopback addresses only")
        yield from _name_problems(document, models, name)
        kind = BACKENDS.get(backend.kind)
        if kind is None:
            continue
        secret = secrets.get(backend.secret or "")
        for field, fault in _kind_faults(kind, backend, secret, models.asked_of(name)):
            yield document.problem(f"{at}/{field}" if field else at, fault)


def _proxy_problems(
    document: Document, backend: BackendSettings, secrets: Mapping[str, Secret]
) -> Iterator[Problem]:
    forward = backend.proxy
    try:
        proxy_fields(secrets.get(forward.secret or "") if forward is not None else None)
    except ValueError as error:
        yield document.problem(f"/zones/{backend.zone}/proxy_secret", str(error))


def _hosts_of(backend: BackendSettings) -> tuple[str, ...]:
    forward = () if backend.proxy is None else (backend.proxy.origin.host,)
    return (backend.origin.host, *forward)


def _kind_faults(
    kind: Backend, backend: BackendSettings, secret: Secret | None, asked_of: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """Yield what the kind says of a backend, each with the name of its field or none."""
    place = place_of(backend)
    faults = kind.faults(place, backend.settings)
    yield from faults
    if faults:
        return
    control = kind.control(place, backend.settings, asked_of)
    if control is not None:
        yield from (("settings", fault) for fault in place_faults(control))
    try:
        kind.at(backend.settings)
        if kind.source(secret, backend.settings, DIRECT) is None:
            kind.credential(Secret("x") if backend.secret else None)
    except ValueError as error:
        yield "", str(error)


def _demo_problems(node: Node) -> Iterator[Problem]:
    """A demo leaves nothing behind that could be taken for evidence or for a caller's key."""
    paths = node.settings.paths
    for name in ("ledger", "keys"):
        place: Path = getattr(paths, name)
        if node.settings.demo and not any(place.is_relative_to(one) for one in _temporary()):
            what = "a demo keeps its ledger and keys in a temporary folder"
            yield node.document.problem(f"/paths/{name}", what)


def _temporary() -> tuple[Path, ...]:
    return (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - names


def _name_problems(document: Document, models: Models, backend: str) -> Iterator[Problem]:
    kind = BACKENDS.get(models.backends[backend].kind)
    for offering in models.catalogue.offerings:
        if kind is None or offering.backend != backend:
            continue
        why = kind.refuses(offering.wire_model) or kind.misfits(offering)
        if why is not None:
            yield document.problem(f"/backends/{backend}", f"{offering.id}: {why}")


def _roaming_problems(
    document: Document, models: Models, zones: Mapping[str, Zone]
) -> Iterator[Problem]:
    """Yield a problem for each offering that may be answered outside the regions of its zone."""
    for offering in models.catalogue.offerings:
        backend = models.backends[offering.backend]
        kind, zone = BACKENDS.get(backend.kind), zones.get(offering.zone)
        if kind is None or zone is None or zone.processing_regions is None:
            continue
        what = _kept_outside(kind.stands(offering, backend.settings), zone, offering.id)
        outside = (kind.stands(offering, backend.settings) or frozenset()) - zone.processing_regions
        if outside:
            named = ", ".join(sorted(outside)[:PLACES_SHOWN_MAX])
            what = f"{offering.id}: it is answered in {named}, outside the regions of its zone"
        if kind.anywhere(offering, backend.settings):
            what = f"{offering.id}: any region may answer; its zone must process in `world`"
        if what:
            yield document.problem(f"/backends/{offering.backend}/zone", what)


def _kept_outside(stands: frozenset[str] | None, zone: Zone, offering: str) -> str:
    """Return why what is kept where the request is taken lies outside of what the zone lists.

    WHY: logs and traces of a call stay in the region that is called, wherever it is answered.
    """
    stored = zone.storage_regions
    outside = (stands or frozenset()) - stored if stored is not None else frozenset()
    if not outside:
        return ""
    named = ", ".join(sorted(outside)[:PLACES_SHOWN_MAX])
    return f"{offering}: it is kept in {named}, outside the storage regions of its zone"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
