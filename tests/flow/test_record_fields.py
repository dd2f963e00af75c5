"""What records say beside the decision, so that questions can be answered later."""

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.audit.record import Personal, Settled
from gateway.backends.anthropic import ANTHROPIC
from gateway.domain.decision import Sizes
from gateway.domain.errors import Malformed
from gateway.domain.route import Failure, FailureKind
from gateway.domain.trace import Trace
from gateway.flow.named_model import MODEL_CHARS_MAX, named_model, sealed_model
from gateway.flow.provider_id import HEADERS, provider_id
from gateway.transport.call import may_go
from tests.doubles import engine_bytes
from tests.doubles.houses import HOME, Stage, an_envelope, chat, message
from tests.doubles.scripted_sender import ScriptedReply

pytestmark = pytest.mark.anyio
REFUSED = Failure(FailureKind.UNREACHABLE, sent=False)


def named(**headers: str) -> ScriptedReply:
    return ScriptedReply(engine_bytes.chat_whole(), **headers)


async def test_each_attempt_keeps_the_name_that_its_provider_gave_the_request() -> None:
    limited = ScriptedReply(b"{}", status=503, **{"x-request-id": "req_first"})
    stage = Stage(cloud=[limited], vllm=[named(**{"request-id": "req_second"})])
    await stage.ask(an_envelope())
    assert sealed(stage).provider_ids == ("req_first", "req_second")


async def test_what_an_engine_says_of_itself_stands_nowhere_in_clear() -> None:
    whole = msgspec.json.decode(engine_bytes.chat_whole()) | {"model": "wilhelmina"}
    reply = ScriptedReply(msgspec.json.encode(whole), **{"request-id": "req_wilhelmina"})
    stage = Stage(cloud=[reply])
    await stage.ask(an_envelope(client="wilhelmina/1.0"))
    clear = b"".join(map(canonical.encode, stage.ledger.records))
    assert b"wilhelmina" not in clear
    assert sealed(stage).response_model == "wilhelmina"
    assert stage.ledger.settled[0].response_model == "other"


async def test_what_gave_no_name_has_none_and_its_record_is_as_before() -> None:
    stage = Stage(cloud=[REFUSED], vllm=[named()])
    await stage.ask(an_envelope())
    (settled,) = stage.ledger.settled
    assert sealed(stage).provider_ids is msgspec.UNSET
    assert b"provider_id" not in canonical.encode(settled)


def sealed(stage: Stage) -> Personal:
    """Return what was sealed of the one settlement."""
    records = zip(stage.ledger.records, stage.ledger.personal, strict=True)
    (personal,) = (sealed for record, sealed in records if isinstance(record, Settled))
    assert personal is not None
    return personal


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


NDJSON, SSE = "application/x-ndjson", "text/event-stream"
TRACED = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")


def told(model: str, event: bytes) -> bytes:
    """Return bytes of an engine in which it calls itself by that name."""
    return event.replace(b'"model":"m"', b'"model":' + msgspec.json.encode(model))


# Who asks in which dialect, whole or streamed, and how the engine answers: in its own framing.
ENGINES = {
    "chat": ("openai_chat", chat, "vllm", engine_bytes.chat_whole),
    "messages": ("anthropic_messages", message, "vllm", engine_bytes.message_whole),
    "ollama": ("ollama_chat", chat, "ollama", engine_bytes.ollama_whole),
    "messages on ollama": ("anthropic_messages", message, "ollama", engine_bytes.ollama_whole),
}
STREAMS = {
    "chat": ("openai_chat", chat, "vllm", engine_bytes.chat_events, SSE),
    "messages": ("anthropic_messages", message, "vllm", engine_bytes.message_events, SSE),
    "ollama": ("ollama_chat", chat, "ollama", engine_bytes.ollama_lines, NDJSON),
    "chat on ollama": ("openai_chat", chat, "ollama", engine_bytes.ollama_lines, NDJSON),
}
MODELS = {"vllm": ("qwen", "Qwen/Qwen3"), "ollama": ("tiny", "tiny:1b")}


