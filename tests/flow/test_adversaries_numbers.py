"""How many tokens and replies a body may ask for: a number on every surface, or a refusal."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from gateway.audit import canonical
from tests.doubles.gateway_folders import ran
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.speaking_log import speaking_log
from tests.doubles.speaking_stage import EVERY, Spoken, decoded, speaking
from tests.flow.test_adversaries_tries import COUNTING, EMBEDDING, named

pytestmark = pytest.mark.anyio
SURFACE = pytest.mark.parametrize("surface", EVERY, ids=str)
TOKENS: dict[str, tuple[str, ...]] = {
    "openai_chat": ("max_tokens", "max_completion_tokens"),
    "openai_completions": ("max_tokens",),
    "openai_responses": ("max_output_tokens",),
    "anthropic_messages": ("max_tokens",),
    "anthropic_vertex": ("max_tokens",),
    "bedrock_invoke": ("max_tokens",),
    "bedrock_converse": ("inferenceConfig.maxTokens",),
    "gemini": ("generationConfig.maxOutputTokens",),
    "gemini_array": ("generationConfig.maxOutputTokens",),
    "ollama_chat": ("options.num_predict",),
    "ollama_generate": ("options.num_predict",),
}
REPLIES: dict[str, tuple[str, ...]] = {
    "openai_chat": ("n",),
    "openai_completions": ("n", "best_of"),
    "gemini": ("generationConfig.candidateCount",),
    "gemini_array": ("generationConfig.candidateCount",),
}
NO_NUMBERS = (1.5, True, "9", [1], {})
# More than any engine has, than a float or 64 bits hold exactly, and than they hold at all.
HUGE = (2**31, 2**53 + 1, 2**64, 10**30)
OLLAMA = ("ollama_chat", "ollama_generate")


def fields(path: str, value: object) -> dict[str, Any]:
    above, _, name = path.rpartition(".")
    return {above: {name: value}} if above else {name: value}


def refused(table: dict[str, tuple[str, ...]], *values: object) -> Any:
    cases = [
        pytest.param(one, path, value, id=f"{one}-{path}-{value}")
        for one in EVERY
        for path in table.get(one.dialect, ())
        for value in values
        # Ollama takes these for no limit at all, and so do we: as many as there can be.
        if not (one.dialect in OLLAMA and value in (-1, 0))
        # Nothing is gone on with: the prompt alone is scored.
        if not (one.dialect == "openai_completions" and path == "max_tokens" and value == 0)
    ]
    return pytest.mark.parametrize(("surface", "path", "value"), cases)


@refused(TOKENS, -1, 0, *NO_NUMBERS, *HUGE)
async def test_adv_90_a_limit_of_tokens_that_is_none_is_refused_on_every_surface(
    surface: Spoken, path: str, value: object
) -> None:
    await assert_refused(surface, path, value)


@refused(REPLIES, -1, 0, 9, *NO_NUMBERS, *HUGE)
async def test_adv_90_a_number_of_replies_that_is_none_is_refused_on_every_surface(
    surface: Spoken, path: str, value: object
) -> None:
    await assert_refused(surface, path, value)


async def assert_refused(surface: Spoken, path: str, value: object) -> None:
    """By nobody's engine, and recorded as it was."""
    stage = speaking()
    status, _, _ = await stage.ask(surface.envelope("vllm-model", fields=fields(path, value)))
    assert (status, stage.sender.sent) == (400, [])
    assert len(stage.ledger.decided) == len(stage.ledger.settled) == 1
    for record in stage.ledger.records:
        assert canonical.decode(canonical.encode(record)) == record


def test_every_surface_that_can_limit_its_reply_stands_here() -> None:
    assert TOKENS.keys() == {one.dialect for one in EVERY} - COUNTING - EMBEDDING


MANY = {
    "n": 64,
    "best_of": 64,
    "num_return_sequences": 64,
    "candidate_count": 64,
    "candidateCount": 64,
    "num_completions": 64,
}


@SURFACE
@pytest.mark.parametrize("engine", ["cloud", "vllm"])
async def test_adv_90_no_engine_draws_more_replies_than_were_counted(
    surface: Spoken, engine: str
) -> None:
    """Under whatever name a body asks for them: what is not counted is not told.

    Ollama draws one, whatever stands in a body that passes to it as it is.
    """
    for name, value in MANY.items():
        stage = speaking()
        await stage.ask(
            surface.envelope(named(surface, engine), fields={name: value}, stream=False)
        )
        for _, call in stage.sender.sent:
            assert not MANY.keys() & decoded(call).keys(), name
        assert all(one.ask is None or one.ask.replies is UNSET for one in stage.ledger.decided)


@pytest.mark.parametrize("dialect", OLLAMA)
@pytest.mark.parametrize("value", [-2, -1, 0])
async def test_adv_90_a_limit_that_means_none_is_priced_as_none(dialect: str, value: int) -> None:
    (surface,) = (one for one in EVERY if one.dialect == dialect)
    stage = speaking()
    await stage.ask(
        surface.envelope("ollama-model", fields=fields("options.num_predict", value), stream=False)
    )
    assert stage.ledger.decided[0].ask.output_tokens_max is None


CHAT = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
SAID = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}


@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
@pytest.mark.parametrize("number", [-5, 2**62, 2**63, 10**30])
async def test_adv_84_a_usage_that_nobody_can_have_stops_no_record_and_no_sum(
    tmp_path: Path, name: str, number: int
) -> None:
    """An engine that is wrong, or lies, of what it used: what sums up the log goes on."""
    used = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 9, name: number}
    told = ScriptedReply(msgspec.json.encode({**CHAT, "choices": [SAID], "usage": used}))
    (surface,) = (one for one in EVERY if one.dialect == "openai_chat")
    async with speaking_log(tmp_path, cloud=[told]) as log:
        (status, _, _), found = await log.ask(surface.envelope("cloud-model", stream=False))
    assert status == 200
    # A reader of a dialect may take less than nothing for nothing; more than there can be is none.
    assert found.settled.usage_estimated is (UNSET if number < 0 else True)
    assert 0 < found.settled.cost_microusd < 1_000_000
    ledger = str(log.paths.ledger)
    told = ran("audit", "spend", "--copy", "--ledger", ledger, "--as", "json")
    assert told.code == 0, told.err
    assert sum(row["requests"] for row in msgspec.json.decode(told.out)["rows"]) == 1
