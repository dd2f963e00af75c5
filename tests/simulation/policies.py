"""Random policies: documents that the compiler accepts, as plain data."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from tests.simulation.chance import Chance
from tests.simulation.scenario import Size, Written

LEVELS = ("public", "internal", "confidential", "restricted")
CAVEATS = ("pii", "secret", "export")
CODES = ("DE", "FR", "SE", "NO", "US", "GB")
SETS = {"EU": ("DE", "FR", "SE"), "NORTH": ("SE", "NO"), "WEST": ("DE", "FR", "GB", "US")}
CLOUD_WORDS = ("eu-west-2", "eu-north-1", "us-east-1", "europe-west3", "eu-west-3")
TEAMS = ("apps", "core", "guests")
SURFACES = ("chat_completions", "messages", "responses")
DETECTORS = ("secrets", "names", "marks")
KINDS = ("aws-key", "iban", "stamp")
TASKS = ("code", "review")
MODELS = ("m1", "m2", "m3")
LEVEL_WORDS = ("level_min", "level_max", "level_is")
TODAY = date(2026, 11, 21)


class Words:
    """What the labels of one policy may be made of."""

    def __init__(self, chance: Chance) -> None:
        self.levels = LEVELS[: 2 + chance.below(3)]
        self.caveats = CAVEATS[: chance.below(4)]
        self.sets = {
            name: chance.some(codes, 0.7) for name, codes in SETS.items() if chance.flip(0.7)
        }

    def label(self, chance: Chance, lowest: int = 0) -> str:
        """Return a written label of at least that rank; low ones and plain ones are likelier."""
        rank = lowest + min(chance.below(len(self.levels) - lowest) for _ in range(4))
        caveats = "".join(f"+{caveat}" for caveat in chance.subset(self.caveats, 0.07))
        bound = bool(self.sets) and chance.flip(0.15)
        places = f"@{chance.pick(sorted(self.sets))}" if bound else ""
        return self.levels[rank] + caveats + places


@lru_cache(maxsize=4)
def draw_documents(seed: int, size: Size) -> dict[str, Written]:
    """Return the four documents of a policy."""
    words = Words(Chance(seed, "words"))
    zones = _zones(Chance(seed, "zones"), words, size)
    repos = _repos(Chance(seed, "repos"), words, size)
    chance = Chance(seed, "policy")
    policy: Written = {
        "version": 1,
        "levels": list(words.levels),
        "caveats": list(words.caveats),
        "region_sets": words.sets,
        "default": words.label(chance, lowest=1),
        "detectors": {
            name: {"raise": words.label(chance)} for name in chance.subset(DETECTORS, 0.6)
        },
        "on_loss": "refuse" if chance.flip(0.1) else "record",
    }
    if chance.flip(0.6):
        policy["detectors"]["failed"] = {"raise": words.label(chance)}
    drawn = [
        draw_rule(Chance(seed, f"rule {n}"), n, words, zones, repos) for n in range(size.rules)
    ]
    # WHY: a policy that permits nothing teaches little; most have one rule that permits much.
    wide = chance.some(sorted(zones), 0.75)
    broad = {"id": "p-all", "effect": "permit", "when": {"any": True}, "zones": wide}
    policy["rules"] = ([broad] if chance.flip(0.75) else []) + [rule for rule in drawn if rule]
    if len(policy["rules"]) > size.rules:
        policy["rules"].pop()
    return {
        "policy": policy,
        "zones": {"version": 1, "zones": zones},
        "repos": {"version": 1, "unregistered": words.label(chance), "repos": repos},
        "invariants": {"version": 1, "invariants": []},
    }


@lru_cache(maxsize=4)
def edited_documents(seed: int, size: Size) -> dict[str, Written]:
    """Return the policy as somebody edited it later: more is permitted, or less."""
    chance = Chance(seed, "edit")
    documents = draw_documents(seed, size)
    policy = dict(documents["policy"])
    zones = sorted(documents["zones"]["zones"])
    rules = chance.subset(policy["rules"], 0.6)
    if chance.flip(0.7):
        rules.append({"id": "p-new", "effect": "permit", "when": {"any": True}, "zones": zones})
    else:
        rules.append({"id": "d-new", "effect": "deny", "when": {"any": True}, "zones": "any"})
    policy["rules"] = rules
    return {**documents, "policy": policy}


def _zones(chance: Chance, words: Words, size: Size) -> dict[str, Written]:
    count = 1 + chance.below(size.zones)
    return {f"z{n}": _zone(Chance(chance.below(1 << 30), "zone"), n, words) for n in range(count)}


def _zone(chance: Chance, number: int, words: Words) -> Written:
    strong = chance.flip(0.6)
    premises = chance.flip(0.35)
    zone: Written = {
        "level": words.levels[-1] if strong else chance.pick(words.levels),
        "caveats": list(words.caveats) if strong else chance.subset(words.caveats, 0.4),
        "processing_regions": _regions(chance, words, premises=premises),
        "storage_regions": _regions(chance, words, premises=premises),
        "operator": "somebody",
        "operator_jurisdiction": chance.pick(CODES),
        "retention_days": 0,
        "premises": premises,
        "addresses": [f"127.0.{number + 1}.0/24"],
    }
    if not premises and chance.flip(0.2):
        zone["addresses"].append("127.0.100.0/24")
    evidence = chance.weighed([(2, None), (4, 200), (2.5, -1), (1, 0), (0.5, -300)])
    if evidence is not None and (not premises or chance.flip(0.2)):
        expires = TODAY + timedelta(days=evidence)
        zone["evidence"] = {
            "source": "a contract",
            "read_on": (expires - timedelta(days=365)).isoformat(),
            "expires_on": expires.isoformat(),
        }
    return zone


def _regions(chance: Chance, words: Words, *, premises: bool) -> str | list[str]:
    options: list[tuple[float, Any]] = [
        (3, "DE"),
        (2, "SE"),
        (0.5, [chance.pick(CODES), chance.pick(CODES)]),
        (1, chance.pick(CLOUD_WORDS)),
        (1, [chance.pick(sorted(words.sets) or CODES), "DE"]),
        (0 if premises else 0.7, "world"),
    ]
    return chance.weighed(options)  # type: ignore[no-any-return]


def _repos(chance: Chance, words: Words, size: Size) -> dict[str, Written]:
    return {
        f"repo-{n}": {
            "label": words.label(chance),
            "urls": [f"https://git.example.com/team/repo-{n}"],
        }
        for n in range(chance.below(size.repos + 1))
    }


def draw_rule(
    chance: Chance, number: int, words: Words, zones: dict[str, Written], repos: dict[str, Written]
) -> Written | None:
    """Return a rule, or None for a permit that could never permit: the compiler refuses that."""
    if chance.flip(0.35):
        return None
    permits = chance.flip(0.78)
    when = draw_when(chance, words, sorted(repos))
    rule: Written = {"id": f"r{number}", "effect": "permit" if permits else "deny", "when": when}
    if permits:
        named = chance.some(sorted(zones), 0.6)
        rule["zones"] = named[0] if len(named) == 1 else named
        return rule if any(_may_clear(zones[zone], when, words) for zone in named) else None
    way = chance.weighed([(4, "zones"), (2, "zone"), (0.2, "any")])
    closed = chance.some(sorted(zones), 0.2)
    if way == "zone":
        when["zone"] = closed
    else:
        rule["zones"] = "any" if way == "any" else closed
    return rule


def draw_when(chance: Chance, words: Words, repos: list[str]) -> Written:
    """Return one to three conditions, or `any`."""
    if chance.flip(0.15):
        return {"any": True}
    when: Written = {}
    for name in [chance.pick(LEVEL_WORDS), *(_condition(chance) for _ in range(2))]:
        if when and chance.flip(0.6):
            continue
        when |= _written(chance, name, words, repos)
    return when or {"any": True}


def _condition(chance: Chance) -> str:
    names = ("caveat", "residency", "repo", "repo", "team", "task", "model", "surface", "detector")
    return chance.pick(names)


def _written(chance: Chance, name: str, words: Words, repos: list[str]) -> Written:
    options: dict[str, list[str]] = {
        "level_is": list(words.levels),
        "level_min": list(words.levels),
        "level_max": list(words.levels),
        "caveat": list(words.caveats),
        "residency": sorted(words.sets),
        "repo": repos,
        "team": list(TEAMS),
        "task": list(TASKS),
        "model": [*TASKS, *MODELS],
        "surface": list(SURFACES),
        "detector": list(KINDS),
    }
    if not options[name]:
        return {}
    if name in ("level_min", "level_max"):
        return {name: chance.pick(options[name])}
    found = chance.some(options[name], 0.4)
    return {name: found[0] if len(found) == 1 else found}


def _may_clear(zone: Written, when: Written, words: Words) -> bool:
    """Could this zone be cleared for some label that the conditions allow?"""
    least = when.get("level_min") or when.get("level_is")
    ranks = [words.levels.index(word) for word in _list(least)]
    caveats = _list(when.get("caveat"))
    high = words.levels.index(zone["level"])
    return (not ranks or min(ranks) <= high) and (
        not caveats or any(caveat in zone["caveats"] for caveat in caveats)
    )


def _list(written: str | list[str] | None) -> list[str]:
    if written is None:
        return []
    return [written] if isinstance(written, str) else written
