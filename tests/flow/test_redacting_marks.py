"""A mark says what the text around it is: without a rule that names it, it stays, and counts."""

import pytest
from msgspec import UNSET

from gateway.cli.mock_backend import openai
from tests.doubles.houses import an_envelope
from tests.doubles.scripted_sender import ScriptedReply
from tests.flow.test_redacting import ASKED, a_stage, asking, replying, sent

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("mark", "label"),
    [
        ("This is under ITAR.", "confidential+export-control"),
        ("TLP:RED", "restricted"),
    ],
)
async def test_a_secret_beside_a_mark_does_not_open_what_the_mark_keeps_closed(
    mark: str, label: str
) -> None:
    stage = a_stage(cloud=[ScriptedReply(openai.whole(replying()))])
    status, _, _ = await stage.ask(an_envelope(asking(f"{mark}\n{ASKED}", model="opus")))
    assert status == 400
    assert stage.sender.sent == []
    record = stage.ledger.decided[-1]
    assert str(record.label) == label
    assert record.redaction is not UNSET
    assert record.redaction.replaced == {"github-pat": 1}


async def test_a_rule_that_asks_for_a_number_alone_asks_for_no_mark() -> None:
    many = {"id": "many", "effect": "oblige", "when": {"detector_count_min": 1}}
    stage = a_stage(rules=(many | {"obligations": ["redact"]},))
    await stage.ask(an_envelope(asking(f"TLP:RED\n{ASKED}", model="opus")))
    assert stage.sender.sent == []
    assert str(stage.ledger.decided[-1].label) == "restricted"


async def test_a_mark_goes_where_a_rule_asks_for_it_by_name() -> None:
    named = {"id": "mark", "effect": "oblige", "when": {"detector": ["tlp-red"]}}
    stage = a_stage(
        rules=(named | {"obligations": ["redact"]},),
        cloud=[ScriptedReply(openai.whole(replying()))],
    )
    status, _, raw = await stage.ask(an_envelope(asking(f"TLP:RED\n{ASKED}", model="opus")))
    assert status == 200, raw
    assert b"TLP:RED" not in sent(stage)
