"""A conversation of which turns are redacted: what the client has, and what is sent of it."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.cli.mock_backend import anthropic, openai
from tests.doubles.houses import an_envelope, chat, message
from tests.doubles.scripted_sender import ScriptedReply
from tests.flow.test_redacting import ASKED, PAT, PLACEHOLDER, a_stage, asked, replying

pytestmark = pytest.mark.anyio
THOUGHT = {"type": "thinking", "thinking": f"The {PLACEHOLDER} is old.", "signature": "c2ln"}
HIDDEN = {"type": "redacted_thinking", "data": "b3BhcXVl"}


async def test_signed_thinking_comes_and_goes_as_it_is() -> None:
    said = msgspec.json.decode(anthropic.whole(replying()))
    said["content"] = [THOUGHT, HIDDEN, *said["content"]]
    stage = a_stage(vllm=[ScriptedReply(msgspec.json.encode(said))] * 2)
    turns: list[dict[str, Any]] = asked(ASKED)
    for _ in range(2):
        body = message() | {"messages": turns}
        repo = {"repos": ("payments",)}
        status, _, raw = await stage.ask(
            an_envelope(body, dialect="anthropic_messages", caller=repo)
        )
        assert status == 200, raw
        content = msgspec.json.decode(raw)["content"]
        assert content[:2] == [THOUGHT, HIDDEN]
        assert PAT in content[2]["text"]
        turns = [*turns, {"role": "assistant", "content": content}, *asked("And now?")]
    second = msgspec.json.decode(stage.sender.sent[1][1].body)
    assert second["messages"][1]["content"][:2] == [THOUGHT, HIDDEN]
    assert PLACEHOLDER in second["messages"][1]["content"][2]["text"]


async def test_what_was_redacted_once_is_no_less_of_a_secret_where_it_is_not() -> None:
    said = ScriptedReply(openai.whole(replying()))
    stage = a_stage(cloud=[said] * 2, vllm=[said] * 2)
    turns = asked(f"{ASKED} {'Say it all. ' * 40}")
    for _ in range(2):
        await stage.ask(an_envelope(chat() | {"messages": turns}))
        reply = {"role": "assistant", "content": f"Because {PAT} is old."}
        turns = [*turns, reply, *asked("Once more.")]
    assert [str(one.label) for one in stage.ledger.decided] == ["internal"] * 2
    program = replace(stage.worlds.world.program, duties=())
    stage.worlds.world = replace(stage.worlds.world, program=program)
    await stage.ask(an_envelope(chat() | {"messages": turns}))
    assert str(stage.ledger.decided[-1].label) == "restricted+secret"
    assert [call.backend for _, call in stage.sender.sent] == ["cloud", "cloud", "vllm"]
