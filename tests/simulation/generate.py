"""A world from a seed: policy, fleet, and what is asked of them.

Rule 1: everything follows from the seed and the size, so that a number is a whole report.
Rule 2: POLICY_SHARED worlds with seeds in a row share their policy, for half of the time would go
into compiling policies; fleet, callers, requests, faults and health are drawn for each world.
"""

from datetime import UTC, datetime, time, timedelta

from msgspec.structs import replace

from tests.simulation.asking import draw_request
from tests.simulation.chance import Chance
from tests.simulation.policies import MODELS, TASKS, TODAY, draw_documents, edited_documents
from tests.simulation.scenario import Engine, Offer, Scenario, Size, Snapshot, Written

FULL = Size()
POLICY_SHARED = 4
KINDS = ((3.0, "vllm"), (1.5, "ollama"), (1.0, "openai"), (1.0, "anthropic"))
ABILITIES = ("tools", "images", "documents", "thinking")
ALIAS = "a1"
LIES = 0.06


def generate(seed: int, size: Size = FULL) -> Scenario:
    """Return the world of that seed, at most that large."""
    policy_seed = seed - seed % POLICY_SHARED
    documents = draw_documents(policy_seed, size)
    zones = sorted(documents["zones"]["zones"])
    engines = _engines(Chance(seed, "engines"), zones, size)
    broken = _broken(Chance(seed, "broken"), documents["policy"]["rules"], size)
    first = _snapshot(Chance(seed, "catalogue"), documents, engines, size, broken)
    chance = Chance(seed, "world")
    snapshots = [first]
    if size.extras and chance.flip(0.6):
        edited = edited_documents(policy_seed, size)
        kept = [name for name in broken if any(r["id"] == name for r in edited["policy"]["rules"])]
        snapshots.append(_snapshot(Chance(seed, "catalogue 2"), edited, engines, size, kept))
    requests = [
        draw_request(Chance(seed, f"request {n}"), n, snapshots, engines, size)
        for n in range(1 + chance.below(size.requests))
    ]
    midnight = datetime.combine(TODAY, time(), UTC)
    seconds = chance.weighed([(8.0, 43_200), (1.0, 86_399), (1.0, 0)])
    scenario = Scenario(
        seed=seed,
        size=size,
        start=(midnight + timedelta(seconds=seconds, milliseconds=998)).isoformat(),
        snapshots=snapshots,
        engines=engines,
        pins={name: zone["addresses"] for name, zone in documents["zones"]["zones"].items()},
        requests=requests,
        ledger_ms=chance.pick((0, 0, 1, 3)),
        unwritten=[1 + chance.below(6)] if size.extras and chance.flip(0.08) else [],
        together=bool(size.extras) and chance.flip(0.25),
    )
    return _decidable(scenario)


def _decidable(scenario: Scenario) -> Scenario:
    """Return the world in which it is clear whether a turn was seen before.

    WHY: that has no one answer where two come at once, or where a client may have left before it
    was judged.
    """
    requests = [
        replace(one, turn="") if scenario.together or one.cancel_ms is not None else one
        for one in scenario.requests
    ]
    return replace(scenario, requests=requests)


def _engines(chance: Chance, zones: list[str], size: Size) -> list[Engine]:
    return [
        _engine(Chance(chance.below(1 << 30), "engine"), number, zones)
        for number in range(1 + chance.below(size.backends))
    ]


def _engine(chance: Chance, number: int, zones: list[str]) -> Engine:
    zone = chance.pick(zones)
    block = int(zone[1:]) + 1
    inside = f"127.0.{block}.{number + 1}"
    outside = f"127.0.{block % len(zones) + 1 if len(zones) > 1 else 77}.{number + 1}"
    answers = chance.weighed(
        [
            (12, [inside]),
            (2, [f"127.0.{block}.{number + 101}", inside]),
            (0.7, [outside]),
            (0.7, [inside, outside]),
            (0.4, []),
        ]
    )
    literal = chance.flip(0.6)
    host = inside if literal else f"engine-{number}.test"
    if literal and chance.flip(0.04):
        host = outside
    return Engine(
        name=f"b{number}",
        kind=chance.weighed(KINDS),
        zone=zone,
        host=host,
        port=8000 + number,
        answers=answers,
    )


def _snapshot(
    chance: Chance,
    documents: dict[str, Written],
    engines: list[Engine],
    size: Size,
    broken: list[str],
) -> Snapshot:
    models = MODELS[: size.models]
    zones = sorted(documents["zones"]["zones"])
    offers = [
        _offer(chance, model, engine, zones)
        for model in models
        for engine in chance.some(engines, 0.6)
    ]
    names = [*models, ALIAS, *(f"{offer.backend}:{offer.wire_model}" for offer in offers)]
    tasks = {
        task: list(dict.fromkeys(chance.pick(names) for _ in range(1 + chance.below(4))))
        for task in TASKS
        if chance.flip(0.7)
    }
    return Snapshot(documents, offers, {ALIAS: chance.pick(models)}, tasks, broken)


def _offer(chance: Chance, model: str, engine: Engine, zones: list[str]) -> Offer:
    lies = chance.flip(LIES)
    told = chance.pick([zone for zone in zones if zone != engine.zone] or ["z9"])
    return Offer(
        model=model,
        backend=engine.name,
        zone=told if lies else engine.zone,
        wire_model=f"{model}:wire",
        capabilities=chance.subset(ABILITIES, 0.9),
        context_tokens=chance.pick((50, 4_000, 4_000, 100_000, 100_000)),
    )


def _broken(chance: Chance, rules: list[Written], size: Size) -> list[str]:
    """Return the ids of rules that cannot be evaluated; seldom any."""
    if not (rules and size.extras and chance.flip(0.06)):
        return []
    return [chance.pick(rules)["id"]]
