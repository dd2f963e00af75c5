"""The life of one request, with scripted engines."""

import msgspec
import pytest

from gateway.audit import canonical
from gateway.backends import BACKENDS
from gateway.domain.decision import Effect, Finding, Scan
from gateway.domain.errors import BoundaryBreach
from gateway.domain.route import Failure, FailureKind, OutcomeKind
from tests.doubles import engine_bytes
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope, chat, message
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world

pytestmark = pytest.mark.anyio
REFUSED = Failure(FailureKind.UNREACHABLE, sent=False)
RESTRICTED = {"repos": ("payments",)}


def whole() -> ScriptedReply:
    return ScriptedReply(engine_bytes.chat_whole())


def body_of(raw: bytes) -> dict:
    return msgspec.json.decode(raw)


async def test_a_public_request_is_answered_by_preference_and_leaves_its_records() -> None:
    stage = Stage(cloud=[whole()])
    status, headers, raw = await stage.ask(an_envelope())
    assert status == 200
    assert raw == engine_bytes.chat_whole()
    record = headers["x-perimeter-record"]
    assert headers["request-id"] == headers["x-request-id"] == record
    assert stage.trace == ["durable:Decided+Attempted", "sent:cloud", "durable:Settled"]
    decided, settled = stage.ledger.decided[0], stage.ledger.settled[0]
    assert decided.id == settled.id == record
    assert decided.decision.effect is Effect.PERMIT
    assert decided.candidates == ("opus@cloud", "qwen@vllm", "qwen@vllm-2")
    assert settled.outcome is OutcomeKind.COMPLETED
    assert (settled.served_by, settled.zone) == ("opus@cloud", "frontier")
    assert settled.usage.input_tokens == 10
    assert settled.cost_microusd == 10 * 2 + 3 * 10
    assert settled.reply_bytes == len(raw)
    assert ("request", "chat_completions", "completed") in stage.meters.counted


async def test_an_attempt_says_through_which_proxy_and_nothing_where_there_is_none() -> None:
    stage = Stage(cloud=[REFUSED], vllm=[whole()])
    stage.sender.proxies["cloud"] = "proxy.example:3128"
    await stage.ask(an_envelope())
    first, second = stage.ledger.attempted
    assert (first.host, first.via_proxy) == ("cloud.example:8000", "proxy.example:3128")
    assert second.via_proxy is msgspec.UNSET
    assert b"via_proxy" not in canonical.encode(second)
    assert b'"via_proxy":"proxy.example:3128"' in canonical.encode(first)


async def test_restricted_code_never_leaves_the_premises() -> None:
    stage = Stage(vllm=[whole()])
    status, _, _ = await stage.ask(an_envelope(caller=RESTRICTED))
    assert status == 200
    assert [zone for zone, _ in stage.sender.sent] == ["on_prem"]
    decided = stage.ledger.decided[0]
    assert decided.decision.boundary == {"on_prem"}
    assert [(e.offering, e.reason) for e in decided.excluded] == [("opus@cloud", "clearance")]


async def test_adv_01_a_claim_of_a_lower_label_changes_nothing() -> None:
    stage = Stage(vllm=[whole()])
    await stage.ask(an_envelope(caller=RESTRICTED, claims={"label": "public"}))
    assert [zone for zone, _ in stage.sender.sent] == ["on_prem"]
    assert stage.ledger.decided[0].label.level.name == "restricted"


async def test_a_claim_of_a_higher_label_keeps_it_home() -> None:
    stage = Stage(vllm=[whole()])
    await stage.ask(an_envelope(claims={"label": "restricted+secret"}))
    assert [zone for zone, _ in stage.sender.sent] == ["on_prem"]
    assert "claim:label" in stage.ledger.decided[0].raised_by


async def test_a_secret_in_a_public_prompt_keeps_it_home() -> None:
    stage = Stage(vllm=[whole()])
    stage.scanner.found = Scan((Finding("secrets", "aws", "/messages/0/content", 0, 20),))
    await stage.ask(an_envelope(caller={"repos": ("website",)}))
    assert [zone for zone, _ in stage.sender.sent] == ["on_prem"]
    decided = stage.ledger.decided[0]
    assert decided.finding_kinds == {"aws": 1}
    assert str(decided.label) == "restricted+secret"


