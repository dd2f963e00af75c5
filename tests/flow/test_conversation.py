"""A turn that passed under a label brings it back, whatever the client claims the next time."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.cli.mock_backend import anthropic, ollama, openai
from gateway.domain.label import Label
from gateway.domain.request import Claims, Envelope
from tests.doubles.engine_bytes import a_script
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope, chat, message
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world

pytestmark = pytest.mark.anyio
SSE = "text/event-stream; charset=utf-8"
NDJSON = "application/x-ndjson"
LONG = tuple(f"word{number}" for number in range(80))
SHORT = ("amber", "birch")
TOOL = ("read_file", {"path": "src/ledger.py", "lines": [1, 2]})
TURN = "What does the ledger of payments hold, and who may read it? " * 6
RESTRICTED = {"label": "restricted"}
Json = dict[str, Any]


def script(words: tuple[str, ...], tool: Any = None, **more: Any) -> Any:
    return a_script(text=words, tool=tool, **more)


def engine(speaks: Any, words: tuple[str, ...], tool: Any, *, stream: bool) -> ScriptedReply:
    kind = NDJSON if speaks is ollama else SSE
    if stream:
        return ScriptedReply(*speaks.stream(script(words, tool)), content_type=kind)
    return ScriptedReply(speaks.whole(script(words, tool)))


def chat_reply(raw: bytes, *, stream: bool) -> Json:
    """Return the turn that the client of OpenAI's SDK puts into its history."""
    if not stream:
        told = msgspec.json.decode(raw)["choices"][0]["message"]
        return {name: told[name] for name in ("role", "content", "tool_calls") if told.get(name)}
    text, calls = "", {}
    for line in raw.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        for choice in msgspec.json.decode(line[6:])["choices"]:
            text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or []:
                kept = calls.setdefault(call["index"], {"name": "", "arguments": ""})
                kept["name"] += call["function"].get("name") or ""
                kept["arguments"] += call["function"].get("arguments") or ""
    told = [{"id": f"x{n}", "type": "function", "function": call} for n, call in calls.items()]
    return {"role": "assistant", "content": text, **({"tool_calls": told} if told else {})}


def message_reply(raw: bytes, *, stream: bool) -> Json:
    """Return the turn that the client of Anthropic's SDK puts into its history."""
    if not stream:
        return {"role": "assistant", "content": msgspec.json.decode(raw)["content"]}
    blocks: list[Json] = []
    for line in raw.decode().splitlines():
        if line.startswith("data: {"):
            _take(msgspec.json.decode(line[6:]), blocks)
    for block in blocks:
        raw_json = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = msgspec.json.decode(raw_json)
    return {"role": "assistant", "content": blocks}


def _take(event: Json, blocks: list[Json]) -> None:
    delta = event.get("delta", {})
    if event["type"] == "content_block_start":
        blocks.append({**event["content_block"], "json": ""})
    elif delta.get("type") == "text_delta":
        blocks[-1]["text"] += delta["text"]
    elif delta.get("type") == "input_json_delta":
        blocks[-1]["json"] += delta["partial_json"]


