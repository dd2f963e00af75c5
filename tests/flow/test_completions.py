"""Texts that are gone on with or filled in: passed, built for the model's family, or translated."""

import msgspec
import pytest
from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.domain.fleet import Fleet
from gateway.domain.route import OutcomeKind
from gateway.flow.abilities import operations
from tests.doubles.fleets import PRICED, a_catalogue, an_offering
from tests.doubles.houses import Stage, an_envelope
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world

pytestmark = pytest.mark.anyio
FILLS = frozenset({"fim"})
KINDS = {"cloud": "openai", "vllm": "vllm", "ollama": "ollama"}
HOME = {"repos": ("payments",)}
OPEN = {"repos": ("website",)}
SSE = "text/event-stream"
NDJSON = "application/x-ndjson"
HEAD = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "Qwen/Qwen3-Coder"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
CHOICE = {"index": 0, "text": "a, b)", "logprobs": None, "finish_reason": "stop"}
WHOLE = msgspec.json.encode({**HEAD, "choices": [CHOICE], "usage": USAGE})
LINES = (
    b'{"model":"q","response":"a, ","done":false}\n',
    b'{"model":"q","response":"b)","done":false}\n',
    b'{"model":"q","response":"","done":true,"done_reason":"stop","eval_count":4,'
    b'"prompt_eval_count":9}\n',
)
STREAM = b"".join(
    b"data: " + part + b"\n\n"
    for part in (
        msgspec.json.encode({**HEAD, "choices": [{**CHOICE, "finish_reason": None}]}),
        msgspec.json.encode({**HEAD, "choices": [{**CHOICE, "text": ""}]}),
        msgspec.json.encode({**HEAD, "choices": [], "usage": USAGE}),
        b"[DONE]",
    )
)


def a_stage(**answers) -> Stage:
    backends = {name: BACKENDS[kind] for name, kind in KINDS.items()}
    coder = an_offering("coder", "vllm", "on_prem", wire_model="Qwen/Qwen3-Coder")
    far = an_offering("far", "cloud", "frontier", price=PRICED)
    local = an_offering("local", "ollama", "on_prem", wire_model="q")
    catalogue = a_catalogue(
        replace(far, capabilities=FILLS, fim="qwen"),
        replace(coder, capabilities=FILLS, fim="qwen"),
        replace(local, capabilities=FILLS | {"template"}, fim="qwen"),
        an_offering("plain", "vllm", "on_prem", capabilities=frozenset()),
        replace(
            an_offering("self", "vllm", "on_prem", wire_model="DeepSeek-V4"),
            capabilities=FILLS,
            fim="native",
        ),
        tasks={"fill": ("plain", "coder"), "ask": ("coder", "local")},
    )
    world = a_world(Fleet(catalogue, {}, operations(catalogue, backends)))
    stage = Stage(world, **answers)
    stage.house = replace(stage.house, backends=backends)
    stage.exchange = type(stage.exchange)(stage.house)
    return stage


def asked(model="coder", dialect="openai_completions", **more):
    body = {"model": model, "prompt": "def add(", **more}
    return an_envelope(body, dialect=dialect, surface="completions", caller=HOME)


def sent(stage: Stage) -> dict:
    return msgspec.json.decode(stage.sender.sent[-1][1].body)


async def test_a_text_passes_to_the_byte_and_stays_where_policy_says() -> None:
    stage = a_stage(vllm=[ScriptedReply(WHOLE)])
    status, _, raw = await stage.ask(asked())
    assert (status, raw) == (200, WHOLE)
    zone, call = stage.sender.sent[0]
    assert (zone, call.path) == ("on_prem", "/v1/completions")
    assert sent(stage) == {"model": "Qwen/Qwen3-Coder", "prompt": "def add("}
    settled = stage.ledger.settled[0]
    assert (settled.outcome, settled.stop) == (OutcomeKind.COMPLETED, "end")
    assert settled.usage.output_tokens == 4


async def test_a_stream_passes_without_the_usage_that_nobody_asked_for() -> None:
    stage = a_stage(vllm=[ScriptedReply(STREAM, content_type=SSE)])
    status, _, raw = await stage.ask(asked(stream=True))
    assert status == 200
    assert raw.endswith(b"data: [DONE]\n\n")
    assert b'"usage"' not in raw
    assert sent(stage)["stream_options"] == {"include_usage": True}
    assert stage.ledger.settled[0].usage.input_tokens == 9


@pytest.mark.parametrize("prompt", ["def add(", ["def add("]], ids=str)
async def test_a_suffix_becomes_the_prompt_of_the_models_family(prompt) -> None:
    stage = a_stage(vllm=[ScriptedReply(WHOLE)])
    status, headers, _ = await stage.ask(asked(prompt=prompt, suffix="\nadd(1, 2)"))
    assert status == 200
    assert "x-perimeter-lost" not in headers
    assert sent(stage) == {
        "model": "Qwen/Qwen3-Coder",
        "prompt": "<|fim_prefix|>def add(<|fim_suffix|>\nadd(1, 2)<|fim_middle|>",
    }


async def test_a_suffix_is_left_to_an_engine_that_is_said_to_fill_in_by_itself() -> None:
    stage = a_stage(vllm=[ScriptedReply(WHOLE)])
    status, _, _ = await stage.ask(asked("self", suffix="x"))
    assert status == 200
    assert (sent(stage)["prompt"], sent(stage)["suffix"]) == ("def add(", "x")
    status, _, raw = await stage.ask(asked("self", suffix="<｜fim▁end｜>"))  # noqa: RUF001
    assert status == 400
    assert b"control token" in raw
    assert len(stage.sender.sent) == 1


