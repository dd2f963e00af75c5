"""Rules about paths: they deny and oblige, never permit, and leave no path in the record."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.domain.decision import Facts
from gateway.flow.comparing import _facts
from gateway.flow.opening import Stamp
from gateway.flow.rehearsal import play
from gateway.flow.replay import NotReplayable, replay
from gateway.policy.cases import Case, Given, Want
from gateway.policy.program import Asks
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, FixedScanner, Stage, an_envelope, chat
from tests.doubles.policies import ANYWHERE, NOW, problems
from tests.doubles.records import a_decided
from tests.doubles.worlds import a_world, demo_with
from tests.flow.test_replay import a_store
from tests.flow.test_replay import a_world as a_stored_world

PAGE = Path(__file__).resolve().parents[2] / "docs" / "policy-language.md"
pytestmark = pytest.mark.anyio
DENY = {
    "id": "prod-stays",
    "effect": "deny",
    "when": {"path": ["infra/prod", "*.tfstate"]},
    "zones": ["frontier"],
}


def calling(path: str) -> dict[str, Any]:
    arguments = msgspec.json.encode({"file_path": path}).decode()
    call = {"id": "c", "type": "function", "function": {"name": "read", "arguments": arguments}}
    turns = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
    ]
    return chat("opus", messages=turns)


async def asked(stage: Stage, path: str) -> Any:
    await stage.ask(an_envelope(calling(path)))
    return stage.ledger.decided[-1]


async def test_a_path_denies_and_the_record_holds_the_pattern_alone() -> None:
    stage = Stage(a_world(a_fleet(CATALOGUE), demo_with(DENY)))
    record = await asked(stage, "/home/ada/infra/prod/main.tf")
    assert record.decision.boundary == {"on_prem"}
    assert record.facts.paths == {"infra/prod"}
    assert b"ada/infra" not in canonical.encode(record)
    open_one = await asked(stage, "/home/ada/infra/dev/main.tf")
    assert "frontier" in open_one.decision.boundary
    assert open_one.facts.paths is UNSET
    assert b'"paths"' not in canonical.encode(open_one)


async def test_a_path_obliges() -> None:
    duty = {
        "id": "look",
        "effect": "oblige",
        "when": {"path": "infra"},
        "obligations": ["require_review"],
    }
    stage = Stage(a_world(a_fleet(CATALOGUE), demo_with(duty)))
    assert (await asked(stage, "infra/x")).decision.obligations == ("require_review",)
    assert (await asked(stage, "other/x")).decision.obligations == ()


def test_a_path_permits_nothing_and_is_checked_when_it_is_read() -> None:
    permit = ANYWHERE | {"when": {"path": "infra"}}
    assert "permits nothing" in "".join(problems(policy__rules=[permit]))
    odd = DENY | {"when": {"path": ["a/../b", "ok"]}, "zones": ["cloud"]}
    (found,) = problems(policy__rules=[odd])
    assert "/rules/0/when/path/0" in found
    many = [f"folder-{n}" for n in range(129)]
    rule = DENY | {"when": {"path": many}, "zones": ["cloud"]}
    assert "more than 128 patterns of paths" in "".join(problems(policy__rules=[rule]))


async def test_what_a_new_policy_asks_of_paths_is_not_answered_from_old_facts() -> None:
    from gateway.domain.route import Failure, FailureKind

    stage = Stage(
        a_world(a_fleet(CATALOGUE), demo_with(DENY)),
        cloud=[Failure(FailureKind.RATE_LIMITED, sent=True, retry_after_s=0)],
    )

    def rest(_backend: str, _reason: str) -> None:
        return None

    stage.health.rest = rest
    world = stage.worlds.world
    more = replace(world.program, asks=Asks(paths=(*world.program.asks.paths, a_glob())))
    original = stage.sender.send

    async def send(*said: Any) -> Any:
        try:
            return await original(*said)
        finally:
            stage.worlds.world = replace(world, program=more)

    stage.sender.send = send
    await asked(stage, "dev/x")
    assert len(stage.sender.sent) == 1


def a_glob() -> Any:
    from gateway.domain.path_glob import glob_of

    return glob_of("other")


async def test_a_decision_about_paths_is_made_again() -> None:
    store = a_store()
    digest, catalogue = store
    policy = store[digest]
    policy["policy"]["rules"].append(DENY)
    fresh = canonical.digest(policy)
    store = {fresh: policy, catalogue: store[catalogue]}
    stage = Stage(a_stored_world(store))
    await stage.ask(an_envelope(calling("infra/prod/x") | {"model": "claude-opus"}))
    record = stage.ledger.decided[-1]
    assert record.facts.paths == {"infra/prod"}
    assert replay(canonical.decode(canonical.encode(record)), store.__getitem__) == ()


async def test_a_case_of_a_policy_tells_paths_and_the_example_of_the_page_holds() -> None:
    text = PAGE.read_text().partition("# a rule of policy.yaml\nid: production")[2]
    rule = msgspec.yaml.decode("id: production" + text.partition("```")[0])
    rule["when"]["zone"] = "frontier"
    world = a_world(a_fleet(CATALOGUE), demo_with(rule))
    for path, boundary in (
        ("/home/ada/src/infra/prod/main.tf", {"on_prem"}),
        ("/etc/passwd", {"on_prem"}),
        ("a\\b.tfstate", {"on_prem"}),
        ("/home/etc/passwd", {"on_prem", "frontier"}),
        ("infra/%70rod/main.tf", {"on_prem", "frontier"}),
    ):
        case = Case("paths", Given(paths=[path]), Want("permit"))
        got = await play(case, world, FixedScanner(), Stamp(NOW, "boot"))
        assert got.boundary == boundary, path


def test_another_policy_that_asks_for_other_paths_is_not_held_against_old_records() -> None:
    asked = Asks(paths=(a_glob(),))
    facts = Facts(demo_with(DENY).vocabulary.bottom, "team", "chat", "m", paths=frozenset({"x"}))
    record = replace(a_decided("one"), facts=facts)
    with pytest.raises(NotReplayable, match="paths"):
        _facts(record, facts, asked, Asks())
    assert _facts(record, facts, Asks(), asked).paths is UNSET
