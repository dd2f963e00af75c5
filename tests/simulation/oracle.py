"""What must come out of a world, worked out again, naively, from the pages that describe it.

Rule 1: nothing of the gateway is imported here: plain data, sets and loops only.
Rule 2: what a claim means is known from the draw; no text of a client is parsed.
Rule 3: `without` leaves one safeguard out, to count the worlds in which it mattered.
"""

from collections.abc import Callable, Sequence
from datetime import date

from msgspec import Struct

from tests.simulation.scenario import Asked, Offer, Snapshot, Written

# WHY: a list of our own, from the providers' pages: `eu-west-2` is London.
CLOUD_COUNTRIES = {
    "eu-west-2": "GB",
    "eu-north-1": "SE",
    "us-east-1": "US",
    "europe-west3": "DE",
    "eu-west-3": "FR",
}
WORLD = None
MALFORMED = ("empty", "role", "type", "nameless", "nothing")


class Plain(Struct, frozen=True):
    """A label: the rank of its level, its caveats, and its places (None for anywhere)."""

    rank: int
    caveats: frozenset[str] = frozenset()
    places: frozenset[str] | None = None


class Expected(Struct, frozen=True):
    """What must become of a request.

    `spoken` says that policy spoke; `zones` is where the request may be, `candidates` who may
    answer, in order, were everybody well.
    """

    spoken: bool
    label: Plain | None = None
    zones: frozenset[str] = frozenset()
    candidates: tuple[str, ...] = ()


def expect(
    asked: Asked,
    snapshot: Snapshot,
    today: date,
    without: str = "",
    earlier: Sequence[Plain] = (),
) -> Expected:
    """Return what must become of the request under that snapshot on that day.

    `earlier` are the labels of the requests before it that held the turn which it repeats.
    """
    offers = named(asked.name, snapshot)
    garbage = "garbage" in (asked.label.meant, asked.repo.meant)
    if garbage or asked.body in MALFORMED or asked.found.crashes or not offers:
        return Expected(spoken=False)
    known = () if without == "turns" else earlier
    label = _joined([label_of(asked, snapshot, without), *known])
    zones = zones_for(asked, label, snapshot, today, without)
    if asked.key.zones is not None and without != "keys":
        zones &= frozenset(asked.key.zones)
    fit = [offer.id for offer in offers if offer.zone in zones and _able(offer, asked)]
    return Expected(spoken=True, label=label, zones=zones, candidates=tuple(fit))


def named(name: str, snapshot: Snapshot) -> list[Offer]:
    """Return what a task, model, alias or `backend:wire_model` stands for, best first."""
    found: list[Offer] = []
    for entry in snapshot.tasks.get(name, [name]):
        model = snapshot.aliases.get(entry, entry)
        for offer in snapshot.offers:
            exact = f"{offer.backend}:{offer.wire_model}" == entry
            if (offer.model == model or exact) and offer not in found:
                found.append(offer)
    return found


def label_of(asked: Asked, snapshot: Snapshot, without: str = "") -> Plain:
    """Return the join of everything that is known of the request."""
    policy, registry = snapshot.documents["policy"], snapshot.documents["repos"]
    base = _base(asked, policy, registry["repos"])
    told = _claims(asked, policy, registry)
    found = _findings(asked, policy)
    if without == "base" and told:
        return _joined([*told, *found])
    if without == "claims":
        return _joined([*base, *found])
    return _joined([*base, *told, *found])


def zones_for(
    asked: Asked, label: Plain, snapshot: Snapshot, today: date, without: str = ""
) -> frozenset[str]:
    """Return every zone that some permit names and no deny names, if it clears the label."""
    if label.places == frozenset():
        return frozenset()
    policy, zones = snapshot.documents["policy"], snapshot.documents["zones"]["zones"]
    permitted: set[str] = set()
    denied: set[str] = set()
    for rule in policy["rules"]:
        if rule["id"] in snapshot.broken:
            if without == "errors":
                continue
            return frozenset()
        if not holds(rule, asked, label, snapshot):
            continue
        if rule["effect"] == "permit":
            permitted |= set(_words(rule["zones"]))
        elif without != "denies":
            denied |= set(zones) if rule.get("zones") == "any" else _closed(rule)
    open_zones = permitted - denied
    return frozenset(
        name for name in open_zones if clears(zones[name], label, policy, today, without)
    )


def clears(zone: Written, label: Plain, policy: Written, today: date, without: str = "") -> bool:
    """Is the zone cleared for the label on that day?"""
    if policy["levels"].index(zone["level"]) < label.rank:
        return False
    if not label.caveats <= set(zone["caveats"]):
        return False
    if label.places is None:
        return True
    regions = _regions(zone, policy, today, without)
    return regions is not WORLD and regions <= label.places


def holds(rule: Written, asked: Asked, label: Plain, snapshot: Snapshot) -> bool:
    """Do all conditions of the rule hold?"""
    policy = snapshot.documents["policy"]
    return all(
        _CONDITIONS[name](_words(words), asked, label, policy, snapshot)
        if name != "repo"
        else _repo(_words(words), asked, permits=rule["effect"] == "permit")
        for name, words in rule["when"].items()
        if name not in ("any", "zone")
    )


