"""An auditor makes a recorded decision again, from the record and the stored documents alone."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.audit.record import Decided
from gateway.backends import BACKENDS
from gateway.config.backends import Known
from gateway.config.catalogue import read_models
from gateway.config.files import load
from gateway.config.folders import MODELS_FILES
from gateway.domain.decision import Effect, Facts, Finding, Scan, Shadow
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, Malformed
from gateway.domain.fleet import Fleet
from gateway.domain.request import Ask
from gateway.domain.route import Failure, FailureKind
from gateway.flow.opening import Stamp, decided, personal_of, turned_away
from gateway.flow.ports import World
from gateway.flow.replay import replay
from gateway.flow.ruling import gather, rule
from gateway.policy.compile import compile_bundle
from tests.doubles.houses import Stage, an_envelope, chat
from tests.doubles.policies import shipped

MODELS = Path(__file__).resolve().parents[2] / "models"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SALT = bytes(16)
NOTHING = Scan()
Stored = dict[str, Any]


def a_store() -> Stored:
    """The documents as the ledger gives them back: plain data by digest."""
    policy = {name: document.value for name, document in shipped("default").items()}
    policy["policy"]["rules"] += [
        {"id": "no-guests", "effect": "deny", "when": {"team": "guests"}, "zones": ["frontier"]},
        {
            "id": "obliged",
            "effect": "oblige",
            "when": {"team": "obliged"},
            "obligations": ["no_store", "strip_provider_tools"],
            "cost_max_microusd": 10_000,
        },
        {
            "id": "guests-stay-out",
            "effect": "deny",
            "when": {"team": "guests"},
            "zones": "any",
            "mode": "shadow",
        },
        {"id": "not-here", "effect": "deny", "when": {"surface": "messages"}, "zones": "any"},
    ]
    catalogue = {name: load(MODELS / f"{name}.yaml").value for name in MODELS_FILES}
    kept = {}
    for value in (policy, catalogue):
        kept[canonical.digest(value)] = msgspec.json.decode(canonical.document(value))
    return kept


def a_world(store: Stored, **resting: str) -> World:
    policy, catalogue = store
    models = read_models(_documents(store[catalogue]), Known(kinds=frozenset(BACKENDS)), Path())
    assert models.problems == ()
    compiled = compile_bundle(_documents(store[policy]), policy).require()
    return World(
        program=compiled.program,
        vocabulary=compiled.vocabulary,
        registry=compiled.registry,
        fleet=Fleet(models.catalogue, resting),
        documents={"policy": policy, "catalogue": catalogue},
    )


def recorded(
    store: Stored, model: str = "review", scan: Scan = NOTHING, at: datetime = NOW, **changed: Any
) -> Decided:
    """A Decided as serving makes it, from the bytes that the ledger keeps."""
    world = a_world(store, **changed.pop("resting", {}))
    envelope = an_envelope(chat(model), **changed)
    ruling = rule(gather(envelope, Ask(model), scan, world), world, at)
    personal = personal_of(envelope, SALT, scan.findings)
    return kept(decided(Stamp(at, "boot-1"), world, envelope, personal, ruling))


def kept(record: Decided) -> Decided:
    again = canonical.decode(canonical.encode(record))
    assert isinstance(again, Decided)
    assert again == record
    return again


REQUESTS: dict[str, dict[str, Any]] = {
    "permitted": {"caller": {"repos": ("website",)}},
    "restricted": {"caller": {"repos": ("payments",)}},
    "nobody fits": {"model": "plan", "caller": {"repos": ("payments",)}},
    "obliged": {"caller": {"team": "obliged", "repos": ("website",)}},
    "in the shadow": {"caller": {"team": "guests"}},
    "denied": {"surface": "messages"},
    "a claim": {"claims": {"label": "confidential", "repo": "git@git.example.com:web/x.git"}},
    "a choice": {
        "caller": {"repos": ("website", "payments"), "selects_repo": True},
        "claims": {"repo": "website"},
    },
    "a finding": {"scan": Scan((Finding("secrets", "aws", "/x", 0, 9),))},
    "a finding that tags": {"scan": Scan((Finding("secrets", "aws", "/x", 0, 9, tag_only=True),))},
    "a failed detector": {"scan": Scan(failed=("secrets",))},
    "an unknown detector": {"scan": Scan((Finding("novel", "thing", "/x", 0, 9),))},
    "somebody rests": {"resting": {"anthropic": "resting: timed_out"}},
    "an alias": {"model": "claude-opus"},
    "a pinned engine": {"model": "ollama:qwen2.5-coder:14b"},
    "an unknown binding": {"caller": {"repos": ("ghost",)}},
}


def test_obligations_and_what_was_too_dear_are_made_again() -> None:
    store = a_store()
    record = recorded(store, caller={"team": "obliged", "repos": ("website",)})
    assert record.decision.obligations == (
        "cost_max_microusd:10000",
        "no_store",
        "strip_provider_tools",
    )
    assert "cost" in {item.reason for item in record.excluded}
    assert replay(record, store.__getitem__) == ()
    freed = replace(record, decision=replace(record.decision, obligations=()))
    (line,) = replay(freed, store.__getitem__)
    assert line.startswith("obligations: recorded none, now cost_max_microusd:10000")


def test_what_the_shadow_would_have_made_is_recorded_and_compared() -> None:
    store = a_store()
    record = recorded(store, caller={"team": "guests"})
    assert record.decision.effect is Effect.PERMIT
    assert record.shadow == Shadow(("guests-stay-out",), Effect.DENY, frozenset())
    assert recorded(store).shadow is UNSET
    (said,) = replay(replace(record, shadow=UNSET), store.__getitem__)
    assert said.startswith("shadow: recorded None, now ")


@pytest.mark.parametrize("request_name", REQUESTS)
def test_a_record_makes_the_same_decision_again(request_name: str) -> None:
    store = a_store()
    record = recorded(store, **deepcopy(REQUESTS[request_name]))
    assert replay(record, store.__getitem__) == ()
    assert (record.decision.effect is Effect.DENY) is (request_name == "denied")
    assert (record.candidates == ()) is (request_name in {"denied", "nobody fits"})


async def a_record_of_the_flow(stage: Stage, **changed: Any) -> Decided:
    await stage.ask(an_envelope(chat("review"), **changed))
    return kept(stage.ledger.decided[0])


@pytest.mark.anyio
async def test_what_serving_records_can_be_replayed_whatever_the_engines_did() -> None:
    store = a_store()
    stage = Stage(a_world(store), vllm=[Failure(FailureKind.UNREACHABLE, sent=False)])
    record = await a_record_of_the_flow(stage, caller={"repos": ("payments",)})
    assert record.candidates == ("qwen3-coder-30b@vllm",)
    assert stage.ledger.settled[0].error == "backend_failed"
    assert replay(record, store.__getitem__) == ()


def test_a_replay_happens_at_the_time_of_the_decision() -> None:
    store = a_store()
    zones = store[next(iter(store))]["zones"]["zones"]
    zones["frontier"] |= {"processing_regions": "DE", "storage_regions": "DE"}
    expires = datetime.fromisoformat(zones["frontier"]["evidence"]["expires_on"] + "T12:00+00:00")
    claims = {"label": "internal@EU"}
    before = recorded(store, at=expires, claims=claims)
    after = recorded(store, at=expires + timedelta(days=1), claims=claims)
    assert before.decision.boundary == {"on_prem", "frontier"}
    assert after.decision.boundary == {"on_prem"}
    for record in (before, after):
        assert replay(record, store.__getitem__) == ()


def told(record: Decided, store: Stored) -> dict[str, str]:
    sentences = replay(record, store.__getitem__)
    return dict(sentence.split(": ", 1) for sentence in sentences)


def test_a_policy_that_is_not_the_stored_one_is_told() -> None:
    store = a_store()
    record = recorded(store)
    policy = store[next(iter(store))]["policy"]
    policy["rules"] = [rule for rule in policy["rules"] if rule["id"] != "internal-may-travel"]
    found = told(record, store)
    assert found["effect"] == "recorded permit, now deny"
    assert found["boundary"] == "recorded frontier, on_prem, now none"
    assert found["because"] == "recorded internal-may-travel, now none"
    assert found["reason"] == "recorded permitted, now no_rule_matched"
    assert found["candidates"].endswith("now none")
    assert "label" not in found


def test_a_catalogue_that_is_not_the_stored_one_is_told() -> None:
    store = a_store()
    record = recorded(store)
    _, catalogue = store.values()
    catalogue["tasks"]["review"] = ["qwen3-coder-30b"]
    assert told(record, store).keys() == {"candidates"}
    catalogue["tasks"]["review"] = ["claude-opus", "qwen3-coder-30b", "qwen2.5-coder:14b"]
    assert "qwen2.5-coder:14b@ollama" in told(record, store)["candidates"]


def test_health_is_the_recorded_one() -> None:
    store = a_store()
    record = recorded(store, resting={"anthropic": "probe failed"})
    assert record.candidates == ("qwen3-coder-30b@vllm",)
    found = told(replace(record, health={}), store)
    assert found["candidates"].startswith("recorded qwen3-coder-30b@vllm, now claude-opus")
    assert found.keys() == {"candidates", "excluded"}
    worse = replace(record, health=record.health | {"vllm": "x"})
    assert told(worse, store).keys() == {"candidates", "excluded"}


def test_facts_are_the_recorded_ones() -> None:
    store = a_store()
    record = recorded(store)
    assert record.facts is not None
    guests = replace(record, facts=replace(record.facts, team="guests"))
    assert told(guests, store)["boundary"] == "recorded frontier, on_prem, now on_prem"
    other: Facts = replace(record.facts, surface="responses", findings=frozenset({"x"}))
    assert replay(replace(record, facts=other), store.__getitem__) == ()


def test_a_label_that_does_not_follow_from_the_signals_is_told() -> None:
    store = a_store()
    record = recorded(store, caller={"repos": ("payments",)})
    public = a_world(store).vocabulary.bottom
    forged = replace(record, label=public)
    assert told(forged, store)["label"] == "recorded public, now restricted"
    assert record.facts is not None
    forged = replace(record, facts=replace(record.facts, label=public))
    assert "boundary" not in told(forged, store)


def test_signals_that_were_lost_are_told() -> None:
    store = a_store()
    record = recorded(store, claims={"label": "restricted"})
    lost = tuple(signal for signal in record.signals if signal.base)
    found = told(replace(record, signals=lost), store)
    assert found["label"] == "recorded restricted, now internal"
    assert found["raised_by"] == "recorded claim:label, now none"


def test_a_boundary_that_was_widened_afterwards_is_told() -> None:
    store = a_store()
    record = recorded(store, caller={"repos": ("payments",)})
    wider = replace(record.decision, boundary=frozenset({"on_prem", "frontier"}))
    found = told(replace(record, decision=wider), store)
    assert found == {"boundary": "recorded frontier, on_prem, now on_prem"}


def test_the_order_of_preference_is_part_of_the_decision() -> None:
    store = a_store()
    record = recorded(store)
    assert len(record.candidates) > 1
    turned = replace(record, candidates=tuple(reversed(record.candidates)))
    assert told(turned, store).keys() == {"candidates"}


def test_a_request_that_policy_never_heard_of_has_nothing_to_replay() -> None:
    store = a_store()
    envelope = an_envelope(claims={"label": "Public"})
    error = Malformed("The claimed label cannot be used.")
    personal = personal_of(envelope, SALT)
    record = kept(turned_away(Stamp(NOW, "boot-1"), a_world(store), envelope, personal, error))
    assert record.decision.effect is Effect.REFUSED
    assert (record.ask, record.facts, record.label) == (None, None, None)


@pytest.mark.parametrize("part", [0, 1])
def test_a_stored_document_that_this_version_cannot_read_is_a_problem(part: int) -> None:
    store = a_store()
    record = recorded(store)
    documents = store[list(store)[part]]
    documents[["policy", "catalog"][part]]["novelty"] = True
    with pytest.raises(ConfigError):
        replay(record, store.__getitem__)


def _documents(stored: dict[str, Any]) -> dict[str, Document]:
    return {name: Document(f"{name}.yaml", value) for name, value in stored.items()}