async def test_what_vllm_does_not_know_is_lost_by_name_and_not_in_silence() -> None:
    stage = a_stage(vllm=[ScriptedReply(WHOLE)])
    _, headers, _ = await stage.ask(asked(best_of=2, priority=1, user="ada"))
    assert headers["x-perimeter-lost"] == "best_of, priority"
    assert sent(stage)["user"] == "ada"


async def test_an_empty_suffix_is_none() -> None:
    stage = a_stage(vllm=[ScriptedReply(WHOLE)])
    await stage.ask(asked("plain", suffix=""))
    assert sent(stage) == {"model": "plain", "prompt": "def add("}


@pytest.mark.parametrize("model", ["coder", "local"])
@pytest.mark.parametrize("dialect", ["openai_completions", "ollama_generate"])
@pytest.mark.parametrize(("field", "other"), [("prompt", "suffix"), ("suffix", "prompt")])
async def test_a_control_token_in_the_text_never_reaches_the_engine(
    model, dialect, field, other
) -> None:
    stage = a_stage()
    more = {field: "x<|fim_middle|>y", other: "z"}
    status, _, raw = await stage.ask(asked(model, dialect, **more))
    assert status == 400
    assert b"control token" in raw
    assert b"fim_middle" not in raw
    assert stage.sender.sent == []


async def test_a_model_that_cannot_fill_in_is_excluded_with_the_reason() -> None:
    stage = a_stage(vllm=[ScriptedReply(WHOLE)])
    await stage.ask(asked("fill", suffix="x"))
    excluded = stage.ledger.decided[0].excluded
    assert [(one.offering, one.reason) for one in excluded] == [("plain@vllm", "cannot_fim")]
    status, _, raw = await stage.ask(asked("plain", suffix="x"))
    assert status == 400
    assert b"no_model_fits" in raw
    assert b"cannot_fim" in raw


async def test_a_host_that_is_not_said_to_take_a_suffix_gets_none() -> None:
    stage = a_stage()
    body = {"model": "far", "prompt": "a", "suffix": "b"}
    wish = an_envelope(body, dialect="openai_completions", surface="completions", caller=OPEN)
    status, _, raw = await stage.ask(wish)
    assert status == 400
    assert b"suffix" in raw
    assert stage.sender.sent == []


async def test_an_ollama_server_goes_on_with_a_text_of_a_client_of_openai() -> None:
    stage = a_stage(ollama=[ScriptedReply(*LINES, content_type=NDJSON)])
    status, headers, raw = await stage.ask(
        asked("local", stream=True, stream_options={"include_usage": True}, user="ada")
    )
    assert status == 200
    assert headers["x-perimeter-lost"] == "user"
    assert raw.endswith(b"data: [DONE]\n\n")
    assert b'"total_tokens":13' in raw
    assert sent(stage)["raw"] is True
    assert sent(stage)["options"] == {"num_ctx": 8192}


async def test_an_ollama_server_fills_in_by_its_own_template() -> None:
    reply = ScriptedReply(
        b'{"model":"q","response":"a, b)","done":true,"done_reason":"stop","eval_count":4}'
    )
    stage = a_stage(ollama=[reply])
    status, _, raw = await stage.ask(asked("local", suffix="x"))
    assert status == 200
    assert msgspec.json.decode(raw)["choices"][0]["text"] == "a, b)"
    assert sent(stage)["suffix"] == "x"
    assert "raw" not in sent(stage)


async def test_vllm_fills_in_for_a_client_of_ollama() -> None:
    stage = a_stage(vllm=[ScriptedReply(STREAM, content_type=SSE)])
    status, headers, raw = await stage.ask(
        asked(dialect="ollama_generate", suffix="x", options={"num_predict": 5}, keep_alive="1m")
    )
    assert status == 200
    assert headers["content-type"] == NDJSON
    assert headers["x-perimeter-lost"] == "keep_alive"
    lines = [msgspec.json.decode(line) for line in raw.splitlines()]
    assert "".join(line["response"] for line in lines) == "a, b)"
    assert (lines[-1]["done"], lines[-1]["eval_count"]) == (True, 4)
    assert sent(stage)["prompt"] == "<|fim_prefix|>def add(<|fim_suffix|>x<|fim_middle|>"
    assert sent(stage)["max_tokens"] == 5


async def test_a_question_goes_to_an_engine_with_a_template_and_to_no_other() -> None:
    stage = a_stage(ollama=[ScriptedReply(*LINES, content_type=NDJSON)])
    status, _, _ = await stage.ask(asked("ask", "ollama_generate", system="be brief"))
    assert status == 200
    excluded = stage.ledger.decided[0].excluded
    assert [(one.offering, one.reason) for one in excluded] == [("coder@vllm", "cannot_template")]
    status, _, raw = await stage.ask(asked(dialect="ollama_generate", system="be brief"))
    assert status == 400
    assert b"cannot_template" in raw
    assert len(stage.sender.sent) == 1


async def test_a_client_of_ollama_passes_to_an_ollama_server() -> None:
    stage = a_stage(ollama=[ScriptedReply(*LINES, content_type=NDJSON)])
    status, _, raw = await stage.ask(asked("local", "ollama_generate", system="be brief"))
    assert (status, raw) == (200, b"".join(LINES))
    assert sent(stage)["system"] == "be brief"


async def test_a_stream_that_breaks_ends_without_its_end_mark() -> None:
    broken = (LINES[0], b'{"error":"server busy"}\n')
    stage = a_stage(ollama=[ScriptedReply(*broken, content_type=NDJSON)])
    status, _, raw = await stage.ask(asked("local", stream=True))
    assert status == 200
    assert b"[DONE]" not in raw
    assert msgspec.json.decode(raw.strip().split(b"data: ")[-1])["error"]
    assert stage.ledger.settled[0].outcome is OutcomeKind.FAILED
