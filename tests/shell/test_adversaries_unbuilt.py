"""What is not built cannot be asked for: its key, its field and its path are refused."""

import re
from pathlib import Path

import pytest

from gateway.config.backends import Known
from gateway.config.catalogue import read_models
from gateway.config.files import load_text
from gateway.config.folders import read_models_files
from gateway.config.node import load_node
from gateway.domain.errors import ConfigError
from gateway.surfaces.surface import SURFACES, find
from tests.house.test_house import ROOT

MODELS = ROOT / "models"
KNOWN = Known(kinds=frozenset({"vllm", "ollama", "anthropic"}), secrets=frozenset({"anthropic"}))
NODE = "version: 1\norigin: a/b\n"


def tasks(text: str) -> list[str]:
    documents = read_models_files(MODELS) | {"tasks": load_text(text, "tasks.yaml")}
    return [str(one) for one in read_models(documents, KNOWN, MODELS).problems]


def backends(key: str) -> list[str]:
    path = MODELS / "backends.yaml"
    text = path.read_text().replace("    kind: vllm\n", f"    kind: vllm\n    {key}\n", 1)
    assert key in text
    documents = read_models_files(MODELS) | {"backends": load_text(text, "backends.yaml")}
    return [str(one) for one in read_models(documents, KNOWN, MODELS).problems]


def catalogue(key: str) -> list[str]:
    path = MODELS / "catalog.yaml"
    text = path.read_text().replace("    offerings:\n", f"    {key}\n    offerings:\n", 1)
    assert key in text
    documents = read_models_files(MODELS) | {"catalog": load_text(text, "catalog.yaml")}
    return [str(one) for one in read_models(documents, KNOWN, MODELS).problems]


def node(folder: Path, key: str) -> str:
    path = folder / "perimeter.yaml"
    path.write_text(f"{NODE}{key}\n")
    with pytest.raises(ConfigError) as caught:
        load_node(path)
    return str(caught.value.problems)


@pytest.mark.parametrize(
    "text",
    [
        "code: {hedge: [claude-opus, claude-sonnet]}\n",
        "code: {split: {claude-opus: 90, claude-sonnet: 10}}\n",
        "code: [{model: claude-opus, weight: 90}]\n",
        "code: [[claude-opus, claude-sonnet]]\n",
    ],
)
def test_adv_38_a_task_is_a_list_and_neither_hedges_nor_splits(text: str) -> None:
    assert tasks("code: [claude-opus, claude-sonnet]\n") == []
    assert tasks(text)


@pytest.mark.parametrize("key", ["hedge_ms: 50", "race: true", "weight: 10"])
def test_adv_38_no_backend_is_asked_beside_another(key: str) -> None:
    assert any("unknown key" in one for one in backends(key))


@pytest.mark.parametrize("key", ["mirror: claude", "shadow: claude", "copy_to: [claude]"])
def test_adv_39_nothing_is_sent_a_second_time_to_somebody_else(key: str, tmp_path: Path) -> None:
    assert any("unknown key" in one for one in backends(key))
    assert any("unknown key" in one for one in catalogue(key))
    assert "unknown key" in node(tmp_path, key)
    assert tasks(f"code: {{{key}}}\n")


BATCHES = (
    "/v1/batches",
    "/v1/messages/batches",
    "/v1/files",
    "/v1/fine_tuning/jobs",
    "/v1beta/models/m:batchGenerateContent",
    "/v1/projects/p/locations/eu/batchPredictionJobs",
    "/model-invocation-job",
    "/v1/responses/background",
)


@pytest.mark.parametrize("path", BATCHES)
def test_adv_43_there_are_no_batches_and_no_files(path: str) -> None:
    assert find(path) is None
    assert not [one for one in SURFACES if "batch" in one.lower() or "file" in one.lower()]


@pytest.mark.parametrize("key", ["cache: {}", "response_cache: true", "semantic_cache: {ttl: 1}"])
def test_adv_44_no_answer_is_kept_for_anybody(key: str, tmp_path: Path) -> None:
    assert "unknown key" in node(tmp_path, key)
    assert any("unknown key" in one for one in backends(key))


@pytest.mark.parametrize(
    "key", ["judge: claude", "summarise_with: claude", "title_model: claude", "compact_with: a"]
)
def test_adv_46_no_model_is_asked_beside_the_one_that_answers(key: str, tmp_path: Path) -> None:
    assert "unknown key" in node(tmp_path, key)
    assert any("unknown key" in one for one in catalogue(key))


ASIDE = (
    "/v1/responses/compact",
    "/v1/moderations",
    "/v1/rerank",
    "/v1/conversations",
    "/v1/chat/completions/stored",
    "/v1/messages/summarize",
    "/v1/graders",
    "/v1/evals",
)


@pytest.mark.parametrize("path", ASIDE)
def test_adv_46_nothing_is_summed_up_or_judged_at_a_path_of_its_own(path: str) -> None:
    assert find(path) is None
    assert find(path, "alt=sse") is None


@pytest.mark.parametrize("text", ["review: {model: claude-opus, not: writer}\n"])
def test_adv_47_duties_are_not_stated_where_they_could_widen_a_task(
    text: str, tmp_path: Path
) -> None:
    assert tasks(text)
    assert "unknown key" in node(tmp_path, "duties: {review: [claude-opus]}")


# What would tell somebody else of prompts; all that tells here is asked for, at /metrics.
TELLING = ("opentelemetry", "sentry", "rollbar", "bugsnag", "datadog", "ddtrace", "newrelic")
TELLING += ("posthog", "segment", "analytics", "honeycomb", "elastic-apm", "logfire", "huggingface")


@pytest.mark.parametrize(
    "key",
    [
        "telemetry: {}",
        "otlp: {endpoint: https://a.example}",
        "sentry_dsn: https://k@a.example/1",
        "tracing: true",
        "crash_reports: true",
        "usage_stats: true",
    ],
)
def test_adv_57_nobody_can_be_told_of_requests(key: str, tmp_path: Path) -> None:
    assert "unknown key" in node(tmp_path, key)
    assert any("unknown key" in one for one in backends(key))


def test_adv_57_nothing_that_tells_others_is_in_the_image() -> None:
    pinned = (ROOT / "requirements" / "runtime.txt").read_text().lower()
    names = re.findall(r"^([a-z0-9._-]+)==", pinned, re.MULTILINE)
    assert len(names) > 15
    assert not [name for name in names if any(word in name for word in TELLING)]


@pytest.mark.parametrize("key", ["strategy: cost", "prefer: cheapest"])
def test_adv_48_no_strategy_reorders_what_is_listed(key: str, tmp_path: Path) -> None:
    assert "unknown key" in node(tmp_path, key)
    assert any("unknown key" in one for one in catalogue(key))
    assert tasks(f"code: {{{key}, models: [claude-opus]}}\n")
