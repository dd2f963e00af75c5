"""Which rules the cases of a policy exercise."""

from collections.abc import Iterable

from msgspec import Struct

from gateway.domain.decision import Facts
from gateway.policy.cases import Got
from gateway.policy.program import Clause, Program


class Covered(Struct, frozen=True):
    """One rule, and in how many cases its conditions held, and in how many it made the answer.

    A rule of the shadow, or one whose zone the label does not clear, holds and makes no answer.
    """

    rule: str
    held: int
    decided: int


def coverage(program: Program, answers: Iterable[Got]) -> tuple[Covered, ...]:
    """Return every rule in the order of the policy's kinds: deciding, obliging, in the shadow."""
    given = tuple(answers)
    facts = [one.facts for one in given if one.facts is not None]
    return tuple(
        Covered(
            clause.id,
            sum(_holds(clause, one) for one in facts),
            sum(clause.id in one.because for one in given),
        )
        for clause in (*program.clauses, *program.duties, *program.shadows)
    )


def _holds(clause: Clause, facts: Facts) -> bool:
    try:
        return clause.matches(facts)
    except Exception:  # noqa: BLE001 - a rule without an answer was not exercised
        return False
