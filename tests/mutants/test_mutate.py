"""What is planted is what is said, and a changed function is the one that is called."""

import ast

import pytest

from gateway.domain.label import Label, Level
from tests.mutants.mutate import count, mutants
from tests.mutants.run import drawn, is_killed, take, verdict

SOURCE = '''
LIMIT = 3

def least(a: int, b: int = 1) -> bool:
    """Say nothing."""
    if not a:
        raise ValueError("no a")
    return min(a, b) <= LIMIT and a is not b
'''


def test_each_change_is_of_one_place_in_a_body() -> None:
    found = list(mutants("a.py", SOURCE, range(count(SOURCE))))
    texts = {ast.unparse(tree) for _, tree in found}
    assert len(texts) == len(found) == count(SOURCE)
    assert [one.what for one, _ in found] == [
        "condition turned",
        "not taken away",
        "returns None",
        "And -> Or",
        "LtE -> Lt",
        "min -> max",
        "IsNot -> Is",
    ]
    assert all("LIMIT = 3" in text and "b: int=1" in text and "'no a'" in text for text in texts)


def test_the_source_is_as_it_was_after_all_changes() -> None:
    last = list(mutants("a.py", SOURCE, range(count(SOURCE))))[-1][1]
    assert ast.unparse(last).replace("a is b", "a is not b") == ast.unparse(ast.parse(SOURCE))


def test_a_seed_draws_the_same_mutants(capsys) -> None:
    assert [str(one) for one, _ in drawn(3, 7)] == [str(one) for one, _ in drawn(3, 7)]
    assert "3 of" in capsys.readouterr().out


def test_a_mutant_is_noticed_by_a_test_of_it_and_lives_without_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = "gateway/domain/label.py"
    source = (drawn.__globals__["ROOT"] / path).read_text()
    every = mutants(path, source, range(count(source)))
    one, tree = next(both for both in every if both[0].what == "max -> min")
    test = "tests/domain/test_zone.py::test_a_label_without_a_lawful_place_is_cleared_nowhere"
    assert is_killed(one, tree, [test]) == "lives"
    monkeypatch.setattr(Label.join, "__code__", Label.join.__code__)
    low, high = Label(Level(0, "low")), Label(Level(1, "high"))
    assert low.join(high) == high
    take(one, tree)
    assert low.join(high) == low


POLICY, LABEL = "gateway/policy/a.py", "gateway/domain/label.py"


@pytest.mark.parametrize(
    ("chosen", "rooms", "code"),
    [
        (40, {POLICY: [40, 40]}, 0),
        (41, {POLICY: [40, 40]}, 1),
        (0, {}, 1),
        (240, {POLICY: [200, 200], LABEL: [25, 40]}, 1),
        (229, {POLICY: [200, 200], LABEL: [10, 29]}, 0),
        (240, {POLICY: [100, 200], LABEL: [40, 40]}, 1),
    ],
    ids=["all", "one did not run", "none", "a weak part", "few of a part", "weak altogether"],
)
def test_a_run_holds_where_all_ran_and_each_part_is_noticed(
    chosen: int, rooms: dict[str, list[int]], code: int
) -> None:
    killed, ran = (sum(column) for column in zip([0, 0], *rooms.values(), strict=True))
    assert verdict(chosen, {"killed": killed, "lives": ran - killed, "slow": 0}, rooms) == code
