"""What is recorded before anything leaves, however a request ends; and what is sent is what was
scanned, and costs no more than was said.
"""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.dialects import DIALECTS
from gateway.domain.route import Failure, FailureKind, OutcomeKind
from gateway.surfaces.surface import SURFACES
from tests.doubles import engine_bytes
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope, message
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world, demo_with
from tests.flow.test_adversaries_surfaces import BODIES
from tests.flow.test_streams import chat_stream, streamed

pytestmark = pytest.mark.anyio
LIMITED = Failure(FailureKind.RATE_LIMITED, sent=True, retry_after_s=0)


@pytest.mark.parametrize("dialect", BODIES)
async def test_adv_72_the_decision_is_durable_before_the_first_byte_leaves(dialect: str) -> None:
    broken = [ScriptedReply(b"{}", status=500)] * 3
    stage = Stage(cloud=broken, vllm=list(broken), vllm_2=list(broken), ollama=list(broken))
    body = DIALECTS[dialect].unpack(BODIES[dialect]("hello"))
    await stage.ask(an_envelope(body, dialect=dialect, asked="code", streams=False))
    assert stage.trace[0] in {"durable:Decided+Attempted", "durable:Decided+Settled"}
    for at, step in enumerate(stage.trace):
        if step.startswith("sent:"):
            assert stage.trace[at - 1].endswith("Attempted")
    attempts = [one for one in stage.trace if one.startswith("sent:")]
    assert len(stage.ledger.attempted) == len(attempts)


@pytest.mark.parametrize("dialect", BODIES)
async def test_adv_72_where_nothing_can_be_recorded_nothing_is_sent(dialect: str) -> None:
    stage = Stage(cloud=[], vllm=[], vllm_2=[], ollama=[])
    stage.ledger.full = True
    body = DIALECTS[dialect].unpack(BODIES[dialect]("hello"))
    status, _, _ = await stage.ask(an_envelope(body, dialect=dialect, asked="code", streams=False))
    assert (status, stage.sender.sent) == (503, [])


@pytest.mark.parametrize("kind", [FailureKind.CUT_SHORT, FailureKind.TIMED_OUT])
async def test_adv_73_a_stream_that_its_engine_cuts_has_an_outcome(kind: FailureKind) -> None:
    events = engine_bytes.message_events()
    stage = Stage(vllm=[ScriptedReply(*events[:4], content_type="text/event-stream", breaks=kind)])
    said = message(stream=True)
    await stage.ask(
        an_envelope(said, dialect="anthropic_messages", caller={"repos": ("payments",)})
    )
    (settled,) = stage.ledger.settled
    (tried,) = settled.tried
    assert (settled.outcome, tried.outcome.failure.kind) == (OutcomeKind.FAILED, kind)
    assert settled.reply_bytes
    assert settled.stop is None


async def test_adv_73_a_stream_that_its_client_leaves_has_an_outcome() -> None:
    stage = Stage(cloud=[chat_stream()])
    answer = await stage.exchange.exchange(an_envelope(streamed()))
    await anext(answer.body)
    await answer.body.aclose()
    assert await stage.background.drain(5)
    (settled,) = stage.ledger.settled
    assert (settled.outcome, settled.error) == (OutcomeKind.CANCELLED, "client_gone")
    assert settled.stop is None
    assert settled.reply_bytes


async def test_adv_87_each_try_has_a_record_of_its_own_and_there_are_few() -> None:
    stage = Stage(cloud=[LIMITED] * 9, vllm=[LIMITED] * 9, vllm_2=[LIMITED] * 9)
    await stage.ask(an_envelope())
    numbers = [one.number for one in stage.ledger.attempted]
    assert numbers == list(range(1, len(stage.sender.sent) + 1))
    assert len(numbers) == 4
    (settled,) = stage.ledger.settled
    assert [one.number for one in settled.tried] == numbers


async def test_adv_87_the_same_request_twice_is_two_requests() -> None:
    stage = Stage(cloud=[chat_stream(), chat_stream()])
    for name in ("one", "two"):
        envelope = an_envelope(streamed(), told={"idempotency-key": "the-same"})
        await stage.ask(replace(envelope, id=f"019aa000-0000-7000-8000-00000000{name:>04}"))
    assert len(stage.ledger.decided) == len(stage.ledger.settled) == len(stage.sender.sent) == 2
    assert not [call for _, call in stage.sender.sent if "the-same" in repr(call.headers)]


def test_adv_89_nothing_is_fetched_or_uploaded_on_a_clients_word() -> None:
    paths = [surface.path for surface in SURFACES.values()]
    assert not [one for one in paths if "file" in one or "upload" in one or "fetch" in one]


COST = {
    "id": "cheap",
    "effect": "oblige",
    "when": {"any": True},
    "cost_max_microusd": 30_000,
}


@pytest.mark.parametrize(
    ("more", "is_dear"),
    [({}, False), ({"n": 1}, False), ({"n": 8, "max_tokens": 1_000}, True)],
)
async def test_adv_90_many_replies_cost_as_many_times(more: dict[str, int], is_dear: bool) -> None:
    stage = Stage(a_world(a_fleet(CATALOGUE), demo_with(COST)), cloud=[chat_stream()])
    await stage.ask(an_envelope(streamed("opus") | {"max_tokens": 100} | more))
    reasons = {one.reason for one in stage.ledger.decided[0].excluded}
    assert ("cost" in reasons) is is_dear, reasons
    assert bool(stage.sender.sent) is not is_dear


@pytest.mark.parametrize(
    ("dialect", "more"),
    [
        ("openai_chat", {"max_tokens": -1}),
        ("openai_chat", {"max_tokens": 1e9}),
        ("openai_chat", {"max_completion_tokens": -5}),
        ("openai_chat", {"n": 0}),
        ("openai_chat", {"n": -1}),
        ("openai_chat", {"n": 100_000}),
        ("openai_chat", {"n": "2"}),
        ("openai_completions", {"n": 100_000}),
        ("openai_completions", {"best_of": 100_000}),
        ("openai_completions", {"best_of": -1}),
        ("openai_completions", {"max_tokens": -1}),
        ("anthropic_messages", {"max_tokens": -1}),
        ("anthropic_messages", {"max_tokens": 0}),
        ("openai_responses", {"max_output_tokens": -1}),
        ("gemini", {"generationConfig": {"maxOutputTokens": -1}}),
        ("gemini", {"generationConfig": {"candidateCount": 100_000}}),
        ("gemini", {"generationConfig": {"candidateCount": -1}}),
        ("bedrock_converse", {"inferenceConfig": {"maxTokens": -1}}),
    ],
)
async def test_adv_90_a_number_that_is_none_is_refused(dialect: str, more: dict[str, Any]) -> None:
    stage = Stage(cloud=[], vllm=[], vllm_2=[], ollama=[])
    envelope = an_envelope(
        BODIES[dialect]("hello") | more, dialect=dialect, asked="code", streams=False
    )
    status, _, _ = await stage.ask(envelope)
    assert (status, stage.sender.sent) == (400, [])


@pytest.mark.parametrize(
    ("more", "drawn"),
    [({"best_of": 5}, 5), ({"n": 2, "best_of": 5}, 5), ({"n": 3}, 3), ({"best_of": 1}, UNSET)],
)
def test_adv_90_the_best_of_several_is_as_many(more: dict[str, int], drawn: Any) -> None:
    body = BODIES["openai_completions"]("hello") | more
    assert DIALECTS["openai_completions"].peek(body).replies == drawn