@pytest.mark.parametrize("other", [False, True], ids=["known", "other"])
@pytest.mark.parametrize("name", ENGINES)
async def test_a_record_says_what_the_engine_called_itself(name: str, other: bool) -> None:
    dialect, body, engine, whole = ENGINES[name]
    model, wire_model = MODELS[engine]
    says = "model-9\x1b[2J" if other else wire_model
    stage = Stage(**{engine: [ScriptedReply(told(says, whole()))]})
    await stage.ask(an_envelope(body(model) | {"stream": False}, dialect=dialect))
    assert stage.ledger.settled[0].response_model == ("other" if other else wire_model)
    assert sealed(stage).response_model == ("model-9?[2J" if other else msgspec.UNSET)


@pytest.mark.parametrize("other", [False, True], ids=["known", "other"])
@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_says_it_too(name: str, other: bool) -> None:
    dialect, body, engine, events, content_type = STREAMS[name]
    model, wire_model = MODELS[engine]
    says = "model-9" if other else wire_model
    reply = ScriptedReply(*(told(says, one) for one in events()), content_type=content_type)
    stage = Stage(**{engine: [reply]})
    await stage.ask(an_envelope(body(model, stream=True), dialect=dialect))
    assert stage.ledger.settled[0].response_model == ("other" if other else wire_model)
    assert sealed(stage).response_model == ("model-9" if other else msgspec.UNSET)


KNOWN = ("Qwen/Qwen3", "qwen", "Qwen/Qwen3:latest", "QWEN", "Qwen/Qwen3:other", ":latest")


def test_the_words_of_an_engine_are_bounded_and_of_one_line() -> None:
    assert sealed_model("x" * 10_000, HOME) == "x" * MODEL_CHARS_MAX
    assert sealed_model("a\nb\x00c\N{RIGHT-TO-LEFT OVERRIDE}d", HOME) == "a?b?c?d"
    assert named_model("", HOME) == named_model("m", None) == sealed_model("m", None) == ""
    assert [named_model(one, HOME) for one in KNOWN] == [*KNOWN[:3], *["other"] * 3]


async def test_a_record_knows_the_client_by_a_name_of_ours_and_seals_what_else_it_says() -> None:
    stage = Stage(cloud=[named()])
    await stage.ask(an_envelope(client="claude-cli/2.0.1 (external, cli)", trace=TRACED))
    (decided,) = stage.ledger.decided
    personal = stage.ledger.personal[0]
    assert decided.client == "claude-code"
    assert (personal.client_version, personal.client) == (
        "2.0.1",
        "claude-cli/2.0.1 (external, cli)",
    )
    assert (personal.trace_id, personal.span_id) == (TRACED.trace_id, TRACED.span_id)
    assert TRACED.trace_id.encode() not in canonical.encode(decided)


async def test_a_client_that_nobody_knows_has_no_name_in_clear() -> None:
    stage = Stage(cloud=[named()])
    await stage.ask(an_envelope(client="wilhelmina-cli/1.0"))
    (decided,) = stage.ledger.decided
    personal = stage.ledger.personal[0]
    unset = (decided.client, personal.client_version, personal.trace_id, personal.span_id)
    assert unset == (msgspec.UNSET,) * 4


async def test_a_request_that_was_turned_away_says_from_what_it_came() -> None:
    stage = Stage()
    envelope = an_envelope(client="curl/8.14.1", trace=TRACED)
    await stage.exchange.turn_away(envelope, Malformed("Not so."))
    (decided,) = stage.ledger.decided
    assert (decided.client, decided.sizes) == ("curl", msgspec.UNSET)
    assert stage.ledger.personal[0].trace_id == TRACED.trace_id


async def test_a_trace_decides_nothing_and_goes_no_further() -> None:
    """INVARIANT: with it and without it, all else is the same to the letter."""
    stages = [Stage(cloud=[named()]), Stage(cloud=[named()])]
    for stage, more in zip(stages, ({}, {"trace": TRACED}), strict=True):
        await stage.ask(an_envelope(**more))
    assert stages[0].ledger.records == stages[1].ledger.records
    calls = [
        [(zone, replace(call, stopped=may_go)) for zone, call in stage.sender.sent]
        for stage in stages
    ]
    assert calls[0] == calls[1]
    assert calls[0]


