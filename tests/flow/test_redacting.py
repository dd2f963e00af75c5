"""What raised the label is taken out, looked for again, and comes back in the reply."""

from base64 import b64encode
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.cli.mock_backend import anthropic, ollama, openai
from gateway.domain.decision import Effect
from gateway.flow.naming import keyed
from gateway.flow.replay import replay
from gateway.stores.scanner import DetectorScanner
from tests.doubles import engine_bytes
from tests.doubles.compiled_detectors import all_detectors
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, PLACEHOLDER_KEY, Stage, an_envelope, chat, message
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.vendor_secrets import FORMATS, Draw
from tests.doubles.worlds import a_world, demo_with
from tests.flow import test_replay

pytestmark = pytest.mark.anyio
SSE, NDJSON = "text/event-stream; charset=utf-8", "application/x-ndjson"
PAT = FORMATS["github-pat"](Draw("redaction"))
SEALED = "This was thought under a seal."
ASKED = f"Why does {PAT} not work?"
HIDE = {"id": "hide", "effect": "oblige", "when": {"detector": ["github-pat"]}}
NAMED = keyed(PLACEHOLDER_KEY)("team", PAT)
PLACEHOLDER = f"[[redacted:github-pat:{NAMED}]]"


def a_stage(
    *, restores: bool = False, rules: tuple[dict[str, Any], ...] = (), **answers: Any
) -> Stage:
    compiled = demo_with(HIDE | {"obligations": ["redact"]}, *rules)
    world = a_world(a_fleet(CATALOGUE), compiled)
    program = replace(world.program, restores_tools=restores)
    return with_detectors(Stage(replace(world, program=program), **answers))


def with_detectors(stage: Stage) -> Stage:
    scanner = DetectorScanner(all_detectors(), b"a key of fingerprints")
    stage.house = replace(stage.house, scanner=scanner)
    stage.exchange = type(stage.exchange)(stage.house)
    return stage


