"""What holds for every policy and grant: one zone, no promise broken, nothing by claiming."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, structs

from gateway.domain.decision import Facts
from gateway.domain.grant import Grant
from gateway.policy.evaluate import decide
from gateway.policy.invariants import Invariant
from gateway.policy.program import Program
from tests.doubles.granted import a_grant, broken_glass
from tests.doubles.policies import NOW
from tests.policy.test_laws import a_label, asked, laws, steady_programs, texts

Case = tuple[Program, Facts, Grant]


def promising(program: Program, zone: str, level: str) -> Program:
    """The program with a promise that no label from that level on is in that zone."""
    promise = Invariant(
        id="p",
        speaks_of=lambda label: label.level >= program.vocabulary.level(level),
        allows=lambda known: known.name != zone,
        reason="",
        document=None,  # type: ignore[arg-type] - where it is written says nothing here
        pointer="",
    )
    return structs.replace(program, promises=(promise,))


@st.composite
def granted(draw: st.DrawFn, some: st.SearchStrategy[tuple[Program, Facts]]) -> Case:
    program, facts = draw(some)
    make = draw(st.sampled_from([a_grant, broken_glass]))
    said = {
        "zone": draw(st.sampled_from(["home", "cloud", "union", "nowhere"])),
        "label": program.vocabulary.top.join(a_label(program, draw(texts))),
        "treated_as": a_label(program, draw(texts)),
        "repo": draw(st.sampled_from([UNSET, UNSET, "website"])),
        "team": draw(st.sampled_from([UNSET, UNSET, "a"])),
    }
    if draw(st.booleans()):
        program = promising(program, said["zone"], draw(st.sampled_from(["public", "restricted"])))
    return program, facts, make("g", **said)


def opened(program: Program, facts: Facts, grant: Grant) -> bool:
    return grant.zone in decide(program, facts, NOW, (grant,)).boundary


@laws
@given(granted(asked()))
def test_a_grant_opens_its_zone_and_no_other(case: Case) -> None:
    program, facts, grant = case
    without = decide(program, facts, NOW)
    found = decide(program, facts, NOW, (grant,))
    assert without.boundary <= found.boundary <= without.boundary | {grant.zone}
    if found == without:
        return
    assert grant.word in found.because
    zone = program.zones[grant.zone]
    assert facts.label.has_lawful_place
    assert grant.label.dominates(facts.label)
    assert all(one.allows(zone) for one in program.promises if one.speaks_of(facts.label))
    lowered = structs.replace(facts, label=grant.treats(facts.label))
    assert facts.label.dominates(lowered.label)
    here = [c for c in program.clauses if grant.zone in c.zones and c.matches(lowered)]
    assert all(clause.permits for clause in here)
    if grant.treated_as is not UNSET:
        assert here
        assert zone.clears(lowered.label, NOW.date())


@laws
@given(granted(asked(steady_programs)), texts)
def test_adv_01_a_claim_of_more_opens_nothing_by_a_grant(case: Case, more: tuple) -> None:
    program, facts, grant = case
    raised = structs.replace(facts, label=facts.label.join(a_label(program, more)))
    claimed = structs.replace(facts, claimed_repos=facts.claimed_repos | {"payments"})
    for stricter in (raised, claimed):
        if opened(program, stricter, grant):
            assert opened(program, facts, grant)
