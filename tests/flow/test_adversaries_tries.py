"""Every surface, whatever engines do: inside the boundary, as listed, recorded before it left."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.domain.money import Price
from gateway.domain.request import Envelope
from gateway.domain.route import Failure, FailureKind, OutcomeKind
from gateway.policy.program import Clause, Program
from tests.doubles.fleets import FREE
from tests.doubles.houses import Stage
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.speaking_stage import EVERY, KINDS, Spoken, decoded, limited, speaking
from tests.flow.test_changed_policy import denying

pytestmark = pytest.mark.anyio
SURFACE = pytest.mark.parametrize("surface", EVERY, ids=str)
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
RESTRICTED = {"repos": ("payments",)}
# What a surface that embeds is asked for, and what the others are.
EMBEDDING = frozenset({"openai_embeddings", "ollama_embed"})
# Ollama cannot count, so nobody who counts is answered by it.
COUNTING = frozenset(
    {
        "anthropic_count",
        "anthropic_vertex_count",
        "bedrock_count",
        "gemini_count",
        "openai_input_tokens",
    }
)


def named(surface: Spoken, engine: str) -> str:
    return f"{engine}-{'vectors' if surface.dialect in EMBEDDING else 'model'}"


def tasked(stage: Stage, *engines: str, prices: dict[str, Price] | None = None) -> Stage:
    """Give the stage the tasks `words` and `vectors`: these engines in this order."""
    catalogue = stage.worlds.world.fleet.catalogue
    for backend, price in (prices or {}).items():
        offerings = tuple(
            replace(one, price=price) if one.backend == backend else one
            for one in catalogue.offerings
        )
        catalogue = replace(catalogue, offerings=offerings)
    tasks = {
        "words": tuple(f"{name}-model" for name in engines),
        "vectors": tuple(f"{name}-vectors" for name in engines),
    }
    fleet = replace(stage.worlds.world.fleet, catalogue=replace(catalogue, tasks=tasks))
    stage.worlds.world = replace(stage.worlds.world, fleet=fleet)
    return stage


def asking(surface: Spoken, *, stream: bool = False, **more: Any) -> Envelope:
    task = "vectors" if surface.dialect in EMBEDDING else "words"
    return surface.envelope(task, stream=stream, **more)


def backends(stage: Stage) -> list[str]:
    return [call.backend for _, call in stage.sender.sent]


def assert_recorded_first(stage: Stage) -> None:
    """Each byte that left has its Attempted before it, the first one with the Decided."""
    for at, step in enumerate(stage.trace):
        if step.startswith("sent:"):
            assert stage.trace[at - 1].endswith("Attempted")
    assert len(stage.ledger.attempted) == len(stage.sender.sent)
    assert len(stage.ledger.decided) == len(stage.ledger.settled) == 1


SIDE = {"judge_model": "cloud-model", "summary": "auto", "compact": True, "title_model": "cloud"}


@SURFACE
@STREAM
async def test_adv_46_one_question_of_a_surface_is_one_call_of_its_own_engine(
    surface: Spoken, stream: bool
) -> None:
    """Whatever a body says of judges, titles and summaries, nobody else hears of it."""
    stage = speaking()
    envelope = surface.envelope(
        named(surface, "vllm"), stream=stream, fields=SIDE, caller=RESTRICTED
    )
    await stage.ask(envelope)
    assert [(zone, call.backend) for zone, call in stage.sender.sent] == [("on_prem", "vllm")]
    assert len(stage.ledger.decided) == len(stage.ledger.settled) == 1


@SURFACE
async def test_adv_46_a_side_question_to_a_model_of_a_cloud_is_refused(surface: Spoken) -> None:
    """As an agent asks a small model for titles: that request has the label of its key, too."""
    stage = speaking()
    status, _, _ = await stage.ask(surface.envelope(named(surface, "cloud"), caller=RESTRICTED))
    assert (status, stage.sender.sent) == (400, [])
    assert stage.ledger.settled[0].outcome is OutcomeKind.REFUSED


DEAR = Price(90_000_000, 90_000_000, "a price list", FREE.verified_on)
CHEAPEST = {"provider": {"sort": "price"}, "service_tier": "flex", "prefer": "cheapest"}


@SURFACE
@pytest.mark.parametrize("first", ["cloud", "vllm"])
async def test_adv_48_the_cheapest_offering_is_not_preferred(surface: Spoken, first: str) -> None:
    """What is listed first is asked first, at whatever price, whatever the body wishes."""
    second = "vllm" if first == "cloud" else "cloud"
    stage = tasked(speaking(), first, second, prices={first: DEAR, second: FREE})
    await stage.ask(asking(surface, fields=CHEAPEST))
    assert stage.ledger.decided[0].candidates[0].endswith(f"@{first}")
    assert backends(stage) == [first]


NO_MODEL = b'{"error":{"message":"The provided model identifier is invalid.","code":"404"}}'


@SURFACE
@pytest.mark.parametrize("status", [400, 403, 404])
async def test_adv_48b_a_model_that_an_engine_does_not_know_is_asked_for_by_no_other_name(
    surface: Spoken, status: int
) -> None:
    wrong = [ScriptedReply(NO_MODEL, status=status) for _ in range(9)]
    stage = tasked(speaking(vllm=wrong, ollama=list(wrong)), "cloud", "vllm", "ollama")
    heard, _, _ = await stage.ask(asking(surface, caller=RESTRICTED))
    assert heard == (400 if status == 400 else 502)
    assert stage.sender.sent
    assert {zone for zone, _ in stage.sender.sent} <= {"on_prem"}
    assert len(backends(stage)) == len(set(backends(stage))), "an engine is asked again"
    for _, call in stage.sender.sent:
        assert decoded(call)["model"] == named(surface, call.backend)
    assert_recorded_first(stage)
    kinds = {one.outcome.failure.kind for one in stage.ledger.settled[0].tried}
    # What the engine alone is to blame for is tried at the next one, and told as its fault.
    assert kinds == {FailureKind.REJECTED if status == 400 else FailureKind.UNREADABLE}


REMOTE_VECTORS = b'{"embeddings":[[0.5]],"remote_host":"https://ollama.example:443"}'


@SURFACE
async def test_adv_50_a_redirect_is_an_error_and_is_told_to_nobody(surface: Spoken) -> None:
    moved = Failure(FailureKind.UNREADABLE, sent=True, detail="redirect refused", status=307)
    stage = tasked(speaking(vllm=[moved], ollama=[moved]), "vllm", "ollama", "cloud")
    status, headers, _ = await stage.ask(asking(surface, caller=RESTRICTED))
    assert status == 502
    assert "location" not in headers
    assert {zone for zone, _ in stage.sender.sent} == {"on_prem"}
    assert stage.ledger.settled[0].tried[0].outcome.failure.status == 307


@pytest.mark.parametrize("surface", [one for one in EVERY if one.dialect not in COUNTING], ids=str)
@STREAM
async def test_adv_52_what_another_host_answers_is_passed_on_to_no_surface(
    surface: Spoken, stream: bool
) -> None:
    stage = speaking()
    stage.sender.remote = True
    if surface.dialect in EMBEDDING:
        stage.sender.answers["ollama"] = [ScriptedReply(REMOTE_VECTORS)]
    status, _, raw = await stage.ask(surface.envelope(named(surface, "ollama"), stream=stream))
    assert b"amber" not in raw
    assert b"0.5" not in raw
    assert status in {500, 503}
    assert stage.health.breached == ["ollama"]
    (settled,) = stage.ledger.settled
    assert settled.outcome is not OutcomeKind.COMPLETED


def broken(_facts: object) -> bool:
    raise KeyError("an attribute that is not there")


def unable(program: Program) -> Program:
    """A rule that cannot be evaluated, beside one that permits everything."""
    zones = frozenset(program.zones)
    clause = Clause("broken", False, zones, broken, broken, conditional=True)
    return replace(program, clauses=(*program.clauses, clause))


@SURFACE
async def test_adv_66_a_rule_that_cannot_be_evaluated_denies_on_every_surface(
    surface: Spoken,
) -> None:
    stage = speaking()
    world = stage.worlds.world
    stage.worlds.world = replace(world, program=unable(world.program))
    status, headers, raw = await stage.ask(surface.envelope(named(surface, "vllm")))
    assert (status, stage.sender.sent) == (400, [])
    assert b"an attribute that is not there" not in raw
    (decided,) = stage.ledger.decided
    assert decided.decision.boundary == frozenset()
    assert headers["x-perimeter-record"] == decided.id
    assert stage.ledger.settled[0].outcome is OutcomeKind.REFUSED


@SURFACE
async def test_adv_67_a_policy_that_came_meanwhile_takes_the_next_engine_away(
    surface: Spoken,
) -> None:
    """It was decided under one policy, and says so; the other one lets no second try leave."""
    refused = Failure(FailureKind.UNREACHABLE, sent=False)
    for changes in (False, True):
        stage = tasked(speaking(vllm=[refused], ollama=[refused]), "vllm", "ollama")
        first = stage.worlds.world

        def rest(_backend: str, _why: str, stage: Stage = stage, on: bool = changes) -> None:
            if on:
                now = stage.worlds.world
                other = replace(now, program=denying(now.program), documents={"policy": "another"})
                stage.worlds.world = other

        stage.health.rest = rest
        await stage.ask(asking(surface, caller=RESTRICTED))
        (decided,) = stage.ledger.decided
        assert decided.documents == first.documents
        able = ["vllm"] if surface.dialect in COUNTING else ["vllm", "ollama"]
        assert backends(stage) == (["vllm"] if changes else able)


@SURFACE
@STREAM
async def test_adv_72_each_try_of_a_surface_is_durable_before_it_leaves(
    surface: Spoken, stream: bool
) -> None:
    names = list(KINDS)
    given: Any = {name: [limited()] for name in names}
    stage = tasked(speaking(**given), *names)
    await stage.ask(asking(surface, stream=stream))
    assert len(stage.sender.sent) >= 2
    assert_recorded_first(stage)


@SURFACE
@STREAM
async def test_adv_72_a_stream_that_nobody_could_record_does_not_begin(
    surface: Spoken, stream: bool
) -> None:
    stage = speaking()
    stage.ledger.full = True
    status, _, _ = await stage.ask(surface.envelope(named(surface, "vllm"), stream=stream))
    assert (status, stage.sender.sent, stage.ledger.records) == (503, [], [])


@SURFACE
async def test_adv_87_a_storm_of_tries_is_bounded_and_each_is_a_record(surface: Spoken) -> None:
    names = list(KINDS)
    given: Any = {name: [limited() for _ in range(99)] for name in names}
    stage = tasked(speaking(**given), *names)
    status, _, _ = await stage.ask(asking(surface))
    assert status != 200
    assert len(stage.sender.sent) <= len(names) + 1
    assert_recorded_first(stage)
    numbers = [one.number for one in stage.ledger.attempted]
    assert numbers == list(range(1, len(numbers) + 1))
    (settled,) = stage.ledger.settled
    assert [one.number for one in settled.tried] == numbers
    assert settled.cost_microusd is None


KEYS = ("idempotency-key", "x-idempotency-key", "anthropic-idempotency-key", "x-request-id")


@SURFACE
async def test_adv_87_a_request_that_comes_again_is_another_one_and_paid_once_each(
    surface: Spoken,
) -> None:
    """Nobody promises that an answer is kept: a replay is decided, recorded and paid by itself."""
    stage = speaking()
    for number in (1, 2):
        told = dict.fromkeys((*KEYS, "x-stainless-retry-count"), "the-same")
        envelope = surface.envelope(named(surface, "cloud"), told=told)
        await stage.ask(replace(envelope, id=f"019aa000-0000-7000-8000-{number:012d}"))
    assert len(stage.ledger.decided) == len(stage.ledger.settled) == 2
    assert len({one.id for one in stage.ledger.settled}) == 2
    first, second = (one.cost_microusd for one in stage.ledger.settled)
    assert first == second
    assert "the-same" not in repr([call.headers for _, call in stage.sender.sent])


async def test_the_surfaces_that_are_asked_here_reach_an_engine() -> None:
    """Without this, a body that is refused for another reason would prove nothing."""
    reached = {name: set() for name in KINDS}
    for engine, found in reached.items():
        for surface in EVERY:
            stage = speaking()
            await stage.ask(surface.envelope(named(surface, engine), stream=False))
            if stage.sender.sent and stage.ledger.settled[0].outcome is OutcomeKind.COMPLETED:
                found.add(surface.dialect)
    every = {one.dialect for one in EVERY}
    assert reached == {"cloud": every, "vllm": every, "ollama": every - COUNTING}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


@SURFACE
@STREAM
@pytest.mark.parametrize("engine", KINDS)
async def test_adv_89_what_is_sent_is_what_was_scanned(
    surface: Spoken, stream: bool, engine: str
) -> None:
    """No text of a client's reaches an engine that did not stand in the value that was scanned."""
    if engine == "ollama" and surface.dialect in COUNTING:
        return
    stage = speaking()
    envelope = surface.envelope(named(surface, engine), "hello CANARY 1", stream=stream)
    before = msgspec.json.encode(envelope.body)
    await stage.ask(envelope)
    ((_, call),) = stage.sender.sent
    said = {one for one in texts(decoded(call)) if "CANARY" in one}
    assert said
    assert said <= set(texts(msgspec.json.decode(before)))
    assert msgspec.json.encode(envelope.body) == before, "it was changed after it was scanned"
