"""Paths that tools are called with, in every dialect; what nobody could look at counts as all."""

from typing import Any

import msgspec
import pytest

from gateway.classification.paths import CHARS_MAX, DEPTH_MAX, PATHS_MAX, paths_hit
from gateway.domain.path_glob import STEPS_MAX, glob_of
from tests.classification.test_label_files import DIALECTS

PROD, STATE = glob_of("infra/prod"), glob_of("*.tfstate")
BOTH = (PROD, STATE)
every_dialect = pytest.mark.parametrize("written", DIALECTS, ids=lambda one: one.__name__)


def hit(body: dict[str, Any]) -> set[str]:
    return set(paths_hit(body, BOTH))


def called(arguments: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "content": [used(arguments)]}]}


def used(arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "t", "name": "x", "input": arguments}


@every_dialect
def test_a_path_of_a_call_is_seen(written) -> None:
    assert hit(written("/src/infra/prod/main.tf", "x")) == {"infra/prod"}
    assert hit({"input": {"converse": written("infra\\prod\\x.tfstate", "x")}}) == {
        "infra/prod",
        "*.tfstate",
    }
    assert hit(written("/src/infra/production/main.tf", "x")) == set()


@every_dialect
def test_what_a_tool_answers_in_words_is_no_path(written) -> None:
    assert hit(written("/src/a", "see infra/prod/main.tf")) == set()


@pytest.mark.parametrize(
    "call",
    [
        {"type": "local_shell_call", "action": {"command": ["cat", "infra/prod/x"]}},
        {"type": "shell_call", "action": {"commands": ["cat infra/prod/x"]}},
        {"type": "apply_patch_call", "operation": {"path": "infra/prod/x"}},
        {"type": "mcp_call", "arguments": '{"path": "infra/prod/x"}'},
        {"type": "mcp_call", "arguments": ' ["cat", "infra\\/prod\\u002fx"]'},
        {"type": "computer_call", "action": {"text": "x", "path": "infra/prod/x"}},
        {"type": "custom_tool_call", "input": "*** Update File: infra/prod/x\n+y"},
        {"tool_calls": [{"custom": {"name": "p", "input": "--- a/infra/prod/x"}}]},
        {"function_call": {"name": "read", "arguments": '{"path": "infra/prod/x"}'}},
        {"type": "server_tool_use", "input": {"command": "view", "path": "infra/prod/x"}},
    ],
)
def test_every_kind_of_call_is_looked_at(call: dict[str, Any]) -> None:
    assert hit({"input": [call]}) == {"infra/prod"}


@pytest.mark.parametrize(
    ("arguments", "is_hit"),
    [
        ({"filePath": "/a/infra/prod/x"}, True),
        ({"file-paths": ["/b", "infra/prod"]}, True),
        ({"command": "cat infra/prod/x | tee y"}, True),
        ({"command": "tf --dir=infra/prod"}, True),
        ({"command": "git show HEAD:infra/prod/x"}, True),
        ({"files": {"infra/prod/x": "text"}}, True),
        ({"command": "cat '/my work/infra/prod/a b'"}, True),
        ({"command": ["bash", "-lc", 'cat "infra/prod/x"']}, True),
        ({"path": "/my work/infra/prod"}, True),
        ({"files": "notes.md\ninfra/prod/x"}, True),
        ({"cwd": "/w/infra", "command": "cat prod/x"}, True),
        ({"workdir": "/w/infra", "path": "prod/x"}, True),
        ({"cwd": "/w/infra", "path": "dev/x"}, False),
        ({"note": "infra", "path": "prod/x"}, False),
        ({"path": "notes.md", "content": "see infra/prod/x"}, False),
        ({"edits": [{"new_string": "infra/prod/x"}]}, False),
        ({"path": 7, "n": None}, False),
        ("infra/prod/x", True),
        ("{broken infra/prod/x", True),
        ('{"path": "infra/prod/x"}', True),
        (None, False),
    ],
)
def test_arguments_are_read_by_their_names(arguments: Any, is_hit: bool) -> None:
    assert hit(called(arguments)) == ({"infra/prod"} if is_hit else set())


def test_one_object_counts_where_a_list_may_stand() -> None:
    call = {"functionCall": {"name": "read", "args": {"path": "infra/prod/x"}}}
    for parts in (call, [call]):
        turn = {"role": "model", "parts": parts}
        assert hit({"contents": turn}) == hit({"contents": [turn]}) == {"infra/prod"}


def test_a_name_without_a_value_hides_no_call_under_its_other_spelling() -> None:
    used = {"name": "read", "args": {"path": "infra/prod/x"}}
    call = {"functionCall": None, "function_call": used}
    assert hit({"contents": [{"role": "model", "parts": [call]}]}) == {"infra/prod"}
    answer = {"functionResponse": None, "function_response": {"response": {"path": "infra/prod"}}}
    assert hit({"contents": [{"role": "user", "parts": [answer]}]}) == {"infra/prod"}


def test_the_fields_of_an_answer_count() -> None:
    def answered(content: Any) -> dict[str, Any]:
        result = {"type": "tool_result", "tool_use_id": "t", "content": content}
        return {"messages": [{"role": "user", "content": [result]}]}

    assert hit(answered({"path": "infra/prod/x"})) == {"infra/prod"}
    assert hit(answered('{"files": ["infra/prod/x"]}')) == {"infra/prod"}
    assert hit(answered({"line": "infra/prod/x"})) == set()
    assert hit(answered({"cwd": "/w/infra", "path": "prod/x"})) == set()
    assert hit(answered([{"type": "text", "text": "infra/prod/x"}])) == set()


def test_what_is_over_a_bound_counts_as_every_pattern() -> None:
    every = {"infra/prod", "*.tfstate"}
    assert hit(called({"command": " ".join(f"f{n}" for n in range(PATHS_MAX - 9))})) == set()
    assert hit(called({"command": " ".join(f"f{n}" for n in range(PATHS_MAX + 1))})) == every
    assert hit(called({"command": "x" * CHARS_MAX})) == set()
    assert hit(called({"command": "x" * (CHARS_MAX + 1)})) == every
    assert hit(called('{"command": "' + "x" * CHARS_MAX + '"}')) == every
    assert hit(called({"path": "a/" * (STEPS_MAX + 1)})) == every
    deep: Any = "x"
    for _ in range(DEPTH_MAX + 1):
        deep = [deep]
    assert hit(called({"path": deep})) == every
    assert hit(called("[" * 100_000)) in (set(), every)


def test_what_is_too_long_to_be_opened_is_no_path() -> None:
    assert hit(called({"path": "infra/prod/" + "x" * 5_000})) == set()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": None},
        {"messages": [1, {"tool_calls": [1, {"function": 2}, {"custom": 3}]}]},
        {"input": "infra/prod"},
        {"contents": [{"parts": [{"functionCall": None}, {"functionCall": {"args": 5}}]}]},
    ],
)
def test_a_body_of_any_form_is_no_error(body: dict[str, Any]) -> None:
    assert hit(body) == set()


def test_without_a_pattern_nothing_is_looked_at() -> None:
    assert paths_hit(called({"path": "infra/prod"}), ()) == frozenset()
    assert msgspec.json.encode(sorted(hit(called({"path": "infra/prod"}))))