async def test_a_finding_that_only_tags_is_recorded_and_raises_nothing() -> None:
    stage = Stage(cloud=[whole()])
    stage.scanner.found = Scan((Finding("secrets", "generic", "/x", 0, 9, tag_only=True),))
    await stage.ask(an_envelope())
    assert [zone for zone, _ in stage.sender.sent] == ["frontier"]
    assert stage.ledger.decided[0].finding_kinds == {"generic": 1}


async def test_a_detector_that_fails_makes_the_label_stricter() -> None:
    stage = Stage(vllm=[whole()])
    stage.scanner.found = Scan(failed=("secrets",))
    await stage.ask(an_envelope())
    assert [zone for zone, _ in stage.sender.sent] == ["on_prem"]
    assert ("detector_failure", "secrets") in stage.meters.counted


async def test_a_failed_candidate_is_followed_by_the_next_of_the_same_route() -> None:
    stage = Stage(vllm=[REFUSED], vllm_2=[whole()])
    status, _, _ = await stage.ask(an_envelope(caller=RESTRICTED))
    assert status == 200
    assert stage.trace == [
        "durable:Decided+Attempted",
        "sent:vllm",
        "durable:Attempted",
        "sent:vllm-2",
        "durable:Settled",
    ]
    settled = stage.ledger.settled[0]
    assert [tried.outcome.kind for tried in settled.tried] == ["failed", "completed"]
    assert settled.served_by == "qwen@vllm-2"
    assert stage.health.resting == {"vllm": "unreachable"}


async def test_adv_40_on_prem_down_never_falls_back_to_the_cloud() -> None:
    stage = Stage(vllm=[REFUSED], vllm_2=[REFUSED])
    status, headers, raw = await stage.ask(an_envelope(caller=RESTRICTED))
    assert status == 502
    assert {zone for zone, _ in stage.sender.sent} == {"on_prem"}
    assert headers["x-perimeter-record"] in body_of(raw)["error"]["message"]
    assert stage.ledger.settled[0].error == "backend_failed"


async def test_all_resting_is_503_with_retry_after_and_nothing_sent() -> None:
    stage = Stage(a_world(a_fleet(CATALOGUE, vllm="x", vllm_2="x")))
    status, headers, _ = await stage.ask(an_envelope(caller=RESTRICTED))
    assert status == 503
    assert headers["retry-after"] == "5"
    assert stage.sender.sent == []
    assert stage.trace == ["durable:Decided+Settled"]


async def test_nothing_that_fits_is_400_and_said_once() -> None:
    stage = Stage()
    status, headers, raw = await stage.ask(an_envelope(chat("opus"), caller=RESTRICTED))
    assert status == 400
    assert headers["x-should-retry"] == "false"
    assert body_of(raw)["error"]["code"] == "no_model_fits"
    assert stage.ledger.settled[0].outcome is OutcomeKind.REFUSED


async def test_a_backend_that_goes_to_rest_between_attempts_is_not_tried() -> None:
    stage = Stage(vllm=[REFUSED])

    def rest(backend: str, reason: str) -> None:
        stage.worlds.world = a_world(a_fleet(CATALOGUE, vllm=reason, vllm_2="closed"))

    stage.health.rest = rest
    status, _, _ = await stage.ask(an_envelope(caller=RESTRICTED))
    assert status == 502
    assert [call.backend for _, call in stage.sender.sent] == ["vllm"]


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic_messages"])
async def test_an_unknown_model_is_refused_in_the_clients_own_form_and_recorded(dialect) -> None:
    stage = Stage()
    status, _, raw = await stage.ask(an_envelope(message("gpt-9"), dialect=dialect))
    assert status == 404
    assert "code" in body_of(raw)["error"]["message"]
    assert stage.trace == ["durable:Decided+Settled"]
    assert stage.ledger.decided[0].decision.effect is Effect.REFUSED
    assert stage.ledger.decided[0].ask is None


async def test_a_malformed_claim_is_refused_and_recorded() -> None:
    stage = Stage()
    status, _, _ = await stage.ask(an_envelope(claims={"label": "Public "}))
    assert status == 400
    assert stage.ledger.decided[0].decision.reason == "malformed"


