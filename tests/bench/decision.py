"""What a decision by 200 rules costs, by `python -m tests.bench.decision`: microseconds of CPU.

Exit code 1 when the median is over its promise.
"""

import sys
import time
from statistics import median
from typing import Any

from gateway.domain.decision import Facts
from gateway.policy.evaluate import decide
from gateway.policy.program import Program
from tests.doubles.dice import dice
from tests.doubles.policies import ANYWHERE, NOW, a_program, some_facts

RULES = 200
REQUESTS = 64
ROUNDS = 50
MEDIAN_US_MAX = 150.0
LABELS = ("public", "internal", "internal+pii", "restricted@EU", "restricted+pii+secret")


def rules() -> list[dict[str, Any]]:
    """Rules of every kind, each with two or three conditions, most of them not for the request."""
    kinds: list[dict[str, Any]] = [
        {"effect": "permit", "zones": ["home", "cloud"]},
        {"effect": "deny", "zones": ["cloud"]},
        {"effect": "oblige", "obligations": ["no_store"]},
        {"effect": "permit", "zones": ["home"]},
    ]
    more: list[dict[str, Any]] = [
        {"repo": "website"},
        {"caveat": "pii", "surface": "messages"},
        {"residency": "EU", "model": "m"},
        {"detector": ["email", "phone"]},
        {"key": "ci"},
    ]
    made = [
        kinds[n % len(kinds)]
        | {"id": f"rule-{n}", "when": {"level_max": "internal", "team": f"team-{n % 40}"}}
        for n in range(RULES - 1)
    ]
    for number, rule in enumerate(made):
        rule["when"] = rule["when"] | more[number % len(more)]
    return [ANYWHERE, *made]


def requests(program: Program) -> list[Facts]:
    """Requests of many teams with labels of all kinds."""
    chance = dice("decision")
    return [
        some_facts(
            program,
            chance.choice(LABELS),
            team=f"team-{chance.randrange(40)}",
            key="ci",
            repos=frozenset({"website"}),
            findings=frozenset({"email"}),
        )
        for _ in range(REQUESTS)
    ]


def costs() -> list[float]:
    """Return the microseconds of each decision."""
    program = a_program(*rules())
    asked = requests(program)
    took = []
    for facts in asked * ROUNDS:
        began = time.perf_counter_ns()
        decide(program, facts, NOW)
        took.append((time.perf_counter_ns() - began) / 1_000)
    return took


def main() -> int:
    """Print the figure; 1 when it is over its promise."""
    middle = median(costs())
    print(f"{RULES} rules decided: {middle:.0f} us at the median (promised {MEDIAN_US_MAX:.0f})")
    return int(middle > MEDIAN_US_MAX)


if __name__ == "__main__":
    sys.exit(main())
