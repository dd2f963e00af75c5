"""From one dialect to another and back, where texts are embedded, gone on with or counted."""

from collections.abc import Callable
from itertools import permutations
from typing import Any, NamedTuple

import msgspec
import ollama
import openai
import pytest
from anthropic.types import MessageTokensCount
from openai.types.responses import InputTokenCountResponse

from gateway.dialects import DIALECTS
from gateway.domain.request import Operation
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import assert_golden, assert_golden_json
from tests.doubles.vendor_readers import chunks
from tests.doubles.vllm_recordings import recording

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
OFFERING = an_offering("coder", "engine", "on_prem", wire_model="S-wire-model")
OPTIONS = {"num_predict": 9, "temperature": 0.5, "stop": ["S-stop"], "seed": 7}
EMBEDDED = {
    "object": "list",
    "data": [
        {"object": "embedding", "index": 1, "embedding": [0.25, -1e-07]},
        {"object": "embedding", "index": 0, "embedding": [0.1, 2.0]},
    ],
    "model": "S-wire-model",
    "usage": {"prompt_tokens": 41, "total_tokens": 41},
}
LINES = [
    {"model": "S-wire-model", "response": "S-one ", "done": False},
    {"model": "S-wire-model", "response": "S-two", "done": False},
    {
        "model": "S-wire-model",
        "response": "",
        "done": True,
        "done_reason": "length",
        "prompt_eval_count": 41,
        "eval_count": 43,
    },
]


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)


class Walk(NamedTuple):
    """A request, the engine's dialect and its whole reply; what must be found, and the client."""

    source: str
    target: str
    body: dict[str, Any]
    reply: bytes
    asked: tuple[str, ...]
    heard: tuple[str, ...]
    client: Callable[[bytes], object]


def _openai_vectors(raw: bytes) -> object:
    return openai.types.CreateEmbeddingResponse.model_validate_json(raw, strict=True)


def _openai_text(raw: bytes) -> object:
    return openai.types.Completion.model_validate_json(raw, strict=True)


WALKS = {
    "embeddings/openai_to_ollama": Walk(
        "openai_embeddings",
        "ollama_embed",
        {"model": "coder", "input": ["S-first", "S-second"], "dimensions": 2, "user": "S-user"},
        _json({"model": "x", "embeddings": [[0.1, 2.0], [0.25, -1e-07]], "prompt_eval_count": 41}),
        ("S-first", "S-second", "S-wire-model"),
        ("0.25", "-1e-7", "41"),
        _openai_vectors,
    ),
    "embeddings/ollama_to_openai": Walk(
        "ollama_embed",
        "openai_embeddings",
        {"model": "coder", "input": "S-first", "truncate": True, "options": {"num_ctx": 5}},
        _json(EMBEDDED),
        ("S-first", "S-wire-model"),
        ("0.25", "-1e-7", "41"),
        ollama.EmbedResponse.model_validate_json,
    ),
    "completions/openai_to_ollama": Walk(
        "openai_completions",
        "ollama_generate",
        {
            "model": "coder",
            "prompt": "S-before",
            "suffix": "S-after",
            "max_tokens": 9,
            "temperature": 0.5,
            "stop": "S-stop",
            "seed": 7,
            "logprobs": 2,
        },
        _json({**LINES[2], "response": "S-one S-two"}),
        ("S-before", "S-after", "S-stop", "S-wire-model", "0.5"),
        ("S-one S-two", "length", "41", "43"),
        _openai_text,
    ),
    "completions/ollama_to_openai": Walk(
        "ollama_generate",
        "openai_completions",
        {"model": "coder", "prompt": "S-before", "suffix": "S-after", "options": OPTIONS},
        recording("completions_whole").body,
        ("S-before", "S-after", "S-stop", "S-wire-model", "0.5"),
        ("atalogue", "length"),
        ollama.GenerateResponse.model_validate_json,
    ),
    "input_tokens/openai_to_anthropic": Walk(
        "openai_input_tokens",
        "anthropic_count",
        {
            "model": "coder",
            "instructions": "S-system",
            "input": "S-words",
            "tools": [
                {
                    "type": "function",
                    "name": "S-tool",
                    "parameters": {"type": "object", "properties": {"S-key": {"type": "string"}}},
                }
            ],
        },
        recording("count_tokens").body,
        ("S-system", "S-words", "S-tool", "S-key", "S-wire-model"),
        ("13",),
        InputTokenCountResponse.model_validate_json,
    ),
    "input_tokens/anthropic_to_openai": Walk(
        "anthropic_count",
        "openai_input_tokens",
        {
            "model": "coder",
            "system": "S-system",
            "messages": [{"role": "user", "content": "S-words"}],
        },
        b'{"object":"response.input_tokens","input_tokens":41}',
        ("S-system", "S-words", "S-wire-model"),
        ("41",),
        MessageTokensCount.model_validate_json,
    ),
}


@pytest.mark.parametrize("operation", [Operation.COMPLETE, Operation.EMBED])
def test_every_pair_of_dialects_is_walked(operation: Operation) -> None:
    """Those that count are walked in `test_count_walks.py`, those that answer in every walk."""
    spoken = [name for name, one in DIALECTS.items() if one.operation is operation]
    walked = {(walk.source, walk.target) for walk in WALKS.values()}
    assert len(spoken) > 1
    assert set(permutations(spoken, 2)) <= walked


@pytest.mark.parametrize("name", WALKS)
def test_every_word_arrives_and_what_is_lost_is_named(name: str) -> None:
    walk = WALKS[name]
    source, target = DIALECTS[walk.source], DIALECTS[walk.target]
    source.peek(walk.body)
    matter, unread = source.read(walk.body)
    written, unsaid = target.write(matter, OFFERING, False)
    sent = _json(written).decode()
    assert all(word in sent for word in walk.asked)
    raw = source.write_reply(target.read_reply(walk.reply), "S-asked", RECORD)
    assert all(word in raw.decode() for word in walk.heard)
    walk.client(raw)
    assert_golden_json(
        f"{name}.json",
        {
            "asked": walk.body,
            "sent": written,
            "lost": [*unread, *unsaid],
            "answered": msgspec.json.decode(walk.reply),
            "heard": msgspec.json.decode(raw),
        },
    )


@pytest.mark.parametrize(
    ("engine", "client", "raw"),
    [
        ("ollama_generate", "openai_completions", b"".join(_json(line) + b"\n" for line in LINES)),
        ("openai_completions", "ollama_generate", recording("completions_stream").body),
    ],
)
@pytest.mark.parametrize("size", [1, 64, 4096])
def test_a_stream_arrives_whole_however_it_is_cut(engine, client, raw, size) -> None:
    reader = DIALECTS[engine].reader()
    writer = DIALECTS[client].writer("S-asked", RECORD, True)
    events = [event for part in chunks(raw, size) for event in reader.feed(part)]
    assert reader.finished
    said = b"".join([*(writer.write(event) for event in events), writer.close()])
    assert_golden(f"completions/{client}.stream.txt", said)
