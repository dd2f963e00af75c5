"""The records of the engines."""

import pytest

from gateway.backends import BACKENDS
from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT, ANTHROPIC_MESSAGES
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.secret import Secret
from gateway.transport.credentials import bearer
from tests.doubles.goldens import GOLDENS

SECRET = Secret("sk-canary")
# What these are sent is agreed host by host in `test_hosts.py`.
HOSTS = {path.stem for path in (GOLDENS / "hosts").glob("*.json")}
ENGINES = {name: record for name, record in BACKENDS.items() if name not in HOSTS - {"openai"}}


def test_the_table_names_every_engine_by_its_own_name() -> None:
    assert {name: record.name for name, record in ENGINES.items()} == {
        name: name
        for name in ("vllm", "ollama", "openai", "anthropic", "bedrock", "vertex", "scripted")
    }


@pytest.mark.parametrize("name", BACKENDS)
def test_an_engine_speaks_each_dialect_at_a_path_of_its_own(name: str) -> None:
    record = BACKENDS[name].at({"project": "p", "location": "l"})
    assert len({(way.dialect.name, way.path) for way in record.ways}) == len(record.ways)
    assert all(way.path.startswith("/") for way in record.ways)


def test_each_engine_speaks_where_its_documentation_says() -> None:
    chat, messages, native = OPENAI_CHAT.name, ANTHROPIC_MESSAGES.name, OLLAMA_CHAT.name
    paths = {
        name: {way.dialect.name: way.path for way in record.ways}
        for name, record in ENGINES.items()
    }
    both = {chat: "/v1/chat/completions", messages: "/v1/messages"}
    count = {ANTHROPIC_COUNT.name: "/v1/messages/count_tokens"}
    newer = {OPENAI_RESPONSES.name: "/v1/responses"}
    vertex = "/v1/projects/{project}/locations/{location}"
    older = {
        "openai_embeddings": "/v1/embeddings",
        "openai_completions": "/v1/completions",
    }
    own = {
        native: "/api/chat",
        "ollama_embed": "/api/embed",
        "ollama_generate": "/api/generate",
    }
    assert paths == {
        "vllm": both | count | newer | older,
        "ollama": own,
        "openai": {
            chat: "/v1/chat/completions",
            "openai_input_tokens": "/v1/responses/input_tokens",
        }
        | newer
        | older,
        "anthropic": {messages: "/v1/messages"} | count,
        "bedrock": {
            "bedrock_converse": "/model/{model}/converse",
            messages: "/anthropic/v1/messages",
            "bedrock_invoke": "/model/{model}/invoke",
            "bedrock_count": "/model/{model}/count-tokens",
            chat: "/openai/v1/chat/completions",
            OPENAI_RESPONSES.name: "/openai/v1/responses",
        },
        "vertex": {
            messages: f"{vertex}/publishers/anthropic/models/{{model}}:rawPredict",
            ANTHROPIC_COUNT.name: f"{vertex}/publishers/anthropic/models/count-tokens:rawPredict",
            chat: f"{vertex}/publishers/mistralai/models/{{model}}:rawPredict",
            "gemini": f"{vertex}/publishers/google/models/{{model}}:generateContent",
            "gemini_count": f"{vertex}/publishers/google/models/{{model}}:countTokens",
        },
        "scripted": both
        | count
        | older
        | own
        | {"openai_input_tokens": "/v1/responses/input_tokens"},
    }


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("vllm", (("authorization", "Bearer sk-canary"),)),
        ("openai", (("authorization", "Bearer sk-canary"),)),
        ("anthropic", (("x-api-key", "sk-canary"),)),
        ("scripted", (("authorization", "Bearer sk-canary"),)),
    ],
)
def test_a_secret_becomes_the_field_that_the_engine_wants(name: str, fields) -> None:
    assert BACKENDS[name].credential(SECRET) == fields


def test_an_engine_without_credentials_refuses_one_without_repeating_it() -> None:
    assert BACKENDS["ollama"].credential(None) == ()
    with pytest.raises(ValueError, match="takes no secret") as caught:
        BACKENDS["ollama"].credential(SECRET)
    assert "canary" not in str(caught.value)


def test_an_engine_that_needs_a_secret_says_so() -> None:
    assert BACKENDS["vllm"].credential(None) == ()
    with pytest.raises(ValueError, match="needs a secret"):
        BACKENDS["anthropic"].credential(None)
    with pytest.raises(ValueError, match="needs a secret"):
        bearer.required(None)
    assert bearer.required(SECRET) == (("authorization", "Bearer sk-canary"),)


def test_only_the_engines_of_others_use_the_cloud_client() -> None:
    cloud = {name for name, record in ENGINES.items() if record.is_cloud}
    assert cloud == {"openai", "anthropic", "vertex"}
    assert all(not BACKENDS[name].probe_path for name in cloud)


def test_only_ollama_is_watched_for_a_stranger() -> None:
    watched = {name for name, record in BACKENDS.items() if record.breach and record.inspect}
    assert watched == {"ollama"}


def test_most_names_are_asked_for_at_most_engines() -> None:
    assert BACKENDS["vllm"].refuses("a-cloud") is None
