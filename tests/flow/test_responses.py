"""Responses on their way: passed to the byte with what was taken out named, or translated."""

import msgspec
import pytest
from msgspec.structs import replace

from gateway.backends.vllm import VLLM
from gateway.domain.route import OutcomeKind
from tests.doubles import engine_bytes
from tests.doubles.goldens import golden_json
from tests.doubles.houses import Stage, an_envelope
from tests.doubles.raw_http import Heard
from tests.doubles.responses_grammar import events_of, lumps_of, whole
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.vendor_errors import openai_responses
from tests.doubles.vllm_recordings import recording

pytestmark = pytest.mark.anyio
SSE = "text/event-stream; charset=utf-8"
STREAM = recording("responses_stream").body
WHOLE = recording("responses_whole").body
HOME = {"repos": ("payments",)}


def a_stage(**answers) -> Stage:
    stage = Stage(**answers)
    backends = stage.house.backends | {"vllm": VLLM, "vllm-2": VLLM}
    stage.house = replace(stage.house, backends=backends)
    stage.exchange = type(stage.exchange)(stage.house)
    return stage


def asked(body=None, **changed):
    body = body or {"model": "code", "input": "hello", "stream": True}
    return an_envelope(body, dialect="openai_responses", surface="responses", **changed)


async def test_a_real_vllms_stream_passes_to_the_byte() -> None:
    stage = a_stage(vllm=[ScriptedReply(STREAM, content_type=SSE)])
    status, headers, raw = await stage.ask(asked(caller=HOME))
    assert status == 200
    assert raw == STREAM
    assert headers["content-type"] == "text/event-stream"
    call = stage.sender.sent[0][1]
    assert call.path == "/v1/responses"
    assert b'"store":false' in call.body
    settled = stage.ledger.settled[0]
    assert (settled.outcome, settled.stop) == (OutcomeKind.COMPLETED, "length")
    assert (settled.usage.input_tokens, settled.usage.output_tokens) == (13, 4)


async def test_a_real_vllms_whole_reply_passes_to_the_byte() -> None:
    stage = a_stage(vllm=[ScriptedReply(WHOLE)])
    _, _, raw = await stage.ask(asked({"model": "code", "input": "hello"}, caller=HOME))
    assert raw == WHOLE
    assert stage.ledger.settled[0].usage.output_tokens == 16


async def test_codex_works_and_hears_what_was_taken_out() -> None:
    stage = a_stage(vllm=[ScriptedReply(STREAM, content_type=SSE)])
    body = golden_json("openai_responses/codex.json")
    status, headers, raw = await stage.ask(asked(body, caller=HOME))
    assert (status, raw) == (200, STREAM)
    assert headers["x-perimeter-lost"] == "tools.web_search, client_metadata"
    assert stage.ledger.attempted[0].losses == ("tools.web_search", "client_metadata")
    sent = stage.sender.sent[0][1].body
    assert b"web_search_call" in sent
    assert b'"type":"web_search"' not in sent
    assert b"/home/ada" not in sent


async def test_codex_on_an_engine_of_another_dialect_gets_its_own_stream() -> None:
    lines = ScriptedReply(*engine_bytes.ollama_lines(), content_type="application/x-ndjson")
    stage = a_stage(ollama=[lines])
    body = golden_json("openai_responses/codex.json") | {"model": "local"}
    status, headers, raw = await stage.ask(asked(body, caller=HOME))
    assert status == 200
    final = events_of(raw)[-1]["response"]
    assert "amber" in final["output"][0]["content"][0]["text"]
    assert "encrypted_content" in headers["x-perimeter-lost"]
    assert stage.ledger.settled[0].usage.input_tokens == final["usage"]["input_tokens"]


async def test_a_whole_reply_of_another_dialect_is_one_of_its_own() -> None:
    stage = a_stage(cloud=[ScriptedReply(engine_bytes.chat_whole())])
    _, _, raw = await stage.ask(asked({"model": "code", "input": "hello"}))
    assert whole(raw).output_text


@pytest.mark.parametrize("cut", [b"response.completed", b"response.output_text.done"])
async def test_a_stream_that_breaks_off_ends_with_a_failed_response(cut: bytes) -> None:
    half = STREAM[: STREAM.index(b"event: " + cut)]
    stage = a_stage(vllm=[ScriptedReply(half, content_type=SSE)])
    _, _, raw = await stage.ask(asked(caller=HOME))
    assert raw.startswith(half)
    assert lumps_of(raw)[-1]["type"] == "response.failed"
    assert b"response.completed" not in raw
    assert stage.ledger.settled[0].outcome is OutcomeKind.FAILED