def asked(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def asking(text: str = ASKED, **more: Any) -> dict[str, Any]:
    return chat(**more) | {"messages": asked(text)}


def replying(*words: str) -> Any:
    return engine_bytes.a_script(text=words or ("Because", PLACEHOLDER, "is old."))


def cut_up(*chunks: bytes, content_type: str) -> ScriptedReply:
    """The engine's reply, with the placeholder cut in two by its own events."""
    rest = PLACEHOLDER[15:].encode()
    whole = (one.replace(b" REST", rest).replace(b"REST", rest) for one in chunks)
    return ScriptedReply(*whole, content_type=content_type)


CUT = ("Because", PLACEHOLDER[:15], "REST is old.")


def sent(stage: Stage) -> bytes:
    return b"".join(call.body for _, call in stage.sender.sent)


async def test_what_was_found_does_not_leave_and_the_label_is_lower_for_it() -> None:
    stage = a_stage(cloud=[ScriptedReply(openai.whole(replying()))])
    status, _, raw = await stage.ask(an_envelope(asking()))
    assert status == 200, raw
    assert [call.backend for _, call in stage.sender.sent] == ["cloud"]
    assert PAT.encode() not in sent(stage)
    assert PLACEHOLDER.encode() in sent(stage)
    assert f"Because {PAT} is old.".encode() in raw
    assert b"[[redacted" not in raw


async def test_without_the_obligation_the_same_request_stays_at_home() -> None:
    stage = a_stage(vllm=[ScriptedReply(openai.whole(replying("ok")))])
    program = replace(stage.worlds.world.program, duties=())
    stage.worlds.world = replace(stage.worlds.world, program=program)
    await stage.ask(an_envelope(asking()))
    assert [call.backend for _, call in stage.sender.sent] == ["vllm"]
    assert PAT.encode() in sent(stage)


async def test_both_decisions_are_recorded_and_can_be_made_again() -> None:
    stage = a_stage(cloud=[ScriptedReply(openai.whole(replying()))])
    await stage.ask(an_envelope(asking()))
    (decided,) = stage.ledger.decided
    first = decided.redaction
    assert (first.decision.effect, first.decision.reason) == (Effect.DENY, "redact_first")
    assert str(first.label) == "restricted+secret"
    assert (first.replaced, first.failed) == ({"github-pat": 1}, UNSET)
    assert first.findings == {"github-pat"}
    assert [signal.source for signal in first.found] == ["detector:secrets"]
    assert (decided.decision.effect, str(decided.label)) == (Effect.PERMIT, "internal")
    assert decided.finding_kinds == {"github-pat": 1}
    assert decided.facts.findings == frozenset()
    (settled,) = stage.ledger.settled
    assert settled.reply_restored == 1


def stored(*more: dict[str, Any]) -> dict[str, Any]:
    """The documents of `tests.flow.test_replay`, with rules that oblige to redact."""
    store = test_replay.a_store()
    policy, catalogue = store
    rules = [*store[policy]["policy"]["rules"], HIDE | {"obligations": ["redact"]}, *more]
    value = {**store[policy], "policy": {**store[policy]["policy"], "rules": rules}}
    return {canonical.digest(value): value, catalogue: store[catalogue]}


@pytest.mark.parametrize("text", [ASKED, f"{ASKED} [[redacted:x:aaaa]]"], ids=["done", "refused"])
async def test_an_auditor_makes_both_decisions_again(text: str) -> None:
    store = stored()
    stage = with_detectors(Stage(test_replay.a_world(store)))
    await stage.ask(an_envelope(asking(text, model="review"), caller={"repos": ("website",)}))
    record = test_replay.kept(stage.ledger.decided[0])
    assert record.redaction is not UNSET
    assert replay(record, store.__getitem__) == ()
    first = record.redaction
    lower = replace(record, redaction=replace(first, label=first.label.meet(record.label)))
    silent = replace(record, redaction=UNSET)
    unfound = replace(record, redaction=replace(first, found=(), findings=frozenset()))
    for forged in (lower, unfound) if record.candidates else (lower, silent, unfound):
        assert replay(forged, store.__getitem__) != () or forged == record


async def test_a_request_without_findings_is_decided_once() -> None:
    stage = a_stage(cloud=[ScriptedReply(openai.whole(replying("ok")))])
    await stage.ask(an_envelope(chat()))
    (decided,) = stage.ledger.decided
    assert decided.redaction is UNSET
    assert stage.ledger.settled[0].reply_restored is UNSET


WAYS = {
    "OpenAI to OpenAI": (
        "cloud",
        lambda: cut_up(*openai.stream(replying(*CUT)), content_type=SSE),
        lambda: an_envelope(asking(stream=True)),
    ),
    "Anthropic to Anthropic": (
        "vllm",
        lambda: cut_up(*anthropic.stream(replying(*CUT)), content_type=SSE),
        lambda: an_envelope(
            message(stream=True) | {"messages": asked(ASKED)},
            dialect="anthropic_messages",
            caller={"repos": ("payments",)},
        ),
    ),
    "Ollama to OpenAI": (
        "ollama",
        lambda: cut_up(*ollama.stream(replying(*CUT)), content_type=NDJSON),
        lambda: an_envelope(asking(model="local", stream=True)),
    ),
    "whole, Ollama to Anthropic": (
        "ollama",
        lambda: ScriptedReply(ollama.whole(replying())),
        lambda: an_envelope(
            message("local") | {"messages": asked(ASKED)}, dialect="anthropic_messages"
        ),
    ),
    "whole, OpenAI to OpenAI": (
        "cloud",
        lambda: ScriptedReply(openai.whole(replying())),
        lambda: an_envelope(asking()),
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_placeholders_come_back_as_what_they_stand_for(way: str) -> None:
    engine, reply, envelope = WAYS[way]
    stage = a_stage(**{engine: [reply()]})
    status, _, raw = await stage.ask(envelope())
    assert status == 200, raw
    assert PAT.encode() not in sent(stage)
    assert b"redacted:" not in raw
    assert PAT.encode() in raw
    (settled,) = stage.ledger.settled
    assert settled.reply_restored == 1
    passed = way in {"OpenAI to OpenAI", "Anthropic to Anthropic"}
    assert ("verbatim_stream" in settled.losses) == passed
    assert ("verbatim_reply" in settled.losses) == (way == "whole, OpenAI to OpenAI")
    assert "other_replies" not in settled.losses


@pytest.mark.parametrize("stream", [False, True])
async def test_of_several_replies_the_others_are_a_loss(stream: bool) -> None:
    script = replace(replying(), choices=2, stream=stream)
    whole = b"".join(openai.stream(script)) if stream else openai.whole(script)
    reply = ScriptedReply(whole, content_type=SSE) if stream else ScriptedReply(whole)
    stage = a_stage(cloud=[reply])
    status, _, raw = await stage.ask(an_envelope(asking(n=2, stream=stream)))
    assert status == 200, raw
    assert PAT.encode() in raw
    assert b"redacted:" not in raw
    assert "other_replies" in stage.ledger.settled[0].losses


async def test_a_finding_has_one_placeholder_on_every_turn_and_another_elsewhere() -> None:
    bodies = []
    for team in ("team", "team", "another"):
        stage = a_stage(cloud=[ScriptedReply(openai.whole(replying("ok")))])
        await stage.ask(an_envelope(asking(), caller={"team": team}))
        bodies.append(sent(stage))
    assert bodies[0] == bodies[1]
    assert PLACEHOLDER.encode() not in bodies[2]
    assert b"[[redacted:github-pat:" in bodies[2]


@pytest.mark.parametrize("name", [NAMED, "aaaabbbbccccdddd"], ids=["ours", "forged"])
async def test_a_placeholder_that_is_there_already_is_refused(name: str) -> None:
    stage = a_stage()
    text = f"{ASKED} [[redacted:github-pat:{name}]]"
    status, _, raw = await stage.ask(an_envelope(asking(text)))
    assert status == 400
    assert b"holds a placeholder already" in raw
    assert_refused(stage)


def assert_refused(stage: Stage, label: str = "restricted+secret") -> None:
    assert stage.sender.sent == []
    (decided,) = stage.ledger.decided
    assert (decided.decision.effect, decided.decision.reason) == (Effect.DENY, "cannot_redact")
    assert decided.redaction.failed is not UNSET
    assert str(decided.label) == label
    assert canonical.decode(canonical.encode(decided)) == decided


async def test_what_is_owed_beside_the_redaction_is_owed_when_the_finding_is_gone() -> None:
    owed = ["no_log_bodies", "notify", "redact", "require_review"]
    rule = HIDE | {"obligations": owed, "cost_max_microusd": 10**9}
    stage = a_stage(cloud=[ScriptedReply(openai.whole(replying()))], rules=(rule | {"id": "owe"},))
    _, headers, _ = await stage.ask(an_envelope(asking()))
    (decided,) = stage.ledger.decided
    assert decided.decision.obligations == ("cost_max_microusd:1000000000", *owed)
    assert ("notice",) in stage.meters.counted
    assert headers["x-perimeter-obligations"] == "require_review, redact"
    [(event, fields)] = stage.log.lines
    assert (event, fields["rules"]) == ("policy_notifies", ("owe",))


async def test_a_rule_that_only_notifies_of_what_is_redacted_is_named() -> None:
    """It is no part of what made either answer: the first is to redact, the second finds none."""
    rule = HIDE | {"id": "tell", "obligations": ["notify"]}
    stage = a_stage(cloud=[ScriptedReply(openai.whole(replying()))], rules=(rule,))
    envelope = an_envelope(asking())
    assert (await stage.ask(envelope))[0] == 200
    told = {"record": envelope.id, "rules": ("tell",)}
    assert ("policy_notifies", told) in stage.log.lines


async def test_a_tag_that_a_rule_obliges_to_redact_is_taken_out_although_it_raises_nothing() -> (
    None
):
    mail = "ada.lovelace@mail.contoso.com"
    for when in ({"detector": "email"}, {"detector_count_min": 1}):
        hide = {"id": "mails", "effect": "oblige", "when": when, "obligations": ["redact"]}
        stage = a_stage(cloud=[ScriptedReply(openai.whole(replying("ok")))], rules=(hide,))
        status, _, raw = await stage.ask(an_envelope(asking(f"Write to {mail}, please.")))
        assert status == 200, raw
        assert mail.encode() not in sent(stage)
        assert stage.ledger.decided[0].redaction.replaced == {"email": 1}
        buried = a_stage(rules=(hide,))
        assert (await buried.ask(an_envelope(chat(metadata={mail: "x"}))))[0] == 400
        assert_refused(buried, "internal")


BURIED: dict[str, dict[str, Any]] = {
    "the name of a field": {"metadata": {PAT: "x"}},
    "base64": {"messages": asked(b64encode(f"the token {PAT} is old".encode()).decode())},
}


@pytest.mark.parametrize("where", BURIED)
async def test_adv_12_what_cannot_be_taken_out_is_not_sent(where: str) -> None:
    stage = a_stage()
    status, _, raw = await stage.ask(an_envelope(chat() | BURIED[where]))
    assert status == 400
    assert PAT.encode() not in raw
    assert_refused(stage)


async def test_what_a_model_thought_under_a_seal_is_not_altered() -> None:
    stage = a_stage()
    thought = {"type": "thinking", "thinking": f"{SEALED} {PAT}", "signature": "c2ln"}
    turns = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "yes"}]},
        {"role": "user", "content": "and now?"},
    ]
    body = message() | {"messages": turns}
    status, _, _ = await stage.ask(an_envelope(body, dialect="anthropic_messages"))
    assert status == 400
    assert_refused(stage)


