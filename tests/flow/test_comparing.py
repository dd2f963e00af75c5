"""A recorded request under another policy: an equal one answers the same, nothing is guessed."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.audit.record import Decided
from gateway.domain.caller import Allowance
from gateway.domain.decision import Finding, Scan
from gateway.domain.request import Ask
from gateway.flow.comparing import Answered, Past, answered
from gateway.flow.replay import NotReplayable, documents_of
from gateway.policy.compile import Compiled, compile_bundle
from gateway.policy.program import Asks
from tests.flow.test_replay import REQUESTS, Stored, a_store, recorded

AWS = Finding("secrets", "aws", "/x", 0, 9)


def policy_of(store: Stored, **changes: Any) -> Compiled:
    """The policy of the store, with other values at `document__key`."""
    policy = {name: dict(value) for name, value in store[next(iter(store))].items()}
    for name, value in changes.items():
        document, _, key = name.partition("__")
        policy[document][key] = value
    return compile_bundle(documents_of(policy), canonical.digest(policy)).require()


def asked_again(record: Decided, store: Stored, compiled: Compiled) -> Answered:
    fleet, asked = Past(store.__getitem__).of(record)
    return answered(record, compiled, fleet, asked)


def with_rule(store: Stored, **rule: Any) -> Compiled:
    rules = [*store[next(iter(store))]["policy"]["rules"], {"id": "new", **rule}]
    return policy_of(store, policy__rules=rules)


@pytest.mark.parametrize("name", REQUESTS)
def test_the_policy_of_a_record_answers_as_it_did(name: str) -> None:
    store = a_store()
    record = recorded(store, **REQUESTS[name])
    again = asked_again(record, store, policy_of(store))
    assert again.effect == record.decision.effect
    assert again.reason == record.decision.reason
    assert set(again.boundary) == record.decision.boundary
    assert again.obligations == record.decision.obligations
    assert again.candidates == record.candidates
    assert again.label == str(record.label)


def test_an_allowance_still_narrows() -> None:
    store = a_store()
    narrow = replace(recorded(store), allowance=Allowance(zones=frozenset({"on_prem"})))
    assert asked_again(narrow, store, policy_of(store)).boundary == ("on_prem",)


def test_a_repository_that_has_another_label_now_is_labelled_so() -> None:
    store = a_store()
    record = recorded(store, caller={"repos": ("website",)})
    repos = {"website": {"label": "restricted", "urls": []}}
    again = asked_again(record, store, policy_of(store, repos__repos=repos))
    assert (again.label, again.boundary) == ("restricted", ("on_prem",))


def test_a_finding_that_raised_nothing_raises_where_it_is_named_now() -> None:
    store = a_store()
    tag = replace(AWS, tag_only=True)
    record = recorded(store, scan=Scan((tag,)))
    assert asked_again(record, store, policy_of(store)).label == "internal"
    detectors = {"secrets": {"raise": "restricted", "kinds": {"aws": "restricted+secret"}}}
    named = policy_of(store, policy__detectors=detectors)
    assert asked_again(record, store, named).label == "restricted+secret"
    allowed = replace(record, allowed_kinds={"aws": 1})
    assert asked_again(allowed, store, named).label == "internal"


def test_a_rule_about_a_key_is_asked_of_the_key_of_the_record() -> None:
    store = a_store()
    record = recorded(store)
    rule = {"effect": "deny", "when": {"key": record.key_id}, "zones": "any"}
    assert asked_again(record, store, with_rule(store, **rule)).effect == "deny"


@pytest.mark.parametrize(
    ("when", "scan", "why"),
    [
        ({"client": "curl"}, Scan(), "which client"),
        ({"detector_count_min": 2}, Scan((AWS,)), "how many different findings"),
    ],
    ids=["client", "counts"],
)
def test_what_the_record_does_not_say_is_not_guessed(when: dict, scan: Scan, why: str) -> None:
    store = a_store()
    compiled = with_rule(store, effect="deny", when=when, zones="any")
    with pytest.raises(NotReplayable, match=why):
        asked_again(recorded(store, scan=scan), store, compiled)


def test_no_finding_is_counted_where_there_was_none() -> None:
    store = a_store()
    counts = with_rule(store, effect="deny", when={"detector_count_min": 2}, zones="any")
    assert asked_again(recorded(store), store, counts).effect == "permit"


def test_what_the_old_policy_asked_for_is_told_to_the_new_one() -> None:
    store = a_store()
    compiled = with_rule(store, effect="deny", when={"client": "curl"}, zones="any")
    record = recorded(store)
    assert record.facts is not None
    record = replace(record, facts=replace(record.facts, client="curl"))
    fleet, _ = Past(store.__getitem__).of(record)
    asked = Asks(clients=frozenset({"curl", "other"}))
    assert answered(record, compiled, fleet, asked).effect == "deny"


@pytest.mark.parametrize(
    ("lost", "why"),
    [
        ({"facts": None}, "no facts"),
        ({"ask": None}, "no facts"),
        ({"signals": ()}, "no facts"),
        ({"documents": {}}, "names no policy"),
        ({"ask": Ask("a-name-of-nobody")}, "no such name"),
    ],
    ids=["facts", "ask", "signals", "documents", "name"],
)
def test_a_record_that_lacks_something_cannot_be_replayed(lost: dict, why: str) -> None:
    store = a_store()
    with pytest.raises(NotReplayable, match=why):
        asked_again(replace(recorded(store), **lost), store, policy_of(store))


def test_a_stored_document_of_another_form_cannot_be_replayed() -> None:
    store = a_store()
    record = recorded(store)
    for digest in store:
        broken = {**store, digest: {**store[digest], next(iter(store[digest])): {}}}
        with pytest.raises(NotReplayable, match="cannot be used by this version"):
            Past(broken.__getitem__).of(record)


def test_facts_that_nobody_asks_for_any_more_are_not_told() -> None:
    store = a_store()
    record = recorded(store)
    assert record.facts is not None
    assert record.facts.client is UNSET
    told = replace(record, facts=replace(record.facts, client="curl", key="k"))
    assert asked_again(told, store, policy_of(store)).effect == "permit"
