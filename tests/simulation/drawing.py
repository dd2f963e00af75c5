"""Random requests of random worlds, for decisions alone: nothing is sent."""

from datetime import UTC, date, datetime
from random import Random

from msgspec import UNSET
from msgspec.structs import replace

from gateway.domain.caller import Caller
from gateway.domain.decision import Facts, Signal, Trust
from gateway.domain.fleet import Fleet
from gateway.domain.money import Price
from gateway.domain.obligation import costing, passing_only
from gateway.domain.request import Ask
from gateway.flow.ports import World
from gateway.policy.program import Clause
from gateway.routing.names import askable
from tests.simulation.chance import Chance
from tests.simulation.duties import CLIENTS, COSTS, GLOB, PASSABLE, WORDS, with_duties
from tests.simulation.generate import FULL, POLICY_SHARED, generate
from tests.simulation.grants import with_grants
from tests.simulation.laws import Drawn, Setting
from tests.simulation.policies import KINDS, SURFACES, TASKS, TEAMS
from tests.simulation.stage import world_of

NOON = 12
PRICES = (0, 0, 300_000, 15_000_000)
STRANGE = b"https://git.example.com/team/nobody-knows"


def setting_of(seed: int) -> Setting:
    """Return the world of that seed."""
    scenario = generate(seed)
    documents = with_duties(seed - seed % POLICY_SHARED, FULL)
    world = _priced(seed, world_of(replace(scenario.snapshots[0], documents=documents)))
    world = _broken(Chance(seed, "broken shadows"), world)
    now = datetime.fromisoformat(scenario.start).astimezone(UTC).replace(hour=NOON)
    world, known = with_grants(seed, world, now)
    program = world.program
    return Setting(
        seed=seed,
        world=world,
        now=now,
        names=tuple(askable(world.fleet.catalogue)),
        known=known,
        unshadowed=replace(world, program=replace(program, shadows=())),
        unobliged=replace(world, program=replace(program, duties=())),
    )


def _priced(seed: int, world: World) -> World:
    """Return the world in which answers cost something."""
    chance, catalogue = Chance(seed, "prices"), world.fleet.catalogue
    day = date(2026, 11, 20)
    offerings = tuple(
        replace(one, price=Price(chance.pick(PRICES), chance.pick(PRICES), "a list", day))
        for one in catalogue.offerings
    )
    return replace(world, fleet=Fleet(replace(catalogue, offerings=offerings)))


def _broken(chance: Chance, world: World) -> World:
    """Return the world in which some rule in the shadow has no answer, and seldom a duty."""
    program = world.program
    shadows = tuple(_failing(one) if chance.flip(0.1) else one for one in program.shadows)
    duties = tuple(_failing(one) if chance.flip(0.01) else one for one in program.duties)
    return replace(world, program=replace(program, shadows=shadows, duties=duties))


def _failing(clause: Clause) -> Clause:
    return replace(clause, matches=_fail)


def _fail(_: Facts) -> bool:
    raise KeyError("a planted fault")


def drawn(setting: Setting, chance: Random) -> Drawn:
    """Return a random request of that world."""
    world, pick, draw = setting.world, chance.choice, chance.random
    repos = sorted(world.registry.repos)
    bound = tuple(one for one in repos if draw() < 0.3)
    label = a_label(setting, chance) if draw() < 0.7 else None
    claimed = pick(repos) if repos and draw() < 0.3 else None
    strange = claimed is None and draw() < 0.1
    team, redacted = pick(TEAMS), draw() < 0.2
    if strange:
        team, bound = _as_granted(setting, chance, (team, bound))
    return Drawn(
        caller=Caller("key-1", "ada", team, label, bound, draw() < 0.3),
        headers=_headers(setting, chance, claimed, strange=strange),
        found=tuple(a_signal(setting, chance) for _ in range(chance.randrange(3))),
        facts=_facts(setting, chance, team, (bound, claimed)),
        ask=_ask(setting, chance),
        body_bytes=pick((None, 90, 20_000)),
        strange=strange,
        redacted=redacted,
        duties=_duties(chance) if redacted else (),
    )


