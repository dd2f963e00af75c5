"""Another policy is asked about a redacted request as it came, and about what was left of it."""

from typing import Any

import pytest
from msgspec import UNSET

from gateway.audit import canonical
from gateway.audit.record import Decided
from gateway.domain.decision import Effect
from gateway.flow.replay import NotReplayable, Worlds, under
from tests.doubles.houses import Stage, an_envelope
from tests.flow import test_replay
from tests.flow.test_comparing import asked_again, policy_of
from tests.flow.test_redacting import ASKED, HIDE, asking, stored, with_detectors

pytestmark = pytest.mark.anyio
OTHER = "ada.lovelace@mail.contoso.com"


async def recorded(store: dict[str, Any], text: str = ASKED) -> Decided:
    stage: Stage = with_detectors(Stage(test_replay.a_world(store)))
    await stage.ask(an_envelope(asking(text, model="review"), caller={"repos": ("website",)}))
    return test_replay.kept(stage.ledger.decided[0])


def with_rules(store: dict[str, Any], *rules: dict[str, Any]) -> Any:
    """The policy of the store without its rule that redacts, and with these."""
    kept = [one for one in store[next(iter(store))]["policy"]["rules"] if one["id"] != "hide"]
    return policy_of(store, policy__rules=[*kept, *rules])


@pytest.mark.parametrize("text", [ASKED, f"{ASKED} [[redacted:x:aaaa]]"], ids=["done", "refused"])
async def test_the_same_policy_answers_as_it_did(text: str) -> None:
    store = stored()
    record = await recorded(store, text)
    again = asked_again(record, store, policy_of(store))
    assert (again.effect, again.reason) == (record.decision.effect, record.decision.reason)
    assert set(again.boundary) == record.decision.boundary
    assert again.obligations == record.decision.obligations
    assert again.label == str(record.label)


async def test_a_policy_that_redacts_no_more_is_told_what_came() -> None:
    store = stored()
    record = await recorded(store)
    assert "frontier" in record.decision.boundary
    again = asked_again(record, store, with_rules(store))
    assert again.label == "restricted+secret"
    assert again.boundary == ("on_prem",)


async def test_an_audit_tells_of_a_change_what_came() -> None:
    store = stored()
    record = await recorded(store)
    policy = next(iter(store))
    assert under(record, policy, Worlds(store.__getitem__))[0] == record.decision
    plain = test_replay.a_store()
    decision, candidates = under(record, next(iter(plain)), Worlds({**store, **plain}.__getitem__))
    assert decision.boundary == {"on_prem"}
    assert candidates != record.candidates


async def test_a_policy_that_would_redact_more_has_no_answer() -> None:
    store = stored()
    record = await recorded(store, f"{ASKED} Tell {OTHER}.")
    both = HIDE | {"when": {"detector": ["github-pat", "email"]}, "obligations": ["redact"]}
    with pytest.raises(NotReplayable, match="what a redaction would leave"):
        asked_again(record, store, with_rules(store, both))


async def test_a_policy_that_begins_to_redact_is_guessed_only_where_there_is_nothing() -> None:
    store = stored()
    always = HIDE | {"when": {"any": True}, "obligations": ["redact"]}
    plain, found = test_replay.a_store(), HIDE | {"obligations": ["redact"]}
    record = await recorded(plain)
    assert record.redaction is UNSET
    with pytest.raises(NotReplayable, match="what a redaction would leave"):
        asked_again(record, plain, with_rules(plain, found))
    nothing = await recorded(plain, "Nothing is found here.")
    assert asked_again(nothing, plain, with_rules(plain, always)).effect is Effect.PERMIT
    assert canonical.digest(store[next(iter(store))]) == next(iter(store))
