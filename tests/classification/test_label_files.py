"""A label in a file of a repository raises where a tool has read it, in every dialect."""

from typing import Any

import msgspec
import pytest

from gateway.classification.classify import classify
from gateway.classification.label_files import FILE_NAME, LABELS_MAX, labels_in_files
from gateway.classification.signals import signals
from gateway.domain.caller import Caller, RepoRegistry
from gateway.domain.decision import Trust
from gateway.domain.request import Claims
from gateway.domain.vocabulary import Vocabulary

WORDS = Vocabulary(("public", "internal", "restricted"))
PATH = f"/src/ledger/{FILE_NAME}"


def openai(path: str, text: Any) -> dict[str, Any]:
    arguments = msgspec.json.encode({"path": path}).decode()
    call = {"id": "c1", "type": "function", "function": {"name": "read", "arguments": arguments}}
    return {
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": text},
        ]
    }


def responses(path: str, text: Any) -> dict[str, Any]:
    arguments = msgspec.json.encode({"path": path}).decode()
    return {
        "input": [
            {"type": "function_call", "call_id": "c1", "name": "read", "arguments": arguments},
            {"type": "function_call_output", "call_id": "c1", "output": text},
        ]
    }


def custom(path: str, text: Any) -> dict[str, Any]:
    return {
        "input": [
            {"type": "custom_tool_call", "call_id": "c1", "name": "sh", "input": f"cat {path}"},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": text},
        ]
    }


def anthropic(path: str, text: Any) -> dict[str, Any]:
    used = {"type": "tool_use", "id": "t1", "name": "Read", "input": {"file_path": path}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": text}
    return {
        "messages": [
            {"role": "assistant", "content": [{"type": "text", "text": "let me see"}, used]},
            {"role": "user", "content": [result]},
        ]
    }


def converse(path: str, text: Any) -> dict[str, Any]:
    used = {"toolUse": {"toolUseId": "t1", "name": "read", "input": {"path": path}}}
    result = {"toolResult": {"toolUseId": "t1", "content": [{"text": text}]}}
    return {
        "messages": [
            {"role": "assistant", "content": [used]},
            {"role": "user", "content": [result]},
        ]
    }


def gemini(path: str, text: Any) -> dict[str, Any]:
    return {
        "contents": [
            {"role": "model", "parts": [{"functionCall": {"name": "read", "args": {"p": path}}}]},
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": "read", "response": {"output": text}}}],
            },
        ]
    }


def ollama(path: str, text: Any) -> dict[str, Any]:
    call = {"function": {"name": "read", "arguments": {"path": path}}}
    return {
        "messages": [
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_name": "read", "content": text},
        ]
    }


DIALECTS = (openai, responses, custom, anthropic, converse, gemini, ollama)
every_dialect = pytest.mark.parametrize("written", DIALECTS, ids=lambda one: one.__name__)


@every_dialect
def test_a_label_that_a_tool_has_read_is_heard(written) -> None:
    for path in (PATH, FILE_NAME, PATH.replace("/", "\\")):
        assert labels_in_files(written(path, "restricted\n")) == ("restricted",)


@every_dialect
def test_a_label_that_is_counted_is_heard_too(written) -> None:
    held = {"input": {"converse": written(PATH, "restricted")}}
    assert labels_in_files(held) == ("restricted",)


@every_dialect
def test_another_file_says_nothing(written) -> None:
    for path in ("/src/label", f"/src/{FILE_NAME}.bak", f"/src/x{FILE_NAME}", f"{PATH}/more"):
        assert labels_in_files(written(path, "restricted")) == ()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("restricted", "restricted"),
        ("\n# ours since 2024\n\n  restricted+pii@EU  \nmore words here", "restricted+pii@EU"),
        ("     1\u2192restricted\n     2\u2192", "restricted"),
        ("00001| restricted", "restricted"),
        ("1\trestricted", "restricted"),
        ("<file>\n1: restricted\n</file>", "restricted"),
        ("TLP:AMBER+STRICT", "TLP:AMBER+STRICT"),
        ('{"content": "restricted"}', "restricted"),
        ("{restricted", "{restricted"),
        ("Restricted", "Restricted"),
        ("File does not exist.", ""),
        ("", ""),
        ("# nothing\n", ""),
    ],
)
def test_the_first_line_is_the_label_where_it_is_one_word(text, word) -> None:
    assert labels_in_files(openai(PATH, text)) == ((word,) if word else ())


def test_parts_of_an_answer_are_read() -> None:
    parts = [{"type": "text", "text": "restricted"}]
    assert labels_in_files(anthropic(PATH, parts)) == ("restricted",)
    assert labels_in_files(openai(PATH, parts)) == ("restricted",)


def test_without_an_id_the_nth_answer_is_that_of_the_nth_call() -> None:
    body = ollama("/src/readme", "secret")
    body["messages"] += ollama(PATH, "internal")["messages"]
    assert labels_in_files(body) == ("internal",)


def test_an_answer_to_another_call_says_nothing() -> None:
    body = openai(PATH, "restricted")
    body["messages"][2]["tool_call_id"] = "other"
    assert labels_in_files(body) == ()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": None, "input": 7, "contents": "x"},
        {"messages": [1, None, {"content": 7}, {"content": [1], "tool_calls": [1, {}]}]},
        {"messages": [{"role": "tool"}, {"type": "tool_use"}, {"toolUse": 1, "functionCall": []}]},
        openai(PATH, None),
        openai(PATH, [[[[["restricted"]]]]]),
        openai(PATH, '{"a":'),
    ],
)
def test_a_body_of_any_form_is_no_error(body) -> None:
    assert labels_in_files(body) in ((), ('{"a":',))


def test_what_is_heard_has_a_bound() -> None:
    body: dict[str, Any] = {"messages": []}
    for number in range(LABELS_MAX + 4):
        one = ollama(PATH, f"level-{number}")["messages"]
        body["messages"] += one
    assert len(labels_in_files(body)) == LABELS_MAX


def heard(*words: str, label: str = "internal"):
    caller = Caller("k", "s", "t", label)
    claims = Claims(file_labels=words)
    registry = RepoRegistry({}, WORDS.top)
    return classify(signals(caller, claims, registry, WORDS, WORDS.parse("internal")))


def test_adv_01_a_file_raises_and_never_lowers() -> None:
    assert str(heard("restricted").label) == "restricted"
    assert str(heard("public").label) == "internal"
    assert heard("restricted").raised_by == ("file:label",)
    assert heard("restricted").signals[-1].trust is Trust.INFERRED


def test_adv_04_a_word_that_is_no_label_is_the_strictest() -> None:
    for word in ("Restricted", "secret", "p\u0443blic"):
        assert heard(word).label == WORDS.top
