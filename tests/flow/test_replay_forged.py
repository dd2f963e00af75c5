"""Whatever of a recorded decision does not follow from the record and its documents is told."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from gateway.domain.decision import Decision, Effect
from gateway.flow.replay import NotReplayable, replay
from tests.flow.test_replay import a_store, a_world, recorded, told

FORGED = {
    "effect": Effect.DENY,
    "boundary": frozenset({"frontier"}),
    "because": ("everything-goes",),
    "reason": "no_rule_matched",
    "message": "rule everything-goes",
    "obligations": ("keep",),
}
OTHER = "sha256:" + "0" * 64


def test_every_field_of_a_decision_but_its_time_is_forged_here() -> None:
    assert FORGED.keys() | {"decided_at", "policy"} == set(Decision.__struct_fields__)


@pytest.mark.parametrize("field", FORGED)
def test_a_forged_field_of_the_decision_is_told(field: str) -> None:
    store = a_store()
    record = recorded(store, caller={"repos": ("payments",)})
    forged = replace(record.decision, **{field: FORGED[field]})
    assert told(replace(record, decision=forged), store).keys() == {field}


def test_a_forged_label_among_the_facts_is_told() -> None:
    store = a_store()
    record = recorded(store, caller={"repos": ("payments",)})
    assert record.facts is not None
    facts = replace(record.facts, label=a_world(store).vocabulary.bottom)
    found = told(replace(record, facts=facts), store)
    assert found == {"facts.label": "recorded public, now restricted"}


def test_a_decision_under_another_policy_than_the_record_names_is_not_replayed() -> None:
    store = a_store()
    record = recorded(store)
    other = replace(record, decision=replace(record.decision, policy=OTHER))
    with pytest.raises(NotReplayable, match="another policy"):
        replay(other, store.__getitem__)


@pytest.mark.parametrize("gone", ["policy", "catalogue"])
def test_a_record_that_names_no_document_is_not_replayed(gone: str) -> None:
    store = a_store()
    record = recorded(store)
    fewer = {name: digest for name, digest in record.documents.items() if name != gone}
    with pytest.raises(NotReplayable, match=f"names no {gone}"):
        replay(replace(record, documents=fewer), store.__getitem__)


@pytest.mark.parametrize("gone", ["facts", "ask"])
def test_a_record_without_its_facts_is_not_replayed(gone: str) -> None:
    store = a_store()
    record = recorded(store)
    with pytest.raises(NotReplayable, match="no facts"):
        replay(replace(record, **{gone: None}), store.__getitem__)


def test_the_time_of_the_decision_is_taken_as_it_is() -> None:
    store = a_store()
    record = recorded(store)
    later = datetime.fromisoformat("2026-11-21T12:00:01Z")
    moved = replace(record, decision=replace(record.decision, decided_at=later))
    assert replay(moved, store.__getitem__) == ()
