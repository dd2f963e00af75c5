"""A vLLM server that serves less than the catalogue says is not asked."""

import msgspec
import pytest

from gateway.backends.vllm import CONTROLS, VLLM, refuse_controls, salted
from gateway.dialects import DIALECTS
from gateway.domain.errors import CannotExpress
from gateway.domain.request import Operation
from gateway.transport.probes import Probes
from tests.doubles.fleets import an_offering
from tests.doubles.scripted_server import Peer, ScriptedServer
from tests.doubles.transport_parts import Shell, a_target

pytestmark = pytest.mark.anyio
MODEL = "Qwen/Qwen3"


async def rests(status: int, listed: object, tokens: int = 100) -> str:
    body = msgspec.json.encode(listed)
    head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n\r\n".encode()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        asked = await peer.request()
        assert asked.startswith(b"GET /v1/models ")
        await peer.say(head + body)

    async with ScriptedServer(script) as server:
        target = a_target(server, kind=VLLM, models=(MODEL,), contexts={MODEL: tokens})
        shell = Shell(target)
        await Probes([target], shell.sender, shell.health, lambda: 0.5).once()
        await shell.sender.close()
        resting = shell.health.resting()
        return resting.get("vllm", "") or resting.get(f"vllm/{MODEL}", "")


def serving(tokens: int | None, name: str = MODEL) -> dict:
    return {"object": "list", "data": [{"id": name, "max_model_len": tokens, "root": "/m"}]}


async def test_a_server_with_all_the_context_is_well() -> None:
    assert await rests(200, serving(100)) == ""
    assert await rests(200, serving(None)) == ""
    assert await rests(200, {"object": "list", "data": []}) == ""


async def test_a_server_with_less_context_than_the_catalogue_says_rests() -> None:
    assert await rests(200, serving(99)) == "serves 99 tokens of context, the catalogue says 100"


async def test_a_server_of_another_model_rests() -> None:
    assert await rests(200, serving(100, "other")) == "the server does not serve that model"
    assert await rests(401, {}) == "/v1/models: status 401"
    assert await rests(200, {"data": 7}) == "probe: the answer cannot be read"


@pytest.mark.parametrize("way", VLLM.ways, ids=lambda way: way.dialect.name)
def test_no_way_takes_what_reaches_past_the_prompt(way) -> None:
    assert way.takes is not None
    assert not way.takes & CONTROLS
    replies = way.dialect.operation in {Operation.GENERATE, Operation.COUNT}
    assert not replies or way.dialect.may_leave <= way.takes
    assert DIALECTS[way.dialect.name] is way.dialect


def test_a_control_is_refused_and_null_is_none() -> None:
    offering = an_offering("qwen", "vllm", "on_prem")
    assert refuse_controls({"mm_payload": None}, offering) == {"mm_payload": None}
    with pytest.raises(CannotExpress, match="mm_payload"):
        refuse_controls({"mm_payload": {}}, offering)
    assert salted({"a": 1}, "t") == {"a": 1, "cache_salt": "t"}
