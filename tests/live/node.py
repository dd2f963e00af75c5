"""The node of the live tests: a real vLLM on the premises, a scripted engine as the frontier.

`tiny` is the vLLM as it is, `tiny-overheard` the same engine with somebody listening in between,
`tiny-overstated` the engine with a window that the catalogue exaggerates, so that the engine itself
must refuse, and `tiny-absent` a model that it does not have.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import openai

from tests.doubles.running_gateway import RunningGateway, write_node
from tests.live.engine import CONTEXT_TOKENS_MAX, SERVED_MODEL, Engine
from tests.live.questions import Json

INPUT_MICROUSD = 3
OUTPUT_MICROUSD = 7
CLIENT_SECONDS_MAX = 60.0
POLL_SECONDS = 0.01
CANARY = "xq-canary-7f31"
FRONTIER_MODEL = "frontier-model"
HOME = "tiny@home"
MODEL = """  {name}:
    fim: {fim}
    offerings:
      - backend: {backend}
        wire_model: {wire}
        context_tokens: {context}
        output_tokens_max: 4096
        capabilities: [tools, thinking]
        price: {{input: "{input}", output: "{output}", source: a test, verified_on: 2026-11-20}}
"""
MODELS = (
    ("tiny", "home", SERVED_MODEL, CONTEXT_TOKENS_MAX),
    ("tiny-overheard", "home-overheard", SERVED_MODEL, CONTEXT_TOKENS_MAX),
    ("tiny-overstated", "home-overstated", SERVED_MODEL, 1_000_000),
    ("tiny-absent", "home-overstated", "absent-model", CONTEXT_TOKENS_MAX),
    (FRONTIER_MODEL, "cloud", FRONTIER_MODEL, 200_000),
)
TASKS = f"""code: [{FRONTIER_MODEL}, tiny]
home-first: [tiny, {FRONTIER_MODEL}]
mistaken: [tiny-absent, {FRONTIER_MODEL}]
"""


@dataclass(frozen=True)
class Engines:
    """The addresses of the vLLM, of the post in front of it, and of the scripted engine."""

    vllm: str
    post: str
    frontier: str


def write_files(folder: Path, engines: Engines) -> None:
    """Write the node file and the catalogue."""
    backends = {
        "home": ("vllm", engines.vllm, "on_prem"),
        "home-overheard": ("vllm", engines.post, "on_prem"),
        "home-overstated": ("openai", engines.vllm, "on_prem"),
        "cloud": ("scripted", engines.frontier, "frontier"),
    }
    write_node(folder, backends)
    listed = "".join(
        MODEL.format(
            name=name,
            fim="native" if backend == "home-overstated" else "qwen",
            backend=backend,
            wire=wire,
            context=context,
            input=INPUT_MICROUSD,
            output=OUTPUT_MICROUSD,
        )
        for name, backend, wire, context in MODELS
    )
    (folder / "models" / "catalog.yaml").write_text(f"version: 1\nmodels:\n{listed}")
    (folder / "models" / "tasks.yaml").write_text(TASKS)


@contextmanager
def running_node(folder: Path, engines: Engines) -> Iterator[RunningGateway]:
    """A gateway between the engines; reaped at the end."""
    write_files(folder, engines)
    gateway = RunningGateway(folder)
    gateway.create()
    gateway.start()
    try:
        yield gateway
    finally:
        process = gateway.process
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()


def openai_client(gateway: RunningGateway, repo: str = "website") -> openai.OpenAI:
    """Return OpenAI's own client; it never tries twice."""
    return openai.OpenAI(
        base_url=f"{gateway.url}/v1",
        api_key=gateway.keys[repo],
        max_retries=0,
        timeout=CLIENT_SECONDS_MAX,
    )


def anthropic_client(gateway: RunningGateway, repo: str = "website") -> anthropic.Anthropic:
    """Return Anthropic's own client; it never tries twice."""
    return anthropic.Anthropic(
        base_url=gateway.url,
        api_key=gateway.keys[repo],
        max_retries=0,
        timeout=CLIENT_SECONDS_MAX,
    )


def said(text: str = "Is this change safe?") -> list[Any]:
    """Return one turn of the user, in the form that both dialects share."""
    return [{"role": "user", "content": f"{text} {CANARY}"}]


def assert_answered_at_home(record: Json, *, input_tokens: int, output_tokens: int) -> None:
    """Check that the record says who answered, with which usage, at which cost."""
    outcome = record["outcome"]
    used = outcome["usage"]
    assert (outcome["kind"], outcome["status"]) == ("completed", 200)
    assert (outcome["served_by"], outcome["zone"]) == (HOME, "on_prem")
    assert [one["zone"] for one in record["attempts"]] == ["on_prem"]
    assert used["input_tokens"] + used["cache_read_tokens"] == input_tokens
    assert used["output_tokens"] == output_tokens
    cost = input_tokens * INPUT_MICROUSD + output_tokens * OUTPUT_MICROUSD
    assert outcome["cost_microusd"] == cost


def assert_refused_by_the_engine(record: Json, *kinds: str) -> None:
    """Check that each try failed, for these reasons, and that the caller's 400 is recorded."""
    outcome = record["outcome"]
    assert (outcome["kind"], outcome["status"], outcome["served_by"]) == ("failed", 400, None)
    assert outcome["error"] == "invalid_request"
    assert [one["failure"] for one in outcome["tried"]] == list(kinds)


def falls_to_zero(engine: Engine, metric: str, seconds: float) -> bool:
    """Does the metric fall to 0 in that time?"""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if engine.metric(metric) == 0:
            return True
        time.sleep(POLL_SECONDS)
    return False


def rises_to(engine: Engine, metric: str, value: float) -> None:
    """Wait until the metric has that value at least."""
    deadline = time.monotonic() + CLIENT_SECONDS_MAX
    while engine.metric(metric) < value:
        assert time.monotonic() < deadline, f"{metric} never rose to {value}"
        time.sleep(POLL_SECONDS)