async def test_an_error_while_judging_denies() -> None:
    stage = Stage()

    async def broken(body: object) -> Scan:
        raise RuntimeError("a planted fault")

    stage.scanner.scan = broken
    status, _, raw = await stage.ask(an_envelope())
    assert status == 500
    assert b"planted" not in raw
    assert stage.sender.sent == []
    assert stage.trace == ["durable:Decided+Settled"]


async def test_a_full_ledger_means_503_and_nothing_sent() -> None:
    stage = Stage(cloud=[whole()])
    stage.ledger.full = True
    status, headers, raw = await stage.ask(an_envelope())
    assert status == 503
    assert body_of(raw)["error"]["code"] == "ledger_unavailable"
    assert stage.sender.sent == []
    assert headers["retry-after"]


async def test_a_full_ledger_refuses_a_refusal_too() -> None:
    stage = Stage()
    stage.ledger.full = True
    status, headers, _ = await stage.ask(an_envelope(chat("gpt-9")))
    assert status == 503
    assert "x-perimeter-record" not in headers


async def test_a_breach_of_the_boundary_ends_the_request() -> None:
    stage = Stage(cloud=[BoundaryBreach("stopped")])
    status, _, _ = await stage.ask(an_envelope())
    assert status == 500
    assert len(stage.sender.sent) == 1
    assert stage.ledger.settled[0].error == "boundary_breach"


async def test_an_engine_behind_which_somebody_else_answers_is_quarantined() -> None:
    line = b'{"model":"tiny","remote_host":"https://x","message":{"content":"hi"},"done":true}'
    stage = Stage(ollama=[ScriptedReply(line)])
    status, _, raw = await stage.ask(an_envelope(chat("local")))
    assert status == 500
    assert b"hi" not in raw
    assert "ollama" in stage.health.quarantined


async def test_what_the_engine_rejects_reaches_the_client_and_is_not_tried_elsewhere() -> None:
    said = b'{"error":{"message":"max_tokens is too large","type":"BadRequestError","code":400}}'
    stage = Stage(cloud=[ScriptedReply(said, status=400)])
    status, _, raw = await stage.ask(an_envelope())
    assert status == 400
    assert "max_tokens is too large" in body_of(raw)["error"]["message"]
    assert len(stage.sender.sent) == 1
    assert stage.ledger.settled[0].tried[0].outcome.failure.said == ""


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_an_engine_that_does_not_let_us_in_is_not_the_clients_fault(status) -> None:
    stage = Stage(cloud=[ScriptedReply(b"{}", status=status)], vllm=[whole()])
    answered, _, _ = await stage.ask(an_envelope())
    assert answered == 200
    assert [call.backend for _, call in stage.sender.sent] == ["cloud", "vllm"]


async def test_a_rate_limit_is_followed_by_the_next_and_once_by_a_second_round() -> None:
    limited = ScriptedReply(b"{}", status=429, **{"retry-after": "0"})
    stage = Stage(cloud=[limited, whole()], vllm=[REFUSED], vllm_2=[limited])
    status, _, _ = await stage.ask(an_envelope())
    assert status == 200
    assert [call.backend for _, call in stage.sender.sent] == ["cloud", "vllm", "vllm-2", "cloud"]
    assert [record.number for record in stage.ledger.attempted] == [1, 2, 3, 4]


async def test_a_rate_limit_for_long_is_told_to_the_client() -> None:
    limited = ScriptedReply(b"{}", status=429, **{"retry-after": "60"})
    stage = Stage(ollama=[limited])
    status, headers, _ = await stage.ask(an_envelope(chat("local")))
    assert (status, headers["retry-after"]) == (502, "60")
    assert len(stage.sender.sent) == 1


async def test_a_reply_that_is_no_reply_is_tried_elsewhere() -> None:
    stage = Stage(cloud=[ScriptedReply(b"<html>sign in</html>")], vllm=[whole()])
    status, _, _ = await stage.ask(an_envelope())
    assert status == 200
    assert stage.ledger.settled[0].tried[0].outcome.failure.kind is FailureKind.UNREADABLE


async def test_the_record_holds_no_personal_field_in_clear() -> None:
    stage = Stage(cloud=[whole()])
    claims = {
        "repo": "https://ada:hunter2@git.example.com/web/website.git",
        "session": "session-9",
        "metadata": {"user": "ada"},
    }
    await stage.ask(an_envelope(claims=claims, address="192.0.2.7", client="agent/1"))
    clear = msgspec.json.encode(stage.ledger.records).decode()
    for canary in ("ada", "192.0.2.7", "session-9", "hunter2", "git.example", "agent/1", "hello"):
        assert canary not in clear
    personal = stage.ledger.personal[0]
    assert personal.repo == "git.example.com/web/website"
    assert personal.subject == "ada@example.com"