async def test_a_record_says_of_how_many_parts_the_request_was_made() -> None:
    stage = Stage(cloud=[named()])
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    await stage.ask(an_envelope(chat(tools=[tool])))
    assert stage.ledger.decided[0].sizes == Sizes(parts=1, tools=1)


async def test_an_attempt_names_the_header_fields_that_went_along_and_no_credential() -> None:
    stage = Stage(vllm=[ScriptedReply(engine_bytes.message_whole())], cloud=[named()])
    stage.house.backends["vllm"] = ANTHROPIC
    envelope = an_envelope(message("qwen"), dialect="anthropic_messages")
    await stage.ask(replace(envelope, told={"anthropic-beta": "context-1m-2025-08-07"}))
    (attempted,) = stage.ledger.attempted
    sent = {name for name, _ in stage.sender.sent[0][1].headers}
    assert set(attempted.header_names or ()) == sent - {"content-type", "accept"}
    assert "anthropic-beta" in attempted.header_names
    await stage.ask(an_envelope())
    assert stage.ledger.attempted[-1].header_names is msgspec.UNSET


async def test_a_settlement_says_how_long_the_request_was_here_before_it_left() -> None:
    stage = Stage(cloud=[named()])
    came_us = stage.house.clock.now_us()
    stage.house.clock.pass_ms(40)
    await stage.ask(replace(an_envelope(), received_us=came_us))
    (settled,) = stage.ledger.settled
    assert settled.waited_us == 40_000
    assert settled.took_us >= settled.waited_us


async def test_what_never_left_waited_for_nothing() -> None:
    stage = Stage()
    await stage.ask(replace(an_envelope(chat("unheard-of")), received_us=1))
    assert stage.ledger.settled[0].waited_us is msgspec.UNSET


CHUNKS = engine_bytes.chat_events()
CUT = {
    "engine": ScriptedReply(*CHUNKS[:3], content_type=SSE, breaks=FailureKind.CUT_SHORT),
    "limit": ScriptedReply(
        *(one.replace(b'"stop"', b'"length"') for one in CHUNKS), content_type=SSE
    ),
    msgspec.UNSET: ScriptedReply(*CHUNKS, content_type=SSE),
}


@pytest.mark.parametrize("who", CUT, ids=["engine", "limit", "nobody"])
async def test_a_settlement_says_who_cut_the_reply(who: str) -> None:
    stage = Stage(cloud=[CUT[who]])
    await stage.ask(an_envelope(chat(stream=True)))
    assert stage.ledger.settled[0].truncated == who


async def test_a_client_that_leaves_cut_its_own_reply() -> None:
    stage = Stage(cloud=[ScriptedReply(*CHUNKS, content_type=SSE)])
    reply = await stage.exchange.exchange(an_envelope(chat(stream=True)))
    assert not isinstance(reply.body, bytes)
    await anext(reply.body)
    await reply.body.aclose()
    assert await stage.background.drain(5)
    assert stage.ledger.settled[0].truncated == "client"


async def test_a_zone_that_was_closed_cuts_by_policy() -> None:
    stage = Stage(cloud=[ScriptedReply(*CHUNKS, content_type=SSE)])
    reply = await stage.exchange.exchange(an_envelope(chat(stream=True)))
    assert not isinstance(reply.body, bytes)
    stage.house.openings.cut("frontier")
    _ = [chunk async for chunk in reply.body]
    assert await stage.background.drain(5)
    assert stage.ledger.settled[0].truncated == "policy"


async def test_nobody_cut_what_never_began() -> None:
    stage = Stage(cloud=[REFUSED], vllm=[REFUSED], vllm_2=[REFUSED])
    await stage.ask(an_envelope())
    assert stage.ledger.settled[0].truncated is msgspec.UNSET


async def test_each_attempt_says_at_which_address_its_engine_was_dialled() -> None:
    limited = ScriptedReply(b"{}", status=503)
    stage = Stage(cloud=[limited], vllm=[REFUSED], vllm_2=[named()])
    stage.sender.addresses = {"cloud": "203.0.113.7", "vllm-2": "127.0.1.3"}
    await stage.ask(an_envelope())
    tried = [one.address for one in stage.ledger.settled[0].tried]
    assert tried == ["203.0.113.7", msgspec.UNSET, "127.0.1.3"]
