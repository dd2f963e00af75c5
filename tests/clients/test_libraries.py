"""Libraries, unmodified: each does all it can through the gateway, and sees its own errors."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from gateway.audit.record import Attempted, Decided, Record, Settled
from gateway.domain.route import OutcomeKind
from tests.clients.drivers import Errand
from tests.clients.libraries import LIBRARIES, Library
from tests.clients.test_clients import REFUSED, WORD, run
from tests.doubles.gateway_folders import KEYS
from tests.doubles.ledger_sight import records
from tests.doubles.serving_house import House, until

ERRANDS_S_MAX = 120
SAID = f"The note says {WORD} ."
ZONES = {"website": "frontier", "payments": "on_prem"}
Outcomes = dict[str, dict[str, Any]]
libraries = pytest.mark.parametrize("library", LIBRARIES, ids=str)


class Done(Struct, frozen=True):
    """What came of a library's errands, and what the ledger and the engines were told of them."""

    by_repo: dict[str, Outcomes]
    refused: Outcomes
    denied: Outcomes
    records: list[Record]
    prompts: int

    def recorded(self, repo: str) -> list[list[Record]]:
        """Return the records of each request with the key of that repository."""
        keys = (KEYS[repo][0], f"robot-{repo}")
        decided = [one for one in self.records if isinstance(one, Decided)]
        ids = [one.id for one in decided if one.key_id in keys]
        return [[record for record in self.records if record.id == one] for one in ids]


def errand(house: House, home: Path, library: Library, repo: str, model: str = "") -> Errand:
    key = house.gateway.keys[f"signing-{repo}" if library.signs else repo]
    made = Errand(home, house.url, key, model or library.task)
    note = made.leave("work/note.txt", f"{WORD}\n")
    prompt = f"Say the word {WORD} .\nRead the file {note} and say the word in it."
    return replace(made, prompt=prompt)


@cache
def _done(house: House, home: Path, library: Library) -> Done:
    count, prompts = len(records(house.gateway)), sum(house.prompts().values())
    one = errand(house, home, library, "website")
    denied = replace(one, key=f"{one.key[:-8]}AAAAAAAA")
    errands = [
        *(errand(house, home, library, repo) for repo in ZONES),
        errand(house, home, library, "payments", library.abroad),
        denied,
    ]
    rounds = [library.tasks, library.tasks, library.tasks[:2], library.tasks[:1]]
    outcomes = home / "outcomes.json"
    done = run(library.call(errands, rounds, outcomes), one, ERRANDS_S_MAX)
    assert done.returncode == 0, done.stderr
    told = msgspec.json.decode(outcomes.read_bytes())
    return Done(
        dict(zip(ZONES, told, strict=False)),
        told[2],
        told[3],
        _told(house, count),
        sum(house.prompts().values()) - prompts,
    )


def _told(house: House, count: int) -> list[Record]:
    """Return what the ledger was told after its first records, once all of it is settled."""

    def ids(kind: type[Decided | Settled]) -> set[str]:
        return {one.id for one in records(house.gateway)[count:] if isinstance(one, kind)}

    until(lambda: ids(Settled) == ids(Decided), "every request settled")
    return records(house.gateway)[count:]


@pytest.fixture
def done(house: House, tmp_path_factory: pytest.TempPathFactory, library: Library) -> Done:
    return _done(house, tmp_path_factory.getbasetemp() / f"of-{library}", library)


def said(task: str, outcome: dict[str, Any]) -> bool:
    """Did the task bring what it was asked for, and in pieces where it is streamed?"""
    wanted = WORD if task.startswith("shaped") else SAID
    pieces = 2 if task == "streamed" else 1
    return outcome.get("text") == wanted and outcome["pieces"] >= pieces


@libraries
@pytest.mark.parametrize("repo", ZONES)
def test_a_library_does_its_tasks_where_the_policy_sends_them(
    done: Done, library: Library, repo: str
) -> None:
    outcomes = done.by_repo[repo]
    assert list(outcomes) == list(library.tasks)
    assert {task: one for task, one in outcomes.items() if not said(task, one)} == {}


@libraries
def test_each_request_is_decided_attempted_and_settled_in_its_zone(
    done: Done, library: Library
) -> None:
    sent = 0
    for repo, zone in ZONES.items():
        requests = done.recorded(repo)
        completed = [one for one in requests if len(one) == 3]
        assert len(completed) >= len(library.tasks)
        for decided, attempted, settled in completed:
            assert isinstance(decided, Decided)
            assert decided.surface == library.surface
            assert isinstance(attempted, Attempted)
            assert isinstance(settled, Settled)
            assert attempted.zone == settled.zone == zone
            assert settled.outcome is OutcomeKind.COMPLETED
            assert settled.usage
            assert settled.usage.output_tokens > 0
        sent += len(completed)
    assert done.prompts == sent


@libraries
def test_a_refusal_by_policy_is_an_error_of_the_librarys_own(done: Done, library: Library) -> None:
    refusals = [one for one in done.recorded("payments") if len(one) == 2]
    for outcome in done.refused.values():
        assert library.refused in outcome.get("raised", ()), outcome
        assert REFUSED in outcome["message"]
        told = [end for _, end in refusals if end.id in outcome["message"]]
        assert [end.outcome for end in told] == [OutcomeKind.REFUSED]
    assert len(refusals) == len(done.refused)


@libraries
def test_a_wrong_key_is_an_error_of_the_librarys_own(done: Done, library: Library) -> None:
    for outcome in done.denied.values():
        assert library.denied in outcome.get("raised", ()), outcome
