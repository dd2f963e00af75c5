"""Tasks: a name for models that the catalogue lists; a name never creates an offering."""

from pathlib import Path

import pytest

from gateway.config.backends import Known
from gateway.config.catalogue import read_models
from gateway.config.files import load_text
from gateway.config.folders import read_models_files
from gateway.config.tasks import names_in
from gateway.domain.document import Document
from gateway.routing.names import resolve

MODELS = Path(__file__).parents[2] / "models"
KNOWN = Known(kinds=frozenset({"vllm", "ollama", "anthropic"}), secrets=frozenset({"anthropic"}))
THREE_LINES = "plan: claude-opus\ncode: ollama:qwen2.5-coder:14b\nqa: claude-sonnet\n"


def read(tasks: str):
    documents = read_models_files(MODELS) | {"tasks": load_text(tasks, "tasks.yaml")}
    return read_models(documents, KNOWN, MODELS)


def complaints(tasks: str) -> list[str]:
    return [str(p).removeprefix("tasks.yaml:") for p in read(tasks).problems]


def complaint(tasks: str) -> str:
    (problem,) = complaints(tasks)
    return problem


def test_three_lines_are_a_whole_file():
    models = read(THREE_LINES)
    assert models.problems == ()
    assert models.catalogue.tasks == {
        "plan": ("claude-opus",),
        "code": ("ollama:qwen2.5-coder:14b",),
        "qa": ("claude-sonnet",),
    }
    served = {
        task: [o.id for o in resolve(task, models.catalogue).offerings]
        for task in models.catalogue.tasks
    }
    assert served == {
        "plan": ["claude-opus-5-5@anthropic"],
        "code": ["qwen2.5-coder:14b@ollama"],
        "qa": ["claude-sonnet-5-5@anthropic"],
    }


def test_a_version_may_stand_there():
    assert read("version: 1\n" + THREE_LINES).catalogue.tasks.keys() == {"plan", "code", "qa"}
    assert "newer than this release" in complaint("version: 2\n" + THREE_LINES)


def test_a_list_is_an_order_of_preference():
    models = read("review: [claude-opus, vllm:Qwen/Qwen3-Coder-30B-A3B-Instruct, deepseek-v3.2]\n")
    assert models.problems == ()
    found = [offering.backend for offering in resolve("review", models.catalogue).offerings]
    assert found == ["anthropic", "vllm", "vllm-deepseek"]


def test_a_model_that_is_not_listed_names_the_nearest():
    assert complaint("plan: claude-opsu\n") == (
        "1: /plan: is no model, no alias and no backend:model of the catalogue "
        "(the nearest is `claude-opus`)"
    )


def test_a_name_never_creates_an_offering():
    models = read("code: [ollama:qwen2.5-coder:32b, claude-opus]\n")
    assert [str(problem) for problem in models.problems] == [
        "tasks.yaml:1: /code/0: the catalogue lists no such offering at `ollama` "
        "(the nearest is `ollama:qwen2.5-coder:14b`)"
    ]
    assert [offering.wire_model for offering in models.catalogue.offerings].count(
        "qwen2.5-coder:32b"
    ) == 0


@pytest.mark.parametrize(
    "name",
    ["ollama:", "ollama:gpt-oss:120b-cloud", "openai:gpt-5", ":x", "anthropic:claude-opus",
     "vllm:qwen3-coder-30b", "OLLAMA:qwen2.5-coder:14b", "ollama:Qwen2.5-coder:14b",
     "ollama:qwen2.5-coder", "ollama/qwen2.5-coder:14b", "claude-opus-5-5@anthropic",
     "global.anthropic.claude-opus-5-5", "xyzzy"],
)  # fmt: skip
def test_adv_31_a_name_leads_to_a_listed_offering_exactly(name):
    problem = complaint(f"a: [claude-haiku, '{name}']\n")
    assert problem.startswith("1: /a/1: ")


def test_every_unlisted_name_has_a_nearest_one():
    assert "(the nearest is `" in complaint("a: xyzzy\n")


@pytest.mark.parametrize("key", ["budgets", "pipelines", "answer_to", "strategies", "models"])
def test_a_key_of_a_later_language_is_unknown(key):
    found = complaints(f"{key}: [claude-opus]\n" + THREE_LINES)
    assert found == [f"1: /{key}: unknown key `{key}`"]


def test_tasks_stand_at_the_top_of_the_file():
    problem = complaint("tasks:\n  plan: claude-opus\n")
    assert problem.startswith("1: /tasks: unknown key `tasks` (a task stands at the top")


def test_a_task_may_not_hide_a_model():
    assert complaint("claude-opus-5-5: deepseek-v3.2\n").endswith("is the name of a model")
    assert complaint("claude-opus: deepseek-v3.2\n").endswith("is the name of an alias of a model")


def test_a_task_lists_models_and_not_tasks():
    assert "names a task; a task lists models" in complaint("a: claude-opus\nb: a\n")
    assert "names a task" in complaint("a: [a]\n")


def test_adv_64_an_empty_list_is_refused():
    assert complaint("a: []\n") == "1: /a: must not be empty"


@pytest.mark.parametrize(
    "value", ["null", "3", "true", "{models: [claude-opus]}", "[[claude-opus]]", "[null]", "''"]
)
def test_a_task_is_a_name_or_a_list_of_names(value):
    models = read(f"a: {value}\nb: claude-opus\n")
    assert len(models.problems) == 1
    assert models.catalogue.tasks == {"b": ("claude-opus",)}


@pytest.mark.parametrize(
    "value",
    ["[claude-opus, claude-opus]", "[claude-opus, claude-opus-5-5]",
     "['ollama:qwen2.5-coder:14b', 'ollama:qwen2.5-coder:14b']"],
)  # fmt: skip
def test_a_model_stands_once_in_a_list(value):
    assert "is the same as" in complaint(f"a: {value}\n")


@pytest.mark.parametrize("name", ["a:b", "a/b", "'a b'", "-a", "a" * 128])
def test_the_name_of_a_task_has_a_form(name):
    assert "must be text such as plan" in complaint(f"{name}: claude-opus\n")


def test_the_lists_and_the_file_are_bounded():
    assert "at most 16" in complaint(f"a: [{', '.join(['claude-opus'] * 17)}]\n")
    many = "".join(f"t{number}: claude-opus\n" for number in range(1025))
    assert "at most 1024 tasks" in complaint(many)


def test_all_problems_are_told_at_once():
    found = complaints("a: nothing\nb: 3\nbudgets: []\nc: [claude-opus, claude-opus]\n")
    assert [problem.partition(":")[0] for problem in found] == ["1", "2", "3", "4"]


def test_tasks_of_a_model_with_a_wrong_price_are_not_wrong_as_well():
    text = (MODELS / "catalog.yaml").read_text().replace('cache_read: "0.2"', "cache_read: 0.2")
    documents = read_models_files(MODELS) | {"catalog": load_text(text, "catalog.yaml")}
    problems = read_models(documents, KNOWN, MODELS).problems
    assert [problem.path for problem in problems] == [
        "/models/claude-opus-5-5/offerings/0/price/cache_read"
    ]


@pytest.mark.parametrize(
    "value",
    [None, [], {}, {"models": 3}, {"models": {"m": None}}, {"models": {"m": {"aliases": 1}}},
     {"models": {"m": {"aliases": [1], "offerings": [1, {}, {"backend": 1}]}}}],
)  # fmt: skip
def test_names_are_collected_from_anything(value):
    names = names_in(Document("f", value), frozenset())
    assert names.aliases == {}
    assert names.wires == {}
    assert set(names.all) <= {"m"}