_CONDITIONS: dict[str, Callable[[list[str], Asked, Plain, Written, Snapshot], bool]] = {
    "level_min": lambda w, _a, label, policy, _s: label.rank >= policy["levels"].index(w[0]),
    "level_max": lambda w, _a, label, policy, _s: label.rank <= policy["levels"].index(w[0]),
    "level_is": lambda w, _a, label, policy, _s: policy["levels"][label.rank] in w,
    "caveat": lambda w, _a, label, _p, _s: any(word in label.caveats for word in w),
    "residency": lambda w, _a, label, policy, _s: (
        label.places is not None
        and any(label.places <= set(policy["region_sets"][word]) for word in w)
    ),
    "team": lambda w, asked, _l, _p, _s: asked.key.team in w,
    "surface": lambda w, asked, _l, _p, _s: asked.surface in w,
    "model": lambda w, asked, _l, _p, snapshot: _catalogue_name(asked, snapshot) in w,
    "task": lambda w, asked, _l, _p, snapshot: asked.name in snapshot.tasks and asked.name in w,
    "detector": lambda w, asked, _l, _p, _s: any(kind in w for _, kind, _ in asked.found.findings),
}


def _repo(words: list[str], asked: Asked, *, permits: bool) -> bool:
    """Of a permit, all repositories are meant and the key binds one; of a deny, any is meant."""
    bound, claimed = _repos(asked)
    if permits:
        return bool(bound) and bound | claimed <= set(words)
    return bool((bound | claimed) & set(words))


def _catalogue_name(asked: Asked, snapshot: Snapshot) -> str:
    """Return the task's name, or the model's own name whichever way it was asked for."""
    return asked.name if asked.name in snapshot.tasks else named(asked.name, snapshot)[0].model


def _able(offer: Offer, asked: Asked) -> bool:
    wanted = asked.output_max
    if wanted is None and asked.surface == "messages":
        wanted = 64
    fits = wanted is None or wanted <= offer.context_tokens
    return fits and set(asked.needs) <= set(offer.capabilities)


def _base(asked: Asked, policy: Written, repos: Written) -> list[Plain]:
    """Return what the key binds; only where it binds nothing, the default."""
    key = asked.key
    top = Plain(len(policy["levels"]) - 1, frozenset(policy["caveats"]))
    base: list[Plain] = []
    if key.label is not None:
        base.append(top if key.label == "cosmic" else _read(key.label, policy))
    if "ghost" in key.repos:
        base.append(top)
    bound = [name for name in key.repos if name != "ghost"]
    if _chooses(asked):
        bound = [name for name in bound if name == asked.repo.repo]
    base += [_read(repos[name]["label"], policy) for name in bound]
    return base or [_read(policy["default"], policy)]


def _claims(asked: Asked, policy: Written, registry: Written) -> list[Plain]:
    told: list[Plain] = []
    for claim in (asked.repo, *asked.hints):
        if claim.meant == "registered":
            told.append(_read(registry["repos"][claim.repo]["label"], policy))
        elif claim.meant != "none":
            told.append(_read(registry["unregistered"], policy))
    if asked.label.meant == "label":
        claim = asked.label
        places = policy["region_sets"][claim.places] if claim.places else None
        told.append(_plain(policy, claim.level, claim.caveats, places))
    return told


def _findings(asked: Asked, policy: Written) -> list[Plain]:
    """Return what findings raise; a failure, and a detector without an entry, raise `failed`.

    A failure raises what findings of that detector would have raised as well.
    """
    entries = policy["detectors"]
    top = Plain(len(policy["levels"]) - 1, frozenset(policy["caveats"]))
    failed = _read(entries["failed"]["raise"], policy) if "failed" in entries else top
    raised = [failed for _ in asked.found.failed]
    unread = [one for one in asked.found.failed if one in entries]
    raised += [_read(entries[one]["raise"], policy) for one in unread]
    for detector, _, tag_only in asked.found.findings:
        if not tag_only:
            known = detector in entries
            raised.append(_read(entries[detector]["raise"], policy) if known else failed)
    return raised


def _repos(asked: Asked) -> tuple[set[str], set[str]]:
    """Return the repositories that the key binds, or the chosen one, and those only claimed."""
    bound = set(asked.key.repos)
    if asked.repo.repo is not None and _chooses(asked):
        bound = {asked.repo.repo}
    told = {claim.repo for claim in (asked.repo, *asked.hints) if claim.repo is not None}
    return bound, told - bound


def _chooses(asked: Asked) -> bool:
    return asked.key.selects_repo and asked.repo.repo in asked.key.repos


def _closed(rule: Written) -> set[str]:
    return set(_words(rule["when"].get("zone", rule.get("zones", []))))


def _regions(zone: Written, policy: Written, today: date, without: str) -> frozenset[str] | None:
    """Return where the zone works and keeps data; not believed means the world."""
    evidence = zone.get("evidence")
    if evidence is None and not zone["premises"]:
        return WORLD
    expired = evidence is not None and date.fromisoformat(evidence["expires_on"]) < today
    if expired and without != "evidence":
        return WORLD
    found: set[str] = set()
    for word in _words(zone["processing_regions"]) + _words(zone["storage_regions"]):
        if word == "world":
            return WORLD
        found |= set(policy["region_sets"].get(word, [CLOUD_COUNTRIES.get(word, word)]))
    return frozenset(found)


def _read(text: str, policy: Written) -> Plain:
    """Return a label that a document gives as text."""
    rest, _, places = text.partition("@")
    level, *caveats = rest.split("+")
    return _plain(policy, level, caveats, policy["region_sets"][places] if places else None)


def _plain(policy: Written, level: str, caveats: list[str], places: list[str] | None) -> Plain:
    bound = None if places is None else frozenset(places)
    return Plain(policy["levels"].index(level), frozenset(caveats), bound)


def _joined(labels: list[Plain]) -> Plain:
    """Return the highest level, all caveats, and the places that all allow."""
    bounds = [label.places for label in labels if label.places is not None]
    return Plain(
        max(label.rank for label in labels),
        frozenset().union(*(label.caveats for label in labels)),
        frozenset.intersection(*bounds) if bounds else None,
    )


def _words(written: str | list[str]) -> list[str]:
    return [written] if isinstance(written, str) else list(written)
