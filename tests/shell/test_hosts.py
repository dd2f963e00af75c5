"""Hosts that speak OpenAI's dialects: what each is sent, and what each is never asked for."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.dialects import DIALECTS
from gateway.domain.errors import CannotExpress
from gateway.domain.route import Candidate
from gateway.domain.secret import Secret
from gateway.flow.prepare import Border, Wish, prepare
from gateway.flow.ruling import asked
from gateway.transport.backend import Backend, no_source
from gateway.transport.guard import Place
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import GOLDENS, assert_golden_json
from tests.doubles.houses import an_envelope

HOSTS = sorted(path.stem for path in (GOLDENS / "hosts").glob("*.json"))
OFFERING = replace(an_offering("m", "host", "frontier", wire_model="maker/model"), fim="native")
HERE = Place("host", "https", "api.example", 443, "frontier")
CALL = {"id": "call_0123456789", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CHAT = {
    "model": "m",
    "messages": [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_0123456789", "content": "done"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "max_completion_tokens": 9,
    "seed": 7,
}
QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("openai_chat", CHAT),
    "chat stream": ("openai_chat", {**CHAT, "stream": True}),
    "chat, who asks and how sure": (
        "openai_chat",
        {**CHAT, "user": "ada", "logprobs": True, "top_k": 3, "provider": {"order": ["x"]}},
    ),
    "chat, two replies": ("openai_chat", {**CHAT, "n": 2}),
    "responses": ("openai_responses", {"model": "m", "input": "hello"}),
    "embeddings": ("openai_embeddings", {"model": "m", "input": ["a"], "dimensions": 8}),
    "completions": ("openai_completions", {"model": "m", "prompt": "a", "suffix": "b", "seed": 7}),
}


def answered(backend: Backend, dialect_name: str, body: dict[str, Any]) -> Any:
    """Return what the host is sent, or why it is sent nothing."""
    dialect = DIALECTS[dialect_name]
    envelope = an_envelope(body, dialect=dialect_name)
    wish = Wish(dialect, asked(envelope, dialect))
    if dialect.operation not in backend.operations(OFFERING.wire_model):
        return f"cannot {dialect.operation}"
    try:
        made = prepare(envelope, wish, Candidate(OFFERING), backend, Border(outside=True))
    except CannotExpress as error:
        return error.what
    told = [made.call.path, msgspec.json.decode(made.call.body)]
    return [*told, list(made.losses)] if made.losses else told


@pytest.mark.parametrize("kind", HOSTS)
def test_each_host_is_sent_what_was_agreed(kind: str) -> None:
    backend = BACKENDS[kind].at({})
    sent = {name: answered(backend, *question) for name, question in QUESTIONS.items()}
    assert_golden_json(f"hosts/{kind}.json", sent)


def test_each_host_has_its_golden() -> None:
    hosts = {
        name
        for name, record in BACKENDS.items()
        if record.is_cloud and record.source is no_source
        if any(way.dialect.family == "openai_chat" for way in record.ways)
    }
    assert hosts == set(HOSTS)


@pytest.mark.parametrize("kind", HOSTS)
def test_each_host_is_asked_with_a_bearer_through_the_cloud_client(kind: str) -> None:
    record = BACKENDS[kind]
    assert record.name == kind
    assert record.credential(Secret("sk-canary")) == (("authorization", "Bearer sk-canary"),)
    assert not record.probe_path
    if kind not in {"openai", "openai_compatible"}:
        with pytest.raises(ValueError, match="needs a secret"):
            record.credential(None)


@pytest.mark.parametrize("kind", ["openrouter", "perplexity"])
def test_who_passes_a_prompt_on_answers_from_anywhere(kind: str) -> None:
    assert BACKENDS[kind].anywhere(OFFERING, {})
    assert not BACKENDS["groq"].anywhere(OFFERING, {})


def test_openrouter_is_told_who_may_see_the_prompt_whatever_the_client_says() -> None:
    settings = {"only": "mistral, deepinfra", "zdr": True, "data_collection": "allow"}
    backend = BACKENDS["openrouter"].at(settings)
    body = {**CHAT, "provider": {"order": ["canary"], "allow_fallbacks": True}}
    _, sent, lost = answered(backend, "openai_chat", body)
    assert sent["provider"] == {
        "allow_fallbacks": False,
        "data_collection": "allow",
        "zdr": True,
        "only": ["mistral", "deepinfra"],
    }
    assert lost == ["provider"]


def test_openrouter_does_not_choose_the_model() -> None:
    refuses = BACKENDS["openrouter"].refuses
    assert refuses("openrouter/auto")
    assert refuses("qwen/qwen3-coder") is None


@pytest.mark.parametrize(
    ("kind", "settings", "fields"),
    [
        ("openrouter", {}, ()),
        ("openrouter", {"only": "x", "zdr": True, "allow_fallbacks": True}, ()),
        ("openrouter", {"canary": 1}, ("settings/canary",)),
        ("openrouter", {"data_collection": "canary"}, ("settings/data_collection",)),
        ("openrouter", {"zdr": "yes"}, ("settings/zdr",)),
        ("openrouter", {"zdr": 1}, ("settings/zdr",)),
        ("openrouter", {"only": True}, ("settings/only",)),
        ("openrouter", {"only": " , "}, ("settings/only",)),
        ("openai_compatible", {}, ()),
        ("openai_compatible", {"base_path": "/api/v1"}, ()),
        ("openai_compatible", {"base_path": "v1"}, ("settings/base_path",)),
        ("openai_compatible", {"base_path": "/v1/"}, ("settings/base_path",)),
        ("openai_compatible", {"base_path": "/../x"}, ("settings/base_path",)),
        ("openai_compatible", {"base_path": "/a?b"}, ("settings/base_path",)),
        ("openai_compatible", {"base_path": 1}, ("settings/base_path",)),
        ("openai_compatible", {"canary": 1}, ("settings/canary",)),
    ],
    ids=str,
)
def test_settings_that_a_host_does_not_know_are_told_by_name(kind, settings, fields) -> None:
    found = BACKENDS[kind].faults(HERE, settings)
    assert tuple(field for field, _ in found) == fields
    assert not any("canary" in why for _, why in found)


def test_any_other_host_is_asked_under_the_path_that_the_settings_say() -> None:
    backend = BACKENDS["openai_compatible"].at({"base_path": "/inference/v1"})
    path, *_ = answered(backend, "openai_chat", CHAT)
    assert path == "/inference/v1/chat/completions"


def test_mistral_gets_one_limit_and_thoughts_of_nobody() -> None:
    backend = BACKENDS["mistral"].at({})
    both = {**CHAT, "max_completion_tokens": 9, "max_tokens": 5}
    _, sent, *_ = answered(backend, "openai_chat", both)
    assert sent["max_tokens"] == 9
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": [thought, {"type": "text", "text": "hi"}]},
            {"role": "user", "content": "go on"},
        ],
    }
    _, sent, lost = answered(backend, "anthropic_messages", body)
    assert "reasoning" not in sent["messages"][1]
    assert "thinking" in lost


def test_mistral_gets_the_same_short_id_for_a_call_and_its_result() -> None:
    _, sent, *_ = answered(BACKENDS["mistral"].at({}), "openai_chat", CHAT)
    _, call, result = sent["messages"]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"]
    assert len(result["tool_call_id"]) == 9
    kept = {**CHAT["messages"][2], "tool_call_id": "abcDEF012"}
    _, sent, *_ = answered(
        BACKENDS["mistral"].at({}), "openai_chat", {**CHAT, "messages": [*CHAT["messages"], kept]}
    )
    assert sent["messages"][3]["tool_call_id"] == "abcDEF012"
