"""`perimeter policy explain REQUEST.json`: a request judged as serving would; nothing is sent.

What a running gateway knows beside its configuration is not looked at: health, closed zones, what
stewards allowed, and the memory of conversations. Nothing is recorded, and no word of the body is
printed.
"""

import asyncio
import hashlib
import os
import sys
from collections.abc import Awaitable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import replace

from gateway.app.loading import Loaded, load_all
from gateway.app.making import load_scanners
from gateway.app.moment import SystemClock
from gateway.backends import BACKENDS
from gateway.cli.playing import world_of
from gateway.cli.shown import shown
from gateway.dialects import DIALECTS
from gateway.domain.caller import Caller
from gateway.domain.errors import GatewayError, Malformed
from gateway.domain.request import Envelope
from gateway.flow.abilities import operations
from gateway.flow.naming import keyed
from gateway.flow.ports import World
from gateway.flow.redacting import Redactor, without_provider_tools
from gateway.flow.ruling import Ruling, asked, gather, rule
from gateway.identity.keys import caller_of
from gateway.policy.evaluate import objections
from gateway.policy.explain import explain
from gateway.routing.allowance import objecting
from gateway.stores.scanner import DetectorScanner
from gateway.surfaces.accept import BodyLimits, Read, Visit, accept
from gateway.surfaces.headers import acting, as_mapping
from gateway.surfaces.places import cut, require_known
from gateway.surfaces.surface import find

# WHY: nothing is sent, so what stands in a placeholder says nothing to anybody.
NO_KEY = bytes(32)
NOT_SERVED = 1
UNUSABLE = 2
FILE_BYTES_MAX = 64 * 1024 * 1024
JSON = (b"content-type", b"application/json")
NO_ID = "00000000-0000-7000-8000-000000000000"


class Who(Struct, frozen=True, forbid_unknown_fields=True):
    """A caller who has no key yet, by what his key would bind."""

    team: str
    label: str | None = None
    repos: tuple[str, ...] = ()
    selects_repo: bool = False


class Asking(Struct, frozen=True, forbid_unknown_fields=True):
    """A request in a file.

    `key` is the id of an entry of the key file; `caller` describes one instead. `path` is what the
    client calls, with the claims that it may hold; `headers` may claim as those of a client do.
    """

    body: Raw
    path: str = "/v1/chat/completions"
    key: str | UnsetType = UNSET
    caller: Who | UnsetType = UNSET
    headers: dict[str, str] = {}


def run(request: Path, node: Path) -> int:
    """Return 0 when it would be sent somewhere, 1 when not, 2 when the file cannot be used."""
    now = SystemClock().now()
    loaded = load_all(node, os.environ, now.date())
    try:
        asking = _read(request)
        caller = _caller(asking, loaded)
    except (OSError, ValueError) as error:
        # WHY: the words of a decoder may hold those of the file.
        what = str(error) if type(error) is ValueError else type(error).__name__
        print(f"perimeter: the request cannot be used: {shown(what)}", file=sys.stderr)
        return UNUSABLE
    scanner = DetectorScanner([one.detector for one in load_scanners(loaded.node.settings.paths)])
    world = _world(loaded)
    try:
        ruling = asyncio.run(_judged(asking, caller, world, scanner, now))
    except GatewayError as error:
        print(f"It would be refused before policy spoke: {error.code}.")
        print(shown(error.what))
        return NOT_SERVED
    finally:
        scanner.close()
    for sentence in sentences(ruling, world, now):
        print(shown(sentence))
    return 0 if ruling.route.candidates else NOT_SERVED


def sentences(ruling: Ruling, world: World, now: datetime) -> Iterator[str]:
    """Yield label, signals, rules and boundary, then why not each other zone and offering."""
    yield from explain(ruling.classification, ruling.decision)
    yield from _evidence(ruling)
    if ruling.redaction is not None:
        taken = ruling.redaction.replaced or {}
        yield from (f"Taken out first: {kind}, {count} times." for kind, count in taken.items())
    yield from (f"Rule: {rule_id}." for rule_id in ruling.decision.because)
    if ruling.decision.obligations:
        yield f"Obliged to: {', '.join(ruling.decision.obligations)}."
    yield from _elsewhere(ruling, world, now)
    for number, one in enumerate(ruling.route.candidates, 1):
        yield f"Candidate {number}: {one.offering.id} in zone {one.zone}."
    yield from (f"Not {item.offering}: {item.reason}." for item in ruling.route.excluded)
    if ruling.shadow is not None:
        rules = ", ".join((*ruling.shadow.rules, *ruling.shadow.broken))
        yield f"In the shadow, {rules} would have made it: {ruling.shadow.effect}."
    yield "Nothing was sent, and nothing was recorded."


