"""OpenAI's and Ollama's own clients have a real vLLM make vectors, through the gateway.

The engine has the weights of the other one and runs only for this file.
"""

import os
import struct
from base64 import b64decode
from collections.abc import Iterator

import ollama
import openai
import pytest

from tests.doubles.running_gateway import RunningGateway, write_node
from tests.live import engine
from tests.live.node import CANARY, INPUT_MICROUSD, openai_client

MODEL = "embedder"
WORDS = [f"the first text {CANARY}", "the second"]
CATALOGUE = f"""version: 1
models:
  {MODEL}:
    offerings:
      - backend: home
        wire_model: {engine.EMBEDDING_MODEL}
        context_tokens: {engine.EMBEDDED_TOKENS_MAX}
        output_tokens_max: 1
        capabilities: [embeddings]
        price: {{input: "{INPUT_MICROUSD}", output: "0", source: a test, verified_on: 2026-11-20}}
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway in front of an engine that embeds."""
    reason = engine.missing()
    if reason is not None and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("embedding")
    weights, log = engine.model_folder(), folder / "engine.log"
    with engine.running_engine(weights, log, command=engine.embedder) as vllm:
        write_node(folder, {"home": ("vllm", vllm.base_url, "on_prem")})
        (folder / "models" / "catalog.yaml").write_text(CATALOGUE)
        (folder / "models" / "tasks.yaml").write_text(f"embed: [{MODEL}]\n")
        gateway = RunningGateway(folder)
        gateway.create()
        gateway.start()
        yield gateway
        gateway.stop()


def test_vectors_come_back_as_floats_and_packed_and_are_the_same(node: RunningGateway) -> None:
    client = openai_client(node).embeddings.with_raw_response
    plain = client.create(model="embed", input=WORDS, encoding_format="float")
    packed = client.create(model="embed", input=WORDS, encoding_format="base64")
    vectors = [one.embedding for one in plain.parse().data]
    assert [len(one) for one in vectors] == [len(vectors[0])] * len(WORDS)
    assert vectors[0] != vectors[1]
    for heard, vector in zip(packed.parse().data, vectors, strict=True):
        unpacked = struct.unpack(f"<{len(vector)}f", b64decode(heard.embedding))
        assert list(unpacked) == pytest.approx(vector, abs=1e-3)


def test_what_was_embedded_is_recorded_and_paid(node: RunningGateway) -> None:
    raw = openai_client(node).embeddings.with_raw_response.create(model=MODEL, input=WORDS)
    outcome = node.record(raw.headers["x-perimeter-record"])["outcome"]
    assert (outcome["kind"], outcome["zone"]) == ("completed", "on_prem")
    counted = raw.parse().usage.prompt_tokens
    assert outcome["usage"]["input_tokens"] == counted > 0
    assert outcome["cost_microusd"] == counted * INPUT_MICROUSD


def test_a_client_of_ollama_gets_the_vectors_of_the_same_engine(node: RunningGateway) -> None:
    same = openai_client(node).embeddings.create(model=MODEL, input=WORDS, encoding_format="float")
    headers = {"authorization": f"Bearer {node.keys['website']}"}
    heard = ollama.Client(host=node.url, headers=headers).embed(model=MODEL, input=WORDS)
    for vector, one in zip(heard.embeddings, same.data, strict=True):
        assert list(vector) == pytest.approx(one.embedding, abs=1e-3)


@pytest.mark.parametrize("fields", [{"input": "word " * 2_000}, {"input": "x", "dimensions": 3}])
def test_what_the_engine_refuses_is_the_callers_mistake(node: RunningGateway, fields) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client(node).embeddings.create(model=MODEL, **fields)
    record = node.record(caught.value.response.headers["x-perimeter-record"])
    assert (record["outcome"]["kind"], record["outcome"]["status"]) == ("failed", 400)