async def test_what_the_key_and_the_client_say_stays_after_redaction() -> None:
    for bound in ({"caller": {"repos": ("payments",)}}, {"claims": {"label": "restricted"}}):
        stage = a_stage(vllm=[ScriptedReply(openai.whole(replying()))])
        await stage.ask(an_envelope(asking(), **bound))
        assert [call.backend for _, call in stage.sender.sent] == ["vllm"]
        assert PAT.encode() not in sent(stage)
        assert stage.ledger.decided[0].label.level.name == "restricted"


async def test_a_detector_that_fails_the_second_time_keeps_the_label_up() -> None:
    stage = a_stage(vllm=[ScriptedReply(openai.whole(replying()))])
    real, seen = stage.house.scanner.scan, []

    async def failing(body: dict[str, Any]) -> Any:
        seen.append(body)
        found = await real(body)
        return found if len(seen) == 1 else replace(found, failed=("secrets",))

    stage.house.scanner.scan = failing
    await stage.ask(an_envelope(asking()))
    assert [call.backend for _, call in stage.sender.sent] == ["vllm"]


@pytest.mark.parametrize("restores", [False, True])
async def test_arguments_of_tools_are_restored_only_where_policy_says_so(restores: bool) -> None:
    said = engine_bytes.a_script(text=(), tool=("look", {"q": f"about {PLACEHOLDER}"}))
    stage = a_stage(restores=restores, cloud=[ScriptedReply(openai.whole(said))])
    _, _, raw = await stage.ask(an_envelope(asking()))
    assert (PAT.encode() in raw) == restores
    assert (PLACEHOLDER.encode() in raw) == (not restores)


