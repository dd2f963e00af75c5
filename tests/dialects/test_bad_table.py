"""Every dialect has a case of everything that is known to be bad, or says why it can have none."""

from typing import Any

import msgspec
import pytest

from gateway.dialects import DIALECTS
from gateway.domain.dialect import Dialect
from gateway.domain.errors import GatewayError
from gateway.domain.request import Operation
from gateway.domain.route import FailureKind
from tests.dialects.test_bad_input import BAD, FUNCTION, HTML, LEAST, OFFERING, OURS

Body = dict[str, Any]
NAMED = {
    "wrong types",
    "unknown roles",
    "orphan results",
    "empty content",
    "illegal tool names",
    "huge n",
    "negative limits",
}
# By those names: what stands under others in the cases of each dialect of conversations.
FOUND = {
    "wrong types": ("content of another type", "a temperature of another type"),
    "unknown roles": ("an unknown role",),
    "orphan results": ("an orphan result",),
    "huge n": ("a huge n",),
    "negative limits": ("a negative limit",),
}
NO_N = "a request asks for one reply"
NO_LIMIT = "what is below nothing is no limit, as the vendor's servers take it"
NO_TURNS = "nobody speaks"
NO_TOOLS = "nothing is called"
NOTHING_DRAWN = "a count draws no reply"
ABSENT: dict[str, dict[str, str]] = {
    "openai_responses": {"huge n": NO_N},
    "anthropic_messages": {"huge n": NO_N},
    "bedrock_converse": {"huge n": NO_N},
    "ollama_chat": {"huge n": NO_N, "negative limits": NO_LIMIT},
    "openai_completions": dict.fromkeys(("unknown roles", "orphan results"), NO_TURNS)
    | {"illegal tool names": NO_TOOLS},
    "ollama_generate": dict.fromkeys(("unknown roles", "orphan results"), NO_TURNS)
    | {"illegal tool names": NO_TOOLS, "huge n": NO_N, "negative limits": NO_LIMIT}
    | {"empty content": "an empty prompt asks that the model is loaded"},
    "openai_embeddings": dict.fromkeys(("unknown roles", "orphan results"), NO_TURNS)
    | {"illegal tool names": NO_TOOLS, "huge n": NO_N},
    "ollama_embed": dict.fromkeys(("unknown roles", "orphan results"), NO_TURNS)
    | {"illegal tool names": NO_TOOLS, "huge n": NO_N},
}
EMPTY: dict[str, list[Body]] = {
    "openai_chat": [{"messages": [{"role": "user", "content": one}]} for one in ("", [], None)],
    "openai_responses": [{"input": [{"role": "user", "content": one}]} for one in ("", [], None)]
    + [{"input": ""}],
    "anthropic_messages": [{"messages": [{"role": "user", "content": one}]} for one in ("", [])],
    "bedrock_converse": [
        {"messages": [{"role": "user", "content": one}]} for one in ([], [{"text": ""}])
    ],
    "ollama_chat": [{"messages": [{"role": "user", "content": one}]} for one in ("", None)],
    "gemini": [{"contents": [{"role": "user", "parts": one}]} for one in ([], [{"text": ""}])],
}
ILLEGAL = "S-odd list files/\u00e9!" + "x" * 200
SCHEMA = {"type": "object"}


def _tools(name: str) -> dict[str, Body]:
    """Return a tool of that name in every dialect that has any."""
    called = {"type": "function", "function": {"name": name, "parameters": SCHEMA}}
    spec = {"name": name, "inputSchema": {"json": SCHEMA}}
    return {
        "openai_chat": {"tools": [called]},
        "openai_responses": {"tools": [{"type": "function", "name": name, "parameters": SCHEMA}]},
        "anthropic_messages": {"tools": [{"name": name, "input_schema": SCHEMA}]},
        "bedrock_converse": {"toolConfig": {"tools": [{"toolSpec": spec}]}},
        "ollama_chat": {"tools": [called]},
        "gemini": {"tools": [{FUNCTION: [{"name": name}]}]},
    }


def _conversed(name: str) -> dict[str, list[Body]]:
    """Return the cases of a dialect of conversations, as changes to its least request."""
    cases: dict[str, list[Body]] = {
        told: [BAD[name][one] for one in found if one in BAD[name]] for told, found in FOUND.items()
    }
    cases["empty content"] = EMPTY[name]
    cases["illegal tool names"] = [_tools("")[name], _tools(ILLEGAL)[name]]
    return {told: [LEAST[name] | one for one in some] for told, some in cases.items() if some}


def _of(least: Body, **cases: list[Body]) -> dict[str, list[Body]]:
    return {
        told.replace("_", " "): [least | one for one in some if one] for told, some in cases.items()
    }


