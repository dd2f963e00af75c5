"""What holds for every policy, by Hypothesis: small random bundles through the real compiler."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.domain.decision import Effect, Facts
from gateway.domain.label import Label
from gateway.policy.compile import compile_bundle
from gateway.policy.evaluate import decide, why_not
from gateway.policy.invariants import Invariant
from gateway.policy.program import Program
from gateway.policy.prove import matrix, prove
from tests.doubles.policies import CLOUD, HOME, NOW, broken_clause, documents, some_facts, values

ZONES = {
    "home": HOME,
    "cloud": CLOUD,
    "union": CLOUD
    | {
        "level": "restricted",
        "caveats": ["pii"],
        "processing_regions": ["DE", "FR"],
        "storage_regions": "IE",
        "operator_jurisdiction": "FR",
        "evidence": {"source": "a", "read_on": "2026-11-01", "expires_on": "2027-11-01"},
    },
}
LEVELS = ("public", "internal", "restricted")
levels = st.sampled_from(LEVELS)
zones = st.lists(st.sampled_from(sorted(ZONES)), min_size=1, max_size=3, unique=True)
conditions = st.fixed_dictionaries(
    {},
    optional={
        "level_is": levels | st.lists(levels, min_size=1, max_size=2),
        "caveat": st.sampled_from(["pii", "secret"]),
        "residency": st.sampled_from(["EU", "NORDIC"]),
        "repo": st.sampled_from(["website", "payments"]),
        "team": st.sampled_from(["a", "b"]),
        "detector": st.just("key"),
    },
)
bounds = st.fixed_dictionaries({}, optional={"level_min": levels, "level_max": levels})
whens = (conditions | bounds).map(lambda when: when or {"any": True})
effects = st.sampled_from(["permit", "permit", "deny"])
Drawn = list[tuple[str, dict[str, object], list[str]]]
Text = tuple[str, set[str], str]
rules = st.lists(st.tuples(effects, whens, zones), min_size=1, max_size=5)
repos = st.frozensets(st.sampled_from(["website", "payments"]))
places = st.sampled_from(["", "@EU", "@NORDIC"])
texts = st.tuples(levels, st.sets(st.sampled_from(["+pii", "+secret"])), places)
laws = settings(max_examples=25, deadline=None)


def program_of(drawn: list[tuple[str, dict[str, object], list[str]]]) -> Program | None:
    """The program, None where the compiler refuses a rule that could never hold."""
    written = [
        {"id": f"r{number}", "effect": effect, "when": when, "zones": reached}
        for number, (effect, when, reached) in enumerate(drawn)
    ]
    bundle = values(policy__rules=written, zones__zones=ZONES)
    found = compile_bundle(documents(bundle), "d")
    assert all("never" in problem.what for problem in found.problems)
    return None if found.problems else found.program


programs = rules.map(program_of).filter(lambda program: program is not None)
falling = st.sampled_from(
    [{"any": True}, {"level_max": "internal"}, {"repo": "website"}, {"team": ["a", "b"]}]
)
rising = st.sampled_from(
    [
        {"level_min": "internal"},
        {"caveat": "pii"},
        {"residency": "EU"},
        {"detector": "key"},
        {"repo": "payments"},
        {"team": "a"},
    ]
)
steady_rules = st.lists(
    st.tuples(st.just("permit"), falling, zones) | st.tuples(st.just("deny"), rising, zones),
    min_size=1,
    max_size=5,
)
steady_programs = steady_rules.map(program_of).filter(lambda program: program is not None)


@st.composite
def asked(
    draw: st.DrawFn, some: st.SearchStrategy[Program | None] = programs
) -> tuple[Program, Facts]:
    program = draw(some)
    facts = Facts(
        label=a_label(program, draw(texts)),
        team=draw(st.sampled_from(["a", "b", "c"])),
        surface="messages",
        model="m",
        repos=draw(repos),
        findings=draw(st.frozensets(st.just("key"))),
        claimed_repos=draw(repos),
    )
    return program, facts


def a_label(program: Program, text: tuple[str, set[str], str]) -> Label:
    level, caveats, place = text
    return program.vocabulary.parse(level + "".join(sorted(caveats)) + place)


@laws
@given(asked())
def test_every_zone_of_a_boundary_clears_the_label_and_no_rule_denies_it(
    case: tuple[Program, Facts],
) -> None:
    program, facts = case
    found = decide(program, facts, NOW)
    assert (found.effect is Effect.PERMIT) == bool(found.boundary)
    for zone in found.boundary:
        assert program.zones[zone].clears(facts.label, NOW.date())
        here = [c for c in program.clauses if zone in c.zones and c.matches(facts)]
        assert here
        assert all(clause.permits for clause in here)


@laws
@given(asked())
def test_why_not_agrees_with_the_decision(case: tuple[Program, Facts]) -> None:
    program, facts = case
    boundary = decide(program, facts, NOW).boundary
    assert {z for z in program.zones if why_not(program, facts, z, NOW) is None} == boundary


@laws
@given(asked(), st.randoms(use_true_random=False))
def test_adv_65_the_order_of_rules_has_no_meaning(
    case: tuple[Program, Facts], draw: Random
) -> None:
    program, facts = case
    turned = list(program.clauses)
    draw.shuffle(turned)
    other = structs.replace(program, clauses=tuple(turned))
    assert decide(other, facts, NOW) == decide(program, facts, NOW)


@laws
@given(asked(), zones)
def test_one_more_deny_never_widens_a_boundary(
    case: tuple[Program, Facts], reached: list[str]
) -> None:
    program, facts = case
    deny = structs.replace(broken_clause("more", permits=False), zones=frozenset(reached))
    deny = structs.replace(deny, matches=lambda _: True)
    more = structs.replace(program, clauses=(*program.clauses, deny))
    before, after = decide(program, facts, NOW).boundary, decide(more, facts, NOW).boundary
    assert after == before - set(reached)


@laws
@given(asked())
def test_one_broken_rule_leaves_nothing(case: tuple[Program, Facts]) -> None:
    program, facts = case
    broken = structs.replace(program, clauses=(*program.clauses, broken_clause("torn")))
    assert not decide(broken, facts, NOW).boundary


@laws
@given(asked(), texts)
def test_a_raised_label_reaches_only_zones_that_cleared_it_before(
    case: tuple[Program, Facts], more: tuple[str, set[str], str]
) -> None:
    """A permit may wait for a high label, so a boundary can gain a zone, but never a clearance."""
    program, facts = case
    raised = structs.replace(facts, label=facts.label.join(a_label(program, more)))
    cleared = {z for z, zone in program.zones.items() if zone.clears(facts.label, NOW.date())}
    assert decide(program, raised, NOW).boundary <= cleared


@laws
@given(asked(steady_programs), texts, repos)
def test_another_signal_never_widens_a_boundary_unless_a_rule_asks_for_it(
    case: tuple[Program, Facts], more: tuple[str, set[str], str], claimed: frozenset[str]
) -> None:
    """Permits that ask for no high label and denies that ask for no low one: the plain law."""
    program, facts = case
    raised = structs.replace(
        facts,
        label=facts.label.join(a_label(program, more)),
        findings=facts.findings | {"key"},
        claimed_repos=facts.claimed_repos | claimed,
    )
    assert decide(program, raised, NOW).boundary <= decide(program, facts, NOW).boundary


@laws
@given(asked(), repos)
def test_a_claimed_repository_never_widens_a_boundary(
    case: tuple[Program, Facts], more: frozenset[str]
) -> None:
    program, facts = case
    claimed = structs.replace(facts, claimed_repos=facts.claimed_repos | more)
    assert decide(program, claimed, NOW).boundary <= decide(program, facts, NOW).boundary


@laws
@given(asked(), levels, zones)
def test_what_is_proven_holds_for_every_request(
    case: tuple[Program, Facts], least: str, only: list[str]
) -> None:
    program, facts = case
    rank = LEVELS.index(least)
    document = documents(values())["invariants"]
    promise = Invariant(
        id="i",
        speaks_of=lambda label: label.level.rank >= rank,
        allows=lambda zone: zone.name in only,
        reason="",
        document=document,
        pointer="",
    )
    if not prove(program, [promise], NOW.date()) and facts.label.level.rank >= rank:
        assert decide(program, facts, NOW).boundary <= set(only)


@laws
@given(asked())
def test_a_no_in_the_matrix_is_a_no_for_every_request(case: tuple[Program, Facts]) -> None:
    program, facts = case
    written = {row.label: row for row in matrix(program, NOW.date()).rows}
    level, caveats = facts.label.level.name, sorted(facts.label.caveats)
    row = written.get("+".join([level, *caveats]))
    if row is not None and facts.label.residency is None:
        boundary = decide(program, facts, NOW).boundary
        assert not boundary & {cell.zone for cell in row.cells if not cell.reachable}


@laws
@given(rules, rules, texts, st.sampled_from(["a", "b"]))
def test_rules_in_the_shadow_and_obligations_never_change_a_boundary_to_more(
    drawn: Drawn, shaded: Drawn, text: Text, team: str
) -> None:
    plain, others = program_of(drawn), program_of(shaded)
    if plain is None or others is None:
        return
    level, caveats, place = text
    facts = some_facts(plain, f"{level}{''.join(sorted(caveats))}{place}", team=team)
    duties = tuple(
        structs.replace(clause, permits=False, zones=frozenset(), obliges=frozenset({"redact"}))
        for clause in others.clauses
    )
    before = decide(plain, facts, NOW)
    assert decide(structs.replace(plain, shadows=others.clauses), facts, NOW) == before
    obliged = decide(structs.replace(plain, duties=duties), facts, NOW)
    assert obliged.boundary <= before.boundary
