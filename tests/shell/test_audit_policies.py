"""Changes of the policy: the decisions before each are found by the index, and by the log."""

from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from pathlib import Path

import msgspec
import pytest

from gateway.cli.audit import policies
from gateway.ledger import facts
from gateway.ledger.index_file import connect
from gateway.ledger.paths import LedgerPaths
from tests.doubles.flow_logs import CLOUD, HOME, FlowLog, a_flow_log, a_policy, everyday
from tests.doubles.gateway_folders import Ran, ran

MARKED = 8
Ask = Callable[..., Ran]


def stricter() -> dict:
    """The policy, which lets nothing travel any more."""
    plain = deepcopy(a_policy())
    for rule in plain["policy"]["rules"]:
        if rule["id"] == "internal-may-travel":
            rule["zones"] = ["on_prem"]
    return plain


async def changed(log: FlowLog) -> None:
    """Change the policy twice, the first time in a second shard."""
    await everyday(log)
    await log.ledger.hand_over()
    for _ in range(3):
        await log.ask(caller=CLOUD)
    await log.load(stricter(), serial=7)
    await log.ask(caller=CLOUD)
    await log.ask(caller=HOME)
    await log.load(a_policy(), serial=8)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> LedgerPaths:
    return a_flow_log(tmp_path_factory.mktemp("changed"), changed)


@pytest.fixture
def ask(paths: LedgerPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setattr(facts, "MARK_EVERY", MARKED)
    index = str(tmp_path / "facts.sqlite")

    def asked(*words: str) -> Ran:
        where = ("--ledger", str(paths.ledger), "--index", index)
        return ran("audit", "policies", *where, "--copy", "--as", "json", *words)

    return asked


def told(answer: Ran) -> list[str | None]:
    assert answer.code == 0, answer.err
    return [row["decisions_changed"] for row in msgspec.json.decode(answer.out)["rows"]]


def change(path: Path, statement: str) -> None:
    with closing(connect(path, "rw")) as index:
        index.execute(statement)


def test_the_decisions_before_a_change_are_counted_through_all_shards(ask: Ask) -> None:
    began, tightened, loosened = told(ask())
    assert began is None
    assert tightened.startswith("5 of 10, the latest ")
    assert loosened.startswith("1 of 2, the latest ")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE marks SET offset = offset + 1",
        "UPDATE marks SET segment = 7, offset = 'odd'",
        "UPDATE marks SET offset = (SELECT MIN(n.offset) FROM marks AS n"
        " WHERE n.segment = marks.segment)",
        "DELETE FROM marks",
    ],
)
def test_an_index_that_is_wrong_about_a_place_changes_nothing(
    ask: Ask, tmp_path: Path, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = told(ask())
    change(tmp_path / "facts.sqlite", statement)
    assert told(ask()) == expected
    monkeypatch.setattr(policies, "Reader", None)
    with pytest.raises(TypeError):
        ask()


def test_a_place_that_is_right_is_where_reading_begins(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = told(ask())
    monkeypatch.setattr(policies, "Reader", None)
    assert told(ask()) == expected


def test_a_change_that_the_log_does_not_have_is_no_answer(ask: Ask, tmp_path: Path) -> None:
    ask()
    change(tmp_path / "facts.sqlite", "UPDATE changes SET id = 'x' WHERE what = 'policy_loaded'")
    answer = ask()
    assert (answer.code, answer.out) == (1, "")
    assert "is no change of the policy (run perimeter ledger reindex)" in answer.err


def test_many_changes_share_what_is_made_again_unless_it_is_said(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "REPLAYS_ALL", 7)
    assert [one.partition(",")[0] for one in told(ask())[1:]] == ["2 of 2", "1 of 2"]
    assert [one.partition(",")[0] for one in told(ask("--replays", "4"))[1:]] == [
        "3 of 4",
        "1 of 2",
    ]
    assert "the last 2 before each change, or --replays N" in ask().out