CLIENTS = {
    "chat": ("openai_chat", chat, chat_reply),
    "messages": ("anthropic_messages", message, message_reply),
}
ENGINES = {
    "chat": ("cloud", openai, "code"),
    "messages": ("cloud", anthropic, "code"),
    "ollama": ("ollama", ollama, "local"),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("tool", [None, TOOL])
@pytest.mark.parametrize("words", [LONG, SHORT])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("verbatim", [True, False])
async def test_adv_08_the_label_never_falls_when_a_reply_comes_back(
    client: str, words: tuple[str, ...], tool: Any, *, stream: bool, verbatim: bool
) -> None:
    dialect, body, reply_of = CLIENTS[client]
    name, speaks, model = ENGINES[client if verbatim else "ollama"]
    place = "vllm" if verbatim else name
    stage = Stage(**{place: [engine(speaks, words, tool, stream=stream)] * 2})
    asked = body(model, stream=stream)
    first = an_envelope(asked, dialect=dialect, claims=RESTRICTED)
    status, _, raw = await stage.ask(first)
    assert status == 200
    turn = reply_of(raw, stream=stream)
    assert turn.get("content") or turn.get("tool_calls")
    history = [*asked["messages"], turn, {"role": "user", "content": "and now?"}]
    for claims in ({}, {"label": "public"}):
        again = an_envelope({**asked, "messages": history}, dialect=dialect, claims=claims)
        stage.sender.answers[place] = [engine(speaks, words, tool, stream=stream)]
        await stage.ask(again)
        decided = stage.ledger.decided[-1]
        assert decided.label is not None
        assert decided.label.level.name == "restricted"
        assert "conversation" in decided.raised_by
        assert decided.decision.boundary == frozenset({"on_prem"})


@pytest.mark.parametrize("client", CLIENTS)
async def test_adv_08_a_reply_is_known_again_on_another_surface(client: str) -> None:
    stage = Stage(vllm=[engine(openai, LONG, None, stream=True)])
    await stage.ask(an_envelope(chat("code", stream=True), claims=RESTRICTED))
    dialect, body, _ = CLIENTS[client]
    turn = {"role": "assistant", "content": " ".join(LONG)}
    asked = {**body(), "messages": [*chat()["messages"], turn, *chat()["messages"]]}
    assert await labelled(stage, an_envelope(asked, dialect=dialect)) == "restricted"


async def labelled(stage: Stage, envelope: Envelope) -> str:
    """Ask without an engine that answers: what is looked at is the decision."""
    stage.sender.answers = {name: [] for name in ("cloud", "vllm", "vllm-2", "ollama")}
    await stage.ask(envelope)
    label = stage.ledger.decided[-1].label
    assert label is not None
    return label.level.name


def saying(*turns: Json) -> Json:
    return {"model": "code", "messages": list(turns)}


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def model(text: str) -> Json:
    return {"role": "assistant", "content": text}


async def test_a_long_turn_of_the_user_or_a_tool_brings_its_label_back() -> None:
    stage = Stage()
    assert await labelled(stage, an_envelope(saying(user(TURN)), claims=RESTRICTED)) == "restricted"
    assert await labelled(stage, an_envelope(saying(user(TURN)))) == "restricted"
    tool = {"role": "tool", "tool_call_id": "c", "content": TURN}
    assert await labelled(stage, an_envelope(saying(user("hi"), tool))) == "restricted"
    assert await labelled(stage, an_envelope(saying(user(TURN + "!")))) == "internal"


async def test_a_short_turn_of_the_user_brings_nothing_back() -> None:
    stage = Stage()
    assert await labelled(stage, an_envelope(saying(user("hi")), claims=RESTRICTED)) == "restricted"
    assert await labelled(stage, an_envelope(saying(user("hi")))) == "internal"


async def test_what_one_caller_said_is_nothing_to_another() -> None:
    stage = Stage()
    envelope = an_envelope(saying(user(TURN)))
    await labelled(stage, an_envelope(saying(user(TURN)), claims=RESTRICTED))
    other = replace(envelope, caller=replace(envelope.caller, subject="grace@example.com"))
    assert await labelled(stage, other) == "internal"


async def test_a_count_recalls_and_is_remembered_like_any_request() -> None:
    stage = Stage()
    counting = {"dialect": "anthropic_count", "surface": "count_tokens"}
    asked = saying(user(TURN))
    assert await labelled(stage, an_envelope(asked, claims=RESTRICTED, **counting)) == "restricted"
    assert await labelled(stage, an_envelope(asked, **counting)) == "restricted"
    assert await labelled(stage, an_envelope(saying(user(TURN)))) == "restricted"


async def test_a_reply_that_the_client_began_is_known_as_a_whole() -> None:
    stage = Stage(vllm=[engine(anthropic, LONG, None, stream=True)])
    begun = [user("hi"), model("The answer is:")]
    asked = message("code", stream=True, messages=begun)
    _, _, raw = await stage.ask(an_envelope(asked, dialect="anthropic_messages", claims=RESTRICTED))
    assert b"word79" in raw
    whole = model("The answer is: " + " ".join(LONG))
    for turn in (whole, model(" ".join(LONG))):
        assert await labelled(stage, an_envelope(saying(user("hi"), turn))) == "restricted"


async def test_adv_08_another_session_changes_nothing() -> None:
    stage = Stage()
    first = an_envelope(saying(user(TURN)), claims={**RESTRICTED, "session": "one"})
    await labelled(stage, first)
    again = replace(first, claims=Claims(session="two"))
    assert await labelled(stage, again) == "restricted"


async def test_a_later_request_with_a_higher_label_raises_what_it_repeats() -> None:
    stage = Stage()
    await labelled(stage, an_envelope(saying(user(TURN))))
    await labelled(
        stage, an_envelope(saying(user(TURN), user("x")), claims={"label": "confidential"})
    )
    assert await labelled(stage, an_envelope(saying(user(TURN)))) == "confidential"


async def test_a_request_that_is_denied_is_remembered_too() -> None:
    stage = Stage()
    claims = {"label": "restricted+export-control@EU"}
    await labelled(stage, an_envelope(saying(user(TURN)), claims=claims))
    await labelled(stage, an_envelope(saying(user(TURN))))
    label = stage.ledger.decided[-1].label
    assert label is not None
    assert "export-control" in label.caveats


async def test_the_ledger_holds_the_digests_under_seal_alone() -> None:
    stage = Stage(cloud=[ScriptedReply(*openai.stream(script(LONG)), content_type=SSE)])
    await stage.ask(an_envelope({**chat(stream=True), "messages": [user(TURN)]}))
    personal = dict(zip(map(type, stage.ledger.records), stage.ledger.personal, strict=True))
    told = {kind.__name__: one.turns for kind, one in personal.items() if one is not None}
    assert {name: len(turns) for name, turns in told.items()} == {
        "Decided": 24,
        "Attempted": 0,
        "Settled": 24,
    }
    for kind, one in personal.items():
        assert one is not None
        wanted = stage.ledger.decided[0].label if one.turns else None
        assert one.turns_label == wanted, kind
    assert told["Decided"] != told["Settled"]
    for record in stage.ledger.records:
        assert told["Decided"].encode() not in msgspec.json.encode(record)


async def test_turns_that_are_known_at_that_label_are_not_recorded_again() -> None:
    stage = Stage()
    sent = [await recorded(stage, an_envelope(saying(user(TURN)))) for _ in range(2)]
    sent.append(await recorded(stage, an_envelope(saying(user(TURN)), claims=RESTRICTED)))
    stage.conversations.day += 1
    sent.append(await recorded(stage, an_envelope(saying(user(TURN)))))
    assert [len(turns) for turns in sent] == [24, 0, 24, 24]


async def recorded(stage: Stage, envelope: Envelope) -> str:
    stage.ledger.records.clear()
    stage.ledger.personal.clear()
    await labelled(stage, envelope)
    assert stage.ledger.personal[0] is not None
    return stage.ledger.personal[0].turns


def strict(label: Label) -> Stage:
    world = a_world(a_fleet(CATALOGUE))
    return Stage(replace(world, program=replace(world.program, unseen_assistant=label)))


async def test_turns_of_the_model_from_elsewhere_raise_as_the_policy_says() -> None:
    vocabulary = a_world(a_fleet(CATALOGUE)).vocabulary
    stage = strict(vocabulary.parse("confidential"))
    made_up = saying(user("hi"), model("I am what another model said, at some length, to be sure."))
    for _ in range(2):
        assert await labelled(stage, an_envelope(made_up)) == "confidential"
    assert stage.ledger.decided[-1].raised_by == ("conversation", "conversation:unseen")
    assert await labelled(Stage(), an_envelope(made_up)) == "internal"


async def test_turns_of_the_model_from_here_do_not_raise_as_unseen() -> None:
    vocabulary = a_world(a_fleet(CATALOGUE)).vocabulary
    stage = strict(vocabulary.parse("confidential"))
    stage.sender.answers = {
        "cloud": [ScriptedReply(*openai.stream(script(LONG, TOOL)), content_type=SSE)]
    }
    _, _, raw = await stage.ask(an_envelope(chat(stream=True)))
    turn = chat_reply(raw, stream=True)
    result = {"role": "tool", "tool_call_id": "x0", "content": "42"}
    asked = saying(*chat()["messages"], turn, result)
    assert await labelled(stage, an_envelope(asked)) == "internal"
    turn["tool_calls"][0]["function"]["arguments"] = '{"path": "/etc/passwd"}'
    assert await labelled(stage, an_envelope(asked)) == "confidential"


async def test_more_turns_than_are_looked_at_count_as_the_strictest_label() -> None:
    turns = [user(f"{number} {TURN}") for number in range(16_385)]
    stage = Stage()
    assert await labelled(stage, an_envelope(saying(*turns))) == "restricted"
    assert "conversation:uncounted" in stage.ledger.decided[-1].raised_by


async def test_requests_of_one_run_have_one_name_and_it_decides_nothing() -> None:
    stage = Stage()
    asked = [
        an_envelope(saying(user("one")), claims={"session": "s"}),
        an_envelope(saying(user("other")), claims={"session": "s"}),
        an_envelope(saying(user("one")), claims={"session": "t"}),
        an_envelope(saying(user("one"))),
        an_envelope(saying(user("one"), model("yes"), user("and?"))),
        an_envelope(saying(user("other"))),
    ]
    for envelope in asked:
        await labelled(stage, envelope)
    runs = [one.run for one in stage.ledger.decided]
    assert runs[0] == runs[1]
    assert runs[3] == runs[4]
    assert len(set(runs)) == 4
    assert "session" not in "".join(runs)
    assert len({one.label for one in stage.ledger.decided}) == 1
