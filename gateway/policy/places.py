"""From zones.yaml and repos.yaml to zones and the repository registry."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from msgspec import UNSET

from gateway.domain.caller import Repo, RepoRegistry
from gateway.domain.folder import fault_of
from gateway.domain.label import Label
from gateway.domain.repo_address import canonical
from gateway.domain.repo_pattern import canonical_pattern
from gateway.domain.zone import NO_RETENTION, NO_TRAIN, Evidence, Zone
from gateway.policy.language import (
    REPOS_MAX,
    TEXT_CHARS_MAX,
    ZONES_MAX,
    RepoEntry,
    ReposFile,
    ZoneEntry,
    ZonesFile,
)
from gateway.policy.reading import Reading, spread, step
from gateway.policy.regions import ISO, WORLD, hint
from gateway.policy.words import Words, check_name

ADDRESSES_MAX = 256
URLS_MAX = 64
PATHS_MAX = 64
ANY = "any"
Network = IPv4Network | IPv6Network


def read_zones(reading: Reading, words: Words) -> dict[str, Zone]:
    """Return the zones that can be used; the problems of the others are noted."""
    parts = reading.parts("", reading.document.value, ZonesFile)
    entries = parts.get("zones", {})
    if len(entries) > ZONES_MAX:
        reading.complain("/zones", f"more than {ZONES_MAX} zones")
        return {}
    zones: dict[str, Zone] = {}
    for name, raw in entries.items():
        zone = _zone(reading, words, name, raw)
        if zone is not None:
            zones[name] = zone
    _check_overlaps(reading, zones)
    return zones


def _zone(reading: Reading, words: Words, name: str, raw: object) -> Zone | None:
    pointer = step("/zones", name)
    check_name(reading, pointer, "zone", name)
    if name in (ANY, WORLD):
        reading.complain(pointer, "the name has a meaning of its own")
    entry = reading.entry(pointer, raw, ZoneEntry)
    if entry is None:
        return None
    evidence = None if entry.evidence is UNSET else entry.evidence
    _check_facts(reading, pointer, entry, evidence)
    reading.known(f"{pointer}/caveats", "caveat", entry.caveats, words.caveats)
    level = words.level(reading, f"{pointer}/level", entry.level)
    processing = words.places(reading, f"{pointer}/processing_regions", entry.processing_regions)
    storage = words.places(reading, f"{pointer}/storage_regions", entry.storage_regions)
    if entry.premises and (processing is None or storage is None):
        reading.complain(pointer, "our own machines stand somewhere", "name the country")
    if level is None:
        return None
    zone = Zone(
        name=name,
        level=level,
        caveats=frozenset(entry.caveats),
        processing_regions=processing,
        storage_regions=storage,
        operator=entry.operator,
        operator_jurisdiction=entry.operator_jurisdiction,
        retention_days=entry.retention_days,
        addresses=tuple(entry.addresses),
        premises=entry.premises,
        evidence=evidence,
        training=entry.training,
        transfer_basis=entry.transfer_basis,
        dpa_ref=entry.dpa_ref,
    )
    _check_bound(reading, f"{pointer}/caveats", zone)
    return zone


def _check_bound(reading: Reading, pointer: str, zone: Zone) -> None:
    """Note a caveat about training or keeping that the zone's facts do not bear out."""
    bound = {NO_TRAIN: "training: no", NO_RETENTION: "retention_days: 0"}
    for caveat in sorted(zone.caveats & bound.keys()):
        if caveat in zone.unkept:
            reading.complain(pointer, f"the zone does not keep `{caveat}`", bound[caveat])
        elif not zone.premises and zone.evidence is None:
            reading.complain(pointer, f"nothing shows that the zone keeps `{caveat}`", "evidence")


def _check_facts(
    reading: Reading, pointer: str, entry: ZoneEntry, evidence: Evidence | None
) -> None:
    if entry.operator_jurisdiction not in ISO:
        reading.complain(
            f"{pointer}/operator_jurisdiction",
            "not an ISO 3166-1 alpha-2 code",
            hint(entry.operator_jurisdiction),
        )
    if evidence is not None and evidence.expires_on < evidence.read_on:
        reading.complain(f"{pointer}/evidence", "expires before it was read")
    if not entry.addresses:
        reading.complain(f"{pointer}/addresses", "a zone has at least one address block")
    if len(entry.addresses) > ADDRESSES_MAX:
        reading.complain(f"{pointer}/addresses", f"more than {ADDRESSES_MAX} address blocks")
        return
    for place, block in spread(f"{pointer}/addresses", entry.addresses):
        _check_block(reading, place, block)


