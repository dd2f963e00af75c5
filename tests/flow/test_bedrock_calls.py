"""Calls to Bedrock, prepared and not yet sent, from clients of every kind."""

import msgspec
import pytest
from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.dialects import DIALECTS
from gateway.domain.caller import Caller
from gateway.domain.request import Claims, Envelope
from gateway.domain.route import Candidate
from gateway.flow.prepare import Border, Wish, prepare
from gateway.flow.ruling import asked
from gateway.transport import bedrock_terms
from gateway.transport.backend import Telling
from tests.doubles.bedrock_vendor import params_of
from tests.doubles.fleets import an_offering

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
CLAUDE = "eu.anthropic.claude-opus-5-5"
GPT = "openai.gpt-oss-120b-1:0"
BETA = "interleaved-thinking-2025-05-14"
HELLO = [{"role": "user", "content": "hello"}]
SETTINGS = {"region": "eu-central-1"}


def prepared(dialect_name, body, model=CLAUDE, *, border=None, streams=None, settings=SETTINGS,
             **told):  # fmt: skip
    dialect = DIALECTS[dialect_name]
    envelope = Envelope(
        id=RECORD,
        received_us=0,
        caller=Caller("k", "s", "t"),
        surface="s",
        dialect=dialect_name,
        claims=Claims(),
        body=body,
        body_bytes=1,
        asked="" if "model" in body else "code",
        streams=streams,
        told={name.replace("_", "-"): value for name, value in told.items()},
    )
    candidate = Candidate(an_offering("m", "aws", "eu", wire_model=model))
    wish = Wish(dialect, asked(envelope, dialect))
    backend = BACKENDS["bedrock"].at(settings)
    made = prepare(envelope, wish, candidate, backend, border or Border(outside=True))
    return made, msgspec.json.decode(made.call.body), dict(made.call.headers)


def test_betas_of_the_head_stand_in_the_body_that_is_invoked() -> None:
    body = {"model": "code", "max_tokens": 5, "messages": HELLO, "stream": True}
    made, sent, fields = prepared("anthropic_messages", body, anthropic_beta=f"{BETA}, other-1")
    assert made.call.path == f"/model/{CLAUDE}/invoke-with-response-stream"
    assert sent == {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 5,
        "messages": HELLO,
        "anthropic_beta": [BETA],
    }
    assert made.losses == ("anthropic_beta",)
    assert fields["accept"] == "application/vnd.amazon.eventstream"
    assert fields["x-amzn-bedrock-accept"] == "application/json"
    assert fields["x-amzn-bedrock-request-metadata"] == f'{{"perimeter-record":"{RECORD}"}}'
    assert "anthropic-beta" not in fields


def test_betas_of_head_and_body_are_one_list() -> None:
    body = {"anthropic_version": "2026-10-21", "anthropic_beta": [BETA], "max_tokens": 5,
            "messages": HELLO}  # fmt: skip
    more = "tool-search-tool-2025-10-19"
    made, sent, fields = prepared("bedrock_invoke", body, streams=False, anthropic_beta=more)
    assert made.call.path == f"/model/{CLAUDE}/invoke"
    assert sent["anthropic_beta"] == [more, BETA]
    assert sent["anthropic_version"] == "bedrock-2023-05-31"
    assert made.losses == ()
    assert "x-amzn-bedrock-accept" not in fields


@pytest.mark.parametrize("kind", ["vllm", "anthropic"])
def test_what_a_body_of_bedrock_says_beside_the_messages_does_not_leak(kind: str) -> None:
    dialect = DIALECTS["bedrock_invoke"]
    body = {"anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["x-1"], "max_tokens": 5,
            "messages": HELLO}  # fmt: skip
    envelope = Envelope(RECORD, 0, Caller("k", "s", "t"), "s", "bedrock_invoke", Claims(), body, 1,
                        asked="code", streams=True)  # fmt: skip
    candidate = Candidate(an_offering("m", "b", "z", wire_model="wire"))
    wish = Wish(dialect, asked(envelope, dialect))
    border = Border(outside=True)
    made = prepare(envelope, wish, candidate, BACKENDS[kind].at({}), border)
    sent = msgspec.json.decode(made.call.body)
    assert sent.items() >= {"max_tokens": 5, "messages": HELLO, "model": "wire"}.items()
    assert sent["stream"] is True
    assert not {"anthropic_version", "anthropic_beta"} & sent.keys()
    assert b"x-1" not in made.call.body


def test_betas_in_a_body_of_converse_are_those_that_bedrock_takes() -> None:
    said = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    for given, kept, losses in (
        ([BETA, "other-1"], [BETA], ("anthropic_beta",)),
        ([BETA], [BETA], ()),
        ("other-1", None, ("anthropic_beta",)),
    ):
        body = {**said, "additionalModelRequestFields": {"top_k": 1, "anthropic_beta": given}}
        made, sent, _ = prepared("bedrock_converse", body, streams=False)
        params_of(sent, CLAUDE)
        assert sent["additionalModelRequestFields"].get("anthropic_beta") == kept
        assert sent["additionalModelRequestFields"]["top_k"] == 1
        assert made.losses == losses