async def test_an_error_while_preparing_is_recorded_and_nothing_is_sent() -> None:
    stage = Stage()
    stage.house.backends["cloud"] = None
    status, headers, _ = await stage.ask(an_envelope())
    assert status == 500
    assert stage.sender.sent == []
    assert stage.trace == ["durable:Decided+Settled"]
    assert stage.ledger.decided[0].id == headers["x-perimeter-record"]


async def test_an_error_while_preparing_on_a_full_ledger_is_503() -> None:
    stage = Stage()
    stage.house.backends["cloud"] = None
    stage.ledger.full = True
    status, _, _ = await stage.ask(an_envelope())
    assert status == 503


async def test_losses_that_the_policy_refuses_are_refused_before_anything_is_sent() -> None:
    stage = Stage()
    program = msgspec.structs.replace(stage.worlds.world.program, on_loss="refuse")
    stage.worlds.world = msgspec.structs.replace(stage.worlds.world, program=program)
    status, _, raw = await stage.ask(an_envelope(chat("local", logit_bias={"1": 2})))
    assert status == 400
    assert "logit_bias" in body_of(raw)["error"]["message"]
    assert stage.trace == ["durable:Decided+Settled"]


async def test_a_refusal_by_policy_has_the_status_that_the_node_sets() -> None:
    stage = Stage()
    house = msgspec.structs.replace(stage.house, refusal_status=403)
    reply = await type(stage.exchange)(house).exchange(an_envelope(chat("opus"), caller=RESTRICTED))
    assert reply.status == 403


async def test_an_outcome_that_cannot_be_written_is_logged_without_content() -> None:
    stage = Stage(cloud=[whole()])
    append = stage.ledger.append

    async def once(records):
        stage.ledger.full = bool(stage.ledger.records)
        return await append(records)

    stage.ledger.append = once
    envelope = an_envelope()
    status, _, _ = await stage.ask(envelope)
    assert status == 200
    [(event, fields)] = stage.log.lines
    assert (event, fields["record"]) == ("settled_unwritten", envelope.id)


async def test_what_identifies_or_is_unknown_stays_on_the_premises() -> None:
    body = chat(user="ada", provider={"order": ["elsewhere"]}, jane_doe_canary=1, temperature=0.5)
    stage = Stage(cloud=[REFUSED], vllm=[whole()])
    _, _, _ = await stage.ask(an_envelope(body))
    (_, outside), (_, inside) = stage.sender.sent
    assert set(body_of(outside.body)) == {"model", "messages", "temperature"}
    assert set(body_of(inside.body)) == set(body)
    first, second = stage.ledger.attempted
    assert "user" in first.losses
    assert "unknown_field" in first.losses
    assert not any("canary" in loss for loss in first.losses)
    assert second.losses == ()


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic_messages"])
@pytest.mark.parametrize("field", ["kv_transfer_params", "request_id", "chat_template"])
async def test_no_caller_reaches_past_the_prompt_into_the_engine(dialect, field) -> None:
    stage = Stage()
    for name in ("vllm", "vllm-2"):
        stage.house.backends[name] = BACKENDS["vllm"]
    body = message("qwen", **{field: {"remote_host": "10.0.0.9"}})
    status, _, raw = await stage.ask(an_envelope(body, dialect=dialect, caller=RESTRICTED))
    assert status == 400
    assert field in body_of(raw)["error"]["message"]
    assert stage.sender.sent == []


@pytest.mark.parametrize("status", [200, 429])
async def test_a_remote_host_is_noticed_in_any_spelling_and_status(status) -> None:
    reply = b'{\n  "model": "tiny",\n  "remote_host": "https://x",\n  "done": true\n}'
    stage = Stage(ollama=[ScriptedReply(reply, status=status)])
    stage.house.backends["ollama"] = BACKENDS["ollama"]
    answered, _, _ = await stage.ask(an_envelope(chat("local")))
    assert answered == 500
    assert stage.health.quarantined.keys() == {"ollama"}
    assert stage.health.breached == ["ollama"]