async def test_a_response_that_fails_before_any_content_is_tried_elsewhere() -> None:
    failed = b'event: error\ndata: {"type":"error","message":"boom"}\n\n'
    replies = [ScriptedReply(lump, content_type=SSE) for lump in (failed, STREAM)]
    stage = a_stage(vllm=replies[:1], **{"vllm-2": replies[1:]})
    status, _, raw = await stage.ask(asked(caller=HOME))
    assert (status, raw) == (200, STREAM)


async def test_state_that_is_kept_elsewhere_is_refused_and_recorded() -> None:
    stage = a_stage()
    body = {"model": "code", "input": "hello", "previous_response_id": "resp_1"}
    status, _, raw = await stage.ask(asked(body, caller=HOME))
    assert status == 400
    assert b"previous_response_id is not accepted" in raw
    assert stage.sender.sent == []
    assert stage.ledger.settled[0].error == "malformed"


async def test_a_workspace_that_codex_tells_keeps_the_request_at_home() -> None:
    stage = a_stage(vllm=[ScriptedReply(STREAM, content_type=SSE)])
    remote = "git@git.corp.example:nobody/knows.git"
    claims = {"workspaces": (remote,)}
    await stage.ask(asked(caller={"repos": ("website",)}, claims=claims))
    decided = stage.ledger.decided[0]
    assert "claim:workspace" in [signal.source for signal in decided.signals]
    assert stage.ledger.personal[0].repo == "git.corp.example/nobody/knows"


async def test_what_identifies_leaves_the_premises_with_no_response() -> None:
    backends = {"cloud": VLLM}
    stage = a_stage(cloud=[ScriptedReply(WHOLE)])
    stage.house = replace(stage.house, backends=stage.house.backends | backends)
    stage.exchange = type(stage.exchange)(stage.house)
    body = {
        "model": "code",
        "input": "hello",
        "instructions": "be brief",
        "user": "ada",
        "prompt_cache_key": "session",
        "acme_secret": 1,
    }
    status, headers, _ = await stage.ask(asked(body))
    assert status == 200
    sent = msgspec.json.decode(stage.sender.sent[0][1].body)
    assert set(sent) == {"model", "input", "instructions", "store"}
    assert headers["x-perimeter-lost"] == "user, prompt_cache_key, unknown_field"


SAID = b'{"error":{"message":"S-said","type":"x","code":null}}'
PAGE = b"<!doctype html><html><body>S-page</body></html>"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "body", "heard", "kind"),
    [
        (429, SAID, 502, "rate_limited"),
        (503, SAID, 502, "overloaded"),
        (529, SAID, 502, "overloaded"),
        (401, SAID, 502, "unreadable"),
        (404, SAID, 502, "unreadable"),
        (500, SAID, 502, "unreadable"),
        (400, SAID, 400, "rejected"),
        (200, PAGE, 502, "unreadable"),
        (502, PAGE, 502, "unreachable"),
    ],
    ids=["429", "503", "529", "401", "404", "500", "400", "html", "502-html"],
)
async def test_an_engine_of_the_dialect_that_fails_is_told_in_openais_form(
    status: int, body: bytes, heard: int, kind: str, stream: bool
) -> None:
    more = {"retry-after": "60"}
    failing = [ScriptedReply(body, status=status, content_type="x/y", **more) for _ in range(2)]
    stage = a_stage(vllm=failing[:1], **{"vllm-2": failing[1:]})
    asks = {"model": "code", "input": "hello", "stream": stream}
    told, headers, raw = await stage.ask(asked(asks, caller=HOME))
    error = openai_responses(Heard(told, headers, raw))
    assert (error.status, error.kind) == (
        heard,
        "BadRequestError" if heard == 400 else "InternalServerError",
    )
    assert headers["x-perimeter-record"] in error.said
    assert ("S-said" in error.said) == (heard == 400)
    assert "S-page" not in error.said
    if status in {429, 503, 529}:
        assert error.retry_after == "60"
    settled = stage.ledger.settled[0]
    assert (settled.outcome, settled.status) == (OutcomeKind.FAILED, heard)
    assert {one.outcome.failure.kind for one in settled.tried} == {kind}