def _as_granted(
    setting: Setting, chance: Random, known: tuple[str, tuple[str, ...]]
) -> tuple[str, tuple[str, ...]]:
    """Return team and repositories that somebody was granted something for, if there are such.

    WHY: one who claims a strange repository besides is told from them by that alone.
    """
    named = [one.whose for one in setting.known if one.whose.get("repo") in _repos(setting)]
    if not named:
        return known
    whose = chance.choice(named)
    return whose.get("team", known[0]), (whose["repo"],)


def _repos(setting: Setting) -> set[str]:
    return set(setting.world.registry.repos)


def _headers(
    setting: Setting, chance: Random, claimed: str | None, *, strange: bool
) -> tuple[tuple[bytes, bytes], ...]:
    headers = [(b"user-agent", b"a client"), (b"accept", b"*/*")]
    if chance.random() < 0.4:
        headers.append((b"x-perimeter-label", a_label(setting, chance).encode()))
    if claimed is not None:
        address = min(setting.world.registry.repos[claimed].addresses)
        headers.append((b"x-perimeter-repo", f"https://{address}".encode()))
    if strange:
        headers.append((b"x-perimeter-repo", STRANGE))
    return (*headers, (b"x-session-id", b"one"))


def _facts(
    setting: Setting, chance: Random, team: str, repos: tuple[tuple[str, ...], str | None]
) -> Facts:
    """Return what rules may ask; the label is put in when it is known."""
    pick, draw = chance.choice, chance.random
    bound, claimed = repos
    counts = {kind: 1 + int(3 * draw()) for kind in KINDS if draw() < 0.2}
    return Facts(
        label=setting.world.vocabulary.top,
        team=team,
        surface=pick(SURFACES),
        model="m1",
        task=pick((None, *TASKS)),
        repos=frozenset(bound),
        findings=frozenset(counts),
        claimed_repos=frozenset(() if claimed is None else (claimed,)),
        key="key-1" if draw() < 0.8 else UNSET,
        client=pick((*CLIENTS, UNSET)),
        finding_counts=counts or UNSET,
        paths=frozenset({GLOB}) if draw() < 0.3 else UNSET,
    )


def _ask(setting: Setting, chance: Random) -> Ask:
    name = chance.choice(setting.names)
    reached = frozenset(chance.sample(PASSABLE, 1 + chance.randrange(2)))
    return Ask(
        name,
        output_tokens_max=chance.choice((None, 16, 2_000)),
        reaches=reached if chance.random() < 0.25 else UNSET,
    )


def _duties(chance: Random) -> tuple[str, ...]:
    """Return what a decision before redaction obliged to, as it says it."""
    words = [word for word in WORDS if chance.random() < 0.2]
    if chance.random() < 0.3:
        words.append(costing(chance.choice(COSTS)))
    if chance.random() < 0.3:
        words.append(passing_only(chance.sample(PASSABLE, 3)))
    return tuple(sorted(["redact", *words]))


def a_label(setting: Setting, chance: Random) -> str:
    """Return a written label; low and plain ones are likelier, or little would be permitted."""
    words = setting.world.vocabulary
    rank = min(int(len(words.levels) * chance.random()) for _ in range(3))
    caveats = "".join(f"+{one}" for one in sorted(words.caveats) if chance.random() < 0.1)
    bound = bool(words.region_sets) and chance.random() < 0.1
    place = f"@{chance.choice(sorted(words.region_sets))}" if bound else ""
    return f"{words.levels[rank]}{caveats}{place}"


def a_signal(setting: Setting, chance: Random) -> Signal:
    """Return what a detector found."""
    label = setting.world.vocabulary.parse(a_label(setting, chance))
    return Signal(f"detector:{chance.choice(KINDS)}", label, Trust.INFERRED)