def _evidence(ruling: Ruling) -> Iterator[str]:
    """Yield every signal, and the kinds of what was found: never a place or a word of it."""
    for signal in ruling.classification.signals:
        yield f"Signal: {signal.source} says {signal.label}."
    scan = ruling.evidence.scan
    yield from (f"Found: {kind}." for kind in sorted({one.kind for one in scan.findings}))
    yield from (f"Not verified: the detector {name} failed." for name in scan.failed)


def _elsewhere(ruling: Ruling, world: World, now: datetime) -> Iterator[str]:
    allowance, decision = ruling.evidence.allowance, ruling.decision
    why_not = objecting(objections(world.program, ruling.facts, now), allowance)
    for zone in sorted(world.program.zones):
        if zone not in decision.boundary:
            yield f"Not in zone {zone}: {why_not(zone) or decision.reason}."


def _read(request: Path) -> Asking:
    with request.open("rb") as file:
        raw = file.read(FILE_BYTES_MAX + 1)
    if len(raw) > FILE_BYTES_MAX:
        raise ValueError(f"it is larger than {FILE_BYTES_MAX} bytes")
    try:
        asking = msgspec.json.decode(raw, type=Asking)
    except msgspec.MsgspecError:
        raise ValueError("it is no JSON of the form that docs/policy-tools.md shows") from None
    if (asking.key is UNSET) == (asking.caller is UNSET):
        raise ValueError("give either `key` or `caller`")
    return asking


def _caller(asking: Asking, loaded: Loaded) -> Caller:
    if not isinstance(asking.caller, UnsetType):
        who = asking.caller
        repos = tuple(who.repos)
        return Caller("nobody", "nobody", who.team, who.label, repos, who.selects_repo)
    key = str(asking.key)
    entry = loaded.keys.entry(key)
    if entry is None:
        raise ValueError("the key file has no key of that id")
    return caller_of(key, entry)


def _world(loaded: Loaded) -> World:
    """Return the snapshot of the configuration, with what its engines can do."""
    world, models = world_of(loaded), loaded.models
    backends = {name: BACKENDS[one.kind] for name, one in models.backends.items()}
    able = operations(models.catalogue, backends)
    return replace(world, fleet=replace(world.fleet, operations=able))


async def _judged(
    asking: Asking, caller: Caller, world: World, scanner: DetectorScanner, now: datetime
) -> Ruling:
    envelope = await _envelope(asking, caller, world)
    dialect = DIALECTS[envelope.dialect]
    ask = asked(envelope, dialect.letting(world.program.passable))
    scan = await scanner.scan(envelope.body)
    first = rule(gather(envelope, ask, scan, world), world, now)
    judged = await Redactor(scanner, DIALECTS, keyed(NO_KEY)).final(envelope, first, world, now)
    return without_provider_tools(judged, dialect, world, now).ruling


async def _envelope(asking: Asking, caller: Caller, world: World) -> Envelope:
    """Return the envelope as the front makes it; RequestError where it would be refused."""
    path, _, query = asking.path.partition("?")
    place = cut(path)
    found = find(place.path, query)
    if found is None:
        raise Malformed("No surface has that path.")
    found.require()
    require_known(place, world.registry, world.vocabulary)
    headers = [
        (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in asking.headers.items()
    ]
    if all(name != JSON[0] for name, _ in headers):
        headers.append(JSON)
    raw = bytes(asking.body)
    visit = Visit(
        id=NO_ID,
        received_us=0,
        caller=acting(caller, headers),
        surface=found.surface,
        address="",
        fields=as_mapping(headers),
        headers=headers,
        scope={},
        asked=found.asked,
        place=place,
    )
    read = Read(raw, hashlib.sha256(raw).digest())
    unpack = DIALECTS[found.surface.dialect].unpack
    return await accept(visit, _nothing, BodyLimits(FILE_BYTES_MAX, 0), read, unpack)


def _nothing() -> Awaitable[dict[str, Any]]:
    """Stand for a connection: the body is there already."""
    raise Malformed("The body is not there.")
