"""Random policies that oblige, have rules in the shadow, pass names, and promise.

Each is drawn on top of the documents of the same seed, which stay as they are: what rules in the
shadow and obligations take away is seen beside the same policy without them.
"""

from functools import lru_cache

from tests.simulation.chance import Chance
from tests.simulation.policies import CODES, Words, draw_documents, draw_rule, draw_when
from tests.simulation.scenario import Size, Written

DUTIES_MAX = 4
SHADOWS_MAX = 4
PROMISES_MAX = 3
WORDS = ("no_store", "strip_provider_tools", "require_review", "notify", "no_log_bodies")
REDACT = "redact"
PASSABLE = ("metadata", "remote_url", "file_id", "mcp_servers", "tools.web_search", "tools.shell")
COSTS = (0, 900, 40_000, 1_000_000)
CLIENTS = ("aider", "codex")
GLOB = "infra/prod"


@lru_cache(maxsize=4)
def with_duties(seed: int, size: Size) -> dict[str, Written]:
    """Return the four documents of a policy, with all that only some policies say."""
    documents = draw_documents(seed, size)
    words = Words(Chance(seed, "words"))
    zones: Written = documents["zones"]["zones"]
    repos: Written = documents["repos"]["repos"]
    duties = [
        _duty(Chance(seed, f"duty {n}"), n, words, sorted(repos))
        for n in range(Chance(seed, "duties").below(DUTIES_MAX + 1))
    ]
    shadows = [
        _shadow(Chance(seed, f"shadow {n}"), n, words, (zones, repos))
        for n in range(Chance(seed, "shadows").below(SHADOWS_MAX + 1))
    ]
    rules = [*documents["policy"]["rules"], *duties, *(one for one in shadows if one)]
    passes = _passes(Chance(seed, "passes"), sorted(zones))
    promises = [
        _promise(Chance(seed, f"promise {n}"), n, words, sorted(zones))
        for n in range(Chance(seed, "promises").below(PROMISES_MAX))
    ]
    return {
        **documents,
        "policy": {**documents["policy"], "rules": rules, "passes": passes},
        "invariants": {"version": 1, "invariants": promises},
    }


def _duty(chance: Chance, number: int, words: Words, repos: list[str]) -> Written:
    """Return a rule that obliges to something."""
    told = chance.subset(WORDS, 0.25)
    if chance.flip(0.35):
        told.append(REDACT)
    rule: Written = {"id": f"o{number}", "effect": "oblige"}
    rule["when"] = _asking(chance, draw_when(chance, words, repos))
    if chance.flip(0.3):
        rule["cost_max_microusd"] = chance.pick(COSTS)
    if chance.flip(0.3):
        rule["passes_only"] = chance.some(PASSABLE, 0.5)
    if told or len(rule) == len(("id", "effect", "when")):
        rule["obligations"] = told or ["notify"]
    return rule


def _asking(chance: Chance, when: Written) -> Written:
    """Return the conditions, perhaps with one that a permit may not have."""
    ways: list[tuple[float, Written]] = [
        (8, {}),
        (1, {"key": "key-1"}),
        (1, {"client": chance.pick(CLIENTS)}),
        (1, {"detector_count_min": 1 + chance.below(3)}),
        (1, {"path": GLOB}),
    ]
    more = chance.weighed(ways)
    return more if more and when == {"any": True} else {**when, **more}


def _shadow(
    chance: Chance, number: int, words: Words, known: tuple[Written, Written]
) -> Written | None:
    """Return a rule of any kind that is only looked at."""
    zones, repos = known
    if chance.flip(0.4):
        rule: Written | None = _duty(chance, number, words, sorted(repos))
    else:
        rule = draw_rule(chance, number, words, zones, repos)
    return rule and {**rule, "id": f"s{number}", "mode": "shadow"}


def _passes(chance: Chance, zones: list[str]) -> dict[str, list[str]]:
    return {zone: chance.some(PASSABLE, 0.8) for zone in zones if chance.flip(0.8)}


def _promise(chance: Chance, number: int, words: Words, zones: list[str]) -> Written:
    labels: Written = {"level_min": chance.pick(words.levels[1:])}
    if words.caveats and chance.flip(0.4):
        labels = {"caveat": chance.pick(words.caveats)}
    ways: list[tuple[float, Written]] = [
        (1, {"never_zones": [chance.pick(zones)]}),
        (1, {"only_zones": chance.some(zones, 0.6)}),
        (1, {"only_operators_in": chance.some(CODES, 0.5)}),
    ]
    return {"id": f"i{number}", "labels": labels, **chance.weighed(ways)}