TEXTS: dict[str, Body] = {
    "openai_completions": {"model": "m", "prompt": "x"},
    "ollama_generate": {"model": "m", "prompt": "x", "raw": True},
    "openai_embeddings": {"model": "m", "input": "x"},
    "ollama_embed": {"model": "m", "input": "x"},
}
OWN: dict[str, dict[str, list[Body]]] = {
    **{name: _conversed(name) for name in BAD},
    "openai_completions": _of(
        TEXTS["openai_completions"],
        wrong_types=[{"prompt": {}}, {"suffix": 7}, {"temperature": "hot"}, {"stop": [7]}],
        empty_content=[{"prompt": []}],
        huge_n=[{"n": 10**9}, {"best_of": 10**9}],
        negative_limits=[{"max_tokens": -1}],
    ),
    "ollama_generate": _of(
        TEXTS["ollama_generate"],
        wrong_types=[{"prompt": 7}, {"suffix": 7}, {"options": 7}, {"system": []}],
    ),
    "openai_embeddings": _of(
        TEXTS["openai_embeddings"],
        wrong_types=[{"input": 7}, {"input": [{}]}, {"encoding_format": "S-odd"}],
        empty_content=[{"input": []}, {"input": ""}, {"input": ["a", ""]}],
        negative_limits=[{"dimensions": -1}],
    ),
    "ollama_embed": _of(
        TEXTS["ollama_embed"],
        wrong_types=[{"input": 7}, {"input": [{}]}, {"options": 7}],
        empty_content=[{"input": []}],
        negative_limits=[{"dimensions": -1}],
    ),
}
# What wraps the requests of another dialect, or is one of them with a word more.
INVOKED = {"anthropic_version": "bedrock-2023-05-31"}
VERTEX = {"anthropic_version": "vertex-2023-10-16"}


def _bare(body: Body, *names: str) -> Body:
    return {name: value for name, value in body.items() if name not in names}


WRAPPED = {
    "anthropic_count": ("anthropic_messages", lambda body: _bare(body, "max_tokens")),
    "anthropic_vertex_count": ("anthropic_messages", lambda body: _bare(body, "max_tokens")),
    "anthropic_vertex": ("anthropic_messages", lambda body: VERTEX | _bare(body, "model")),
    "bedrock_invoke": ("anthropic_messages", lambda body: INVOKED | _bare(body, "model")),
    "bedrock_count": ("bedrock_converse", lambda body: {"input": {"converse": body}}),
    "openai_input_tokens": ("openai_responses", lambda body: body),
    "gemini_array": ("gemini", lambda body: body),
    "gemini_count": ("gemini", lambda body: {"generateContentRequest": {"model": "m", **body}}),
}
COUNTS = [name for name, one in DIALECTS.items() if one.operation is Operation.COUNT]
# What draws a reply and has no part in a count: it is left out unread.
UNCOUNTED = {
    "anthropic_count": {"negative limits"},
    "anthropic_vertex_count": {"negative limits"},
    "bedrock_count": {"negative limits"},
    "openai_input_tokens": {"negative limits"},
    "gemini_count": {"negative limits", "huge n"},
}


def cases_of(name: str) -> dict[str, list[Body]]:
    """Return bad requests by what is bad in them."""
    if name not in WRAPPED:
        return OWN[name]
    kin, wrap = WRAPPED[name]
    unread = UNCOUNTED.get(name, set())
    return {
        told: [wrap(body) for body in some if name not in COUNTS or "temperature" not in str(body)]
        for told, some in OWN[kin].items()
        if told not in unread
    }


def absent(name: str) -> dict[str, str]:
    """Return what the dialect cannot have, and why."""
    kin = WRAPPED[name][0] if name in WRAPPED else name
    return ABSENT.get(kin, {}) | dict.fromkeys(UNCOUNTED.get(name, ()), NOTHING_DRAWN)


def refused(dialect: Dialect, raw: Body) -> GatewayError | None:
    """Read the request and write it for every engine of its kind; return what is refused."""
    try:
        body = dialect.unpack(raw)
        dialect.peek(body)
        matter, losses = dialect.read(body)
        for engine in DIALECTS.values():
            if engine.operation is dialect.operation:
                written, unsaid = engine.write(matter, OFFERING, False)
                assert ILLEGAL not in msgspec.json.encode(written).decode()
                assert "S-odd" not in "".join((*losses, *unsaid))
    except OURS as error:
        return error
    return None


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_dialect_has_each_case_or_says_why_it_has_none(name: str) -> None:
    cases = {told for told, some in cases_of(name).items() if some}
    assert cases | set(absent(name)) == NAMED
    assert not cases & set(absent(name))


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_each_of_them_is_refused_in_words_of_ours(name: str) -> None:
    for told, some in cases_of(name).items():
        for body in some:
            error = refused(DIALECTS[name], body)
            # A name that an engine forbids is spelled as it may be; none is refused.
            if told == "illegal tool names" and ILLEGAL in msgspec.json.encode(body).decode():
                assert error is None or "name" in error.what
                continue
            assert error is not None, (told, body)
            assert error.status in {400, 422}
            assert "S-odd" not in error.what


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_what_is_not_bad_is_read(name: str) -> None:
    kin, wrap = WRAPPED.get(name, (name, lambda body: body))
    assert refused(DIALECTS[name], wrap({**LEAST, **TEXTS}[kin])) is None


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_page_in_place_of_an_answer_is_unreadable_in_every_dialect(name: str) -> None:
    dialect = DIALECTS[name]
    for read_whole in (dialect.read_reply, dialect.hear):
        with pytest.raises(ValueError, match=r"^(?!.*S-odd)"):
            read_whole(HTML)
    for status in (200, 401, 404, 429, 500, 502, 503, 529):
        kind, said = dialect.failure(status, HTML)
        assert said == ""
        assert (kind is FailureKind.RATE_LIMITED) == (status == 429)
