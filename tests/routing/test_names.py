import pytest

from gateway.domain.errors import UnknownModel
from gateway.routing.names import askable, resolve
from tests.doubles.fleets import a_catalogue, an_offering

OPUS = an_offering("claude-opus-5-5", "anthropic", "frontier")
QWEN = an_offering("qwen", "ollama", "on_prem", wire_model="qwen2.5-coder:14b")
QWEN_TOO = an_offering("qwen", "vllm", "on_prem")
CATALOGUE = a_catalogue(
    OPUS,
    QWEN,
    QWEN_TOO,
    tasks={
        "code": ("ollama:qwen2.5-coder:14b",),
        "review": ("claude-opus", "qwen"),
        "all": ("qwen", "ollama:qwen2.5-coder:14b", "claude-opus-5-5"),
    },
    aliases={"claude-opus": "claude-opus-5-5"},
)


def test_a_task_is_its_list_in_order() -> None:
    named = resolve("review", CATALOGUE)
    assert named.task == "review"
    assert named.offerings == (OPUS, QWEN, QWEN_TOO)


def test_a_model_is_all_its_offerings() -> None:
    assert resolve("qwen", CATALOGUE).offerings == (QWEN, QWEN_TOO)
    assert resolve("qwen", CATALOGUE).task is None


def test_an_alias_is_its_model() -> None:
    assert resolve("claude-opus", CATALOGUE).offerings == (OPUS,)


def test_a_backend_and_its_own_name_for_a_model_is_one_listed_offering() -> None:
    assert resolve("ollama:qwen2.5-coder:14b", CATALOGUE).offerings == (QWEN,)
    assert resolve("code", CATALOGUE).offerings == (QWEN,)


@pytest.mark.parametrize("name", ["code", "claude-opus", "qwen", "ollama:qwen2.5-coder:14b"])
def test_the_tag_that_clients_of_ollama_put_behind_a_name_changes_nothing(name: str) -> None:
    assert resolve(f"{name}:latest", CATALOGUE) == resolve(name, CATALOGUE)


def test_a_name_that_stands_there_with_its_tag_is_that_name() -> None:
    tagged = an_offering("qwen:latest", "vllm", "on_prem")
    assert resolve("qwen:latest", a_catalogue(QWEN, tagged)).offerings == (tagged,)
    bare = an_offering("coder", "ollama", "on_prem", wire_model="latest")
    catalogue = a_catalogue(QWEN, bare, tasks={"ollama": ("qwen",)})
    assert resolve("ollama:latest", catalogue).offerings == (bare,)


def test_an_offering_named_twice_is_tried_once() -> None:
    assert resolve("all", CATALOGUE).offerings == (QWEN, QWEN_TOO, OPUS)


@pytest.mark.parametrize(
    "name",
    [
        "ollama:other:14b",
        "nowhere:qwen",
        "global.anthropic.claude-opus-5-5",
        "arn:aws:bedrock:eu-central-1::inference-profile/eu.x",
        "projects/p/locations/us-central1/publishers/google/models/m",
        "",
        ":latest",
        "qwen:latest:latest",
        "qwen:Latest",
        "qwen:newest",
        "claude-opus-5-5\u200b",
        "Claude-Opus",
    ],
)
def test_adv_31_a_name_never_creates_an_offering(name: str) -> None:
    with pytest.raises(UnknownModel) as refused:
        resolve(name, CATALOGUE)
    assert "You may ask for: code, review" in refused.value.what
    assert refused.value.status == 404


def test_an_unknown_name_is_told_its_nearest() -> None:
    with pytest.raises(UnknownModel, match="Did you mean claude-opus"):
        resolve("claude-opis", CATALOGUE)


def test_an_unknown_name_is_not_repeated() -> None:
    with pytest.raises(UnknownModel) as refused:
        resolve("AKIAZZZZZZZZZZZZZZZZ", CATALOGUE)
    assert "AKIA" not in refused.value.what


def test_what_may_be_asked_for_is_tasks_aliases_and_models() -> None:
    assert askable(CATALOGUE) == ("code", "review", "all", "claude-opus", "claude-opus-5-5", "qwen")
