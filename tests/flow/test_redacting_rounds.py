"""A rule that obliges to redact, and holds only for what a first redaction left."""

import pytest

from gateway.cli.mock_backend import openai
from gateway.flow import redacting
from gateway.flow.replay import replay
from tests.doubles.houses import Stage, an_envelope
from tests.doubles.scripted_sender import ScriptedReply
from tests.flow import test_replay
from tests.flow.test_redacting import (
    PAT,
    a_stage,
    asking,
    assert_refused,
    replying,
    sent,
    stored,
    with_detectors,
)

pytestmark = pytest.mark.anyio
MAIL = "ada.lovelace@mail.contoso.com"
MAILS_OF_THE_LOW = {
    "id": "low-mails",
    "effect": "oblige",
    "when": {"detector": "email", "level_max": "internal"},
    "obligations": ["redact"],
}


async def test_what_a_rule_asks_for_only_when_the_label_is_lower_is_taken_out_too() -> None:
    """With the token the request is above that rule; without the token it is what it speaks of."""
    stage = a_stage(cloud=[ScriptedReply(openai.whole(replying("ok")))], rules=(MAILS_OF_THE_LOW,))
    status, _, raw = await stage.ask(an_envelope(asking(f"{PAT} of {MAIL} is old.")))
    assert status == 200, raw
    assert stage.sender.sent
    assert PAT.encode() not in sent(stage)
    assert MAIL.encode() not in sent(stage)
    (decided,) = stage.ledger.decided
    assert decided.redaction.replaced == {"github-pat": 1, "email": 1}


async def test_an_auditor_makes_those_decisions_again() -> None:
    store = stored(MAILS_OF_THE_LOW)
    stage = with_detectors(Stage(test_replay.a_world(store)))
    text = f"{PAT} of {MAIL} is old."
    await stage.ask(an_envelope(asking(text, model="review"), caller={"repos": ("website",)}))
    record = test_replay.kept(stage.ledger.decided[0])
    assert record.redaction.replaced == {"github-pat": 1, "email": 1}
    assert replay(record, store.__getitem__) == ()


async def test_a_rule_that_holds_only_then_and_obliges_to_more_ends_in_a_refusal() -> None:
    stage = a_stage(rules=(MAILS_OF_THE_LOW | {"obligations": ["notify", "redact"]},))
    assert (await stage.ask(an_envelope(asking(f"{PAT} of {MAIL} is old."))))[0] == 400
    assert_refused(stage)


async def test_rules_that_ask_for_more_after_each_redaction_end_in_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redacting, "ROUNDS_MAX", 1)
    stage = a_stage(rules=(MAILS_OF_THE_LOW,))
    assert (await stage.ask(an_envelope(asking(f"{PAT} of {MAIL} is old."))))[0] == 400
    assert_refused(stage)