async def test_a_client_may_send_back_what_the_gateway_left_in_a_call_or_a_thought() -> None:
    stage = a_stage(cloud=[ScriptedReply(openai.whole(replying("ok")))])
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "f", "arguments": f'{{"q":"{PLACEHOLDER}"}}'},
    }
    turns = [
        {"role": "user", "content": ASKED},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
    ]
    status, _, raw = await stage.ask(an_envelope(chat() | {"messages": turns}))
    assert status == 200, raw


async def test_a_policy_that_obliges_to_redact_meanwhile_stops_what_was_not_redacted() -> None:
    stage = a_stage(cloud=[ScriptedReply(openai.whole(replying("ok")))])
    world = stage.worlds.world
    before = replace(world, program=replace(world.program, duties=()))
    always = demo_with({**HIDE, "when": {"any": True}, "obligations": ["redact"]})
    stage.worlds.world = before
    stage.house.scanner.scan = changing(stage, replace(world, program=always.program))
    status, _, _ = await stage.ask(an_envelope(chat()))
    assert status != 200
    assert stage.sender.sent == []


def changing(stage: Stage, then: Any) -> Any:
    """Scan, and put another policy in force meanwhile."""
    real = stage.house.scanner.scan

    async def scan(body: dict[str, Any]) -> Any:
        found = await real(body)
        stage.worlds.world = then
        return found

    return scan