def test_metadata_that_policy_lets_pass_stands_beside_our_record() -> None:
    many = {f"k{number}": "v" for number in range(16)}
    body = {
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        "requestMetadata": many,
    }
    made, sent, _ = prepared("bedrock_converse", body, streams=False)
    assert sent["requestMetadata"] == {"perimeter-record": RECORD}
    assert made.losses == ("request_metadata",)
    passing = Border(outside=True, passed=frozenset({"request_metadata"}))
    made, sent, _ = prepared("bedrock_converse", body, streams=False, border=passing)
    params_of(sent, CLAUDE)
    assert sent["requestMetadata"]["perimeter-record"] == RECORD
    assert len(sent["requestMetadata"]) == 16
    assert made.losses == ()


def test_a_client_of_openai_passes_through_where_a_setting_opens_the_path() -> None:
    body = {"model": "code", "messages": HELLO}
    opened = {**SETTINGS, "compatible": True}
    made, sent, _ = prepared("openai_chat", body, GPT, settings=opened)
    assert made.call.path == "/openai/v1/chat/completions"
    assert sent["model"] == GPT
    made, sent, _ = prepared("openai_chat", body, GPT)
    assert made.call.path == "/model/openai.gpt-oss-120b-1%3A0/converse"
    params_of(sent, GPT)


def test_a_client_of_anthropic_passes_through_where_a_setting_opens_the_path() -> None:
    body = {"model": "code", "max_tokens": 5, "messages": HELLO, "temperature": 0.5}
    opened = {**SETTINGS, "compatible": True}
    made, sent, fields = prepared(
        "anthropic_messages", body, settings=opened, anthropic_beta=f"{BETA}, other-1"
    )
    assert made.call.path == "/anthropic/v1/messages"
    assert sent == {**body, "model": CLAUDE}
    assert (fields["anthropic-version"], fields["anthropic-beta"]) == ("2023-06-01", BETA)
    assert made.losses == ("anthropic_beta",)
    made, _, _ = prepared("anthropic_messages", body, "eu.amazon.nova-pro-v1:0", settings=opened)
    assert made.call.path.endswith("/converse")


def test_a_body_of_an_invocation_is_put_right_for_the_path_like_anthropics() -> None:
    body = {"anthropic_version": "bedrock-2023-05-31", "anthropic_beta": [BETA], "max_tokens": 5,
            "messages": HELLO}  # fmt: skip
    opened = {**SETTINGS, "compatible": True}
    made, sent, fields = prepared("bedrock_invoke", body, streams=True, settings=opened)
    assert made.call.path == "/anthropic/v1/messages"
    assert sent == {"max_tokens": 5, "messages": HELLO, "model": CLAUDE, "stream": True}
    assert fields["anthropic-beta"] == BETA
    assert made.losses == ()


def test_the_new_version_is_told_there_without_what_it_does_not_take() -> None:
    offering = replace(an_offering("m", "aws", "eu"), settings={"anthropic_version": "2026-10-21"})
    telling = Telling({}, offering, RECORD)
    assert bedrock_terms.told(telling) == ((("anthropic-version", "2026-10-21"),), ())
    body = {"messages": HELLO, "top_k": 3}
    assert bedrock_terms.sent(body, telling) == ({"messages": HELLO}, ("top_k",))


def test_a_count_of_an_anthropic_client_is_asked_of_bedrock() -> None:
    body = {"model": "code", "messages": HELLO, "system": "S-sys"}
    made, sent, _ = prepared("anthropic_count", body)
    params_of(sent, "anthropic.claude-opus-5-5", "CountTokens")
    assert made.call.path == f"/model/{CLAUDE}/count-tokens"
    assert sent["input"]["converse"]["system"] == [{"text": "S-sys"}]
    assert made.target.read_reply(b'{"inputTokens":9}')[0].tokens.input_tokens == 9


def test_a_claude_that_converses_gets_no_reasoning_that_no_claude_signed() -> None:
    way = next(w for w in BACKENDS["bedrock"].ways if w.dialect.name == "bedrock_converse")
    hidden = {"reasoningContent": {"redactedContent": "AA=="}}

    def thought(signature: str | None) -> dict[str, object]:
        signed = {} if signature is None else {"signature": signature}
        return {"reasoningContent": {"reasoningText": {"text": "hm", **signed}}}

    def fitted(model: str, *blocks: dict[str, object]):
        told = {"role": "user", "content": [{"text": "hi"}]}
        body = {"messages": [told, {"role": "assistant", "content": list(blocks)}]}
        telling = Telling({}, replace(an_offering("m", "b", "z"), wire_model=model), "record")
        return body, *way.fitted(body, telling)

    claude, ours = "eu.anthropic.claude-opus-5-5", "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"
    for foreign in (None, "", "9f86d081884c7d659a2feaa0c55ad015"):
        _, found, lost = fitted(claude, thought(foreign), {"text": "so"})
        assert found["messages"][1]["content"] == [{"text": "so"}]
        assert lost == ("thinking_unsigned",)
        _, found, _ = fitted(claude, thought(foreign))
        assert len(found["messages"]) == 1
        body, found, lost = fitted("openai.gpt-oss-120b-1:0", thought(foreign))
        assert (found, lost) == (body, ())
    body, found, lost = fitted(claude, thought(ours), hidden)
    assert found is body
    assert lost == ()
