"""What records say beside the decision, so that questions can be answered later."""

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.domain.route import Failure, FailureKind
from gateway.flow.provider_id import HEADERS, provider_id
from tests.doubles import engine_bytes
from tests.doubles.houses import Stage, an_envelope, chat
from tests.doubles.scripted_sender import ScriptedReply

pytestmark = pytest.mark.anyio
REFUSED = Failure(FailureKind.UNREACHABLE, sent=False)


def named(**headers: str) -> ScriptedReply:
    return ScriptedReply(engine_bytes.chat_whole(), **headers)


async def test_each_attempt_keeps_the_name_that_its_provider_gave_the_request() -> None:
    limited = ScriptedReply(b"{}", status=503, **{"x-request-id": "req_first"})
    stage = Stage(cloud=[limited], vllm=[named(**{"request-id": "req_second"})])
    await stage.ask(an_envelope())
    (settled,) = stage.ledger.settled
    assert [one.provider_id for one in settled.tried] == ["req_first", "req_second"]


async def test_what_gave_no_name_has_none_and_its_record_is_as_before() -> None:
    stage = Stage(cloud=[REFUSED], vllm=[named()])
    await stage.ask(an_envelope())
    (settled,) = stage.ledger.settled
    assert {one.provider_id for one in settled.tried} == {msgspec.UNSET}
    assert b"provider_id" not in canonical.encode(settled)


@pytest.mark.parametrize("text", ["", "a b", "line\nfeed", "ünicode", "x" * 129, "<script>"])
def test_what_does_not_look_like_a_name_is_not_kept(text: str) -> None:
    assert provider_id({"request-id": text}) == ""
    assert provider_id({"request-id": text, "cf-ray": "8f-FRA"}) == "8f-FRA"


@pytest.mark.parametrize("header", HEADERS)
def test_every_known_header_is_read(header: str) -> None:
    assert provider_id({header: "req_1"}) == "req_1"


async def test_a_settlement_says_how_long_the_request_took_since_it_came_in() -> None:
    stage = Stage(cloud=[named()])
    came_us = stage.house.clock.now_us()
    stage.house.clock.pass_ms(250)
    await stage.ask(replace(an_envelope(), received_us=came_us))
    assert stage.ledger.settled[0].took_us == 250_000


async def test_a_clock_that_was_set_back_makes_no_time_negative() -> None:
    stage = Stage(cloud=[named()])
    came_us = stage.house.clock.now_us()
    stage.house.clock.pass_ms(-250)
    await stage.ask(replace(an_envelope(), received_us=came_us))
    assert stage.ledger.settled[0].took_us == 0


async def test_a_request_that_policy_never_saw_says_of_which_team_it_was() -> None:
    stage = Stage()
    await stage.ask(an_envelope(chat("unheard-of")))
    (decided,) = stage.ledger.decided
    assert decided.facts is None
    assert decided.team == "team"


async def test_where_facts_say_the_team_it_is_said_once() -> None:
    stage = Stage(cloud=[named()])
    await stage.ask(an_envelope())
    (decided,) = stage.ledger.decided
    assert decided.facts.team == "team"
    assert decided.team is msgspec.UNSET