def _check_block(reading: Reading, pointer: str, block: str) -> None:
    network = _network(block)
    if network is None:
        reading.complain(pointer, "not a CIDR block", "such as 10.1.0.0/16, host bits zero")
    elif "/" not in block:
        reading.complain(pointer, "a CIDR block says how long it is", f"write {network}")
    elif network.prefixlen == 0:
        reading.complain(pointer, "that is every address there is")


def _network(block: str) -> Network | None:
    try:
        return ip_network(block)
    except ValueError:
        return None


def _check_overlaps(reading: Reading, zones: dict[str, Zone]) -> None:
    """Note addresses of our own machines that a zone of somebody else claims too.

    WHY: two clouds may share an address block (a common front door); our premises never do, and
    the guard before each send tells zones apart by address.
    """
    ours = [zone for zone in zones.values() if zone.premises]
    others = [zone for zone in zones.values() if not zone.premises]
    for home in ours:
        for away in others:
            if _overlap(home, away):
                pointer = step("/zones", away.name)
                reading.complain(
                    f"{pointer}/addresses", f"shares addresses with the premises zone {home.name}"
                )


def _overlap(one: Zone, other: Zone) -> bool:
    networks = [_network(block) for block in other.addresses]
    return any(
        mine is not None and theirs is not None and _meet(mine, theirs)
        for mine in map(_network, one.addresses)
        for theirs in networks
    )


def _meet(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def read_registry(reading: Reading, words: Words, unusable: Label) -> RepoRegistry:
    """Return the registry; what could not be read has the label `unusable`."""
    parts = reading.parts("", reading.document.value, ReposFile)
    unregistered = words.label(reading, "/unregistered", parts.get("unregistered"))
    entries = parts.get("repos", {})
    if len(entries) > REPOS_MAX:
        reading.complain("/repos", f"more than {REPOS_MAX} repositories")
        entries = {}
    taken: dict[str, str] = {}
    repos: dict[str, Repo] = {}
    for name, raw in entries.items():
        pointer = step("/repos", name)
        check_name(reading, pointer, "repository", name)
        if "_" in name:
            reading.complain(pointer, "a repository id has no _", name.replace("_", "-"))
        entry = reading.entry(pointer, raw, RepoEntry)
        if entry is not None:
            label = words.label(reading, f"{pointer}/label", entry.label) or unusable
            addresses = _addresses(reading, name, entry.urls, taken)
            paths = _paths(reading, name, entry.paths)
            patterns = _patterns(reading, name, entry.patterns)
            repos[name] = Repo(name, label, addresses, paths, patterns)
    return RepoRegistry(repos, unregistered or unusable)


def _paths(reading: Reading, repo: str, paths: list[str]) -> tuple[str, ...]:
    pointer = f"{step('/repos', repo)}/paths"
    if len(paths) > PATHS_MAX:
        reading.complain(pointer, f"more than {PATHS_MAX} paths")
        return ()
    for place, path in spread(pointer, paths):
        fault = fault_of(path) if len(path) <= TEXT_CHARS_MAX else "longer than a path may be"
        if fault:
            reading.complain(place, fault, "such as /Users/*/src/ledger or **/ledger")
    return tuple(paths)


def _patterns(reading: Reading, repo: str, patterns: list[str]) -> tuple[str, ...]:
    pointer = f"{step('/repos', repo)}/patterns"
    if len(patterns) > URLS_MAX:
        reading.complain(pointer, f"more than {URLS_MAX} patterns")
        return ()
    found: dict[str, None] = {}
    for place, pattern in spread(pointer, patterns):
        try:
            found[canonical_pattern(pattern)] = None
        except ValueError as error:
            reading.complain(place, str(error))
    return tuple(found)


def _addresses(
    reading: Reading, repo: str, urls: list[str], taken: dict[str, str]
) -> frozenset[str]:
    """Return the canonical addresses; `taken` maps those that are in use to their repository."""
    pointer = f"{step('/repos', repo)}/urls"
    if len(urls) > URLS_MAX:
        reading.complain(pointer, f"more than {URLS_MAX} URLs")
        return frozenset()
    found: set[str] = set()
    for place, url in spread(pointer, urls):
        try:
            address = canonical(url)
        except ValueError as error:
            reading.complain(place, str(error))
            continue
        if taken.setdefault(address, repo) != repo:
            reading.complain(place, f"the repository {taken[address]} has this address too")
        found.add(address)
    return frozenset(found)
