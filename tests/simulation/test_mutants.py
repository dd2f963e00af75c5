"""Random worlds find what was planted; a suite that cannot fail proves nothing."""

import pytest

from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.worlds import first_breaking

WORLDS_MAX = 6_000


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_fault_is_found(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.install(monkeypatch)
    found = first_breaking(mutant.promise, WORLDS_MAX)
    print(f"{mutant.name}: found in world {found}")
    assert found is not None
