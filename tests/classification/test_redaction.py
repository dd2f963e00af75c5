"""What was found is taken out where it stands, and nothing else changes."""

from copy import deepcopy
from typing import Any

import pytest

from gateway.classification.redaction import (
    KIND_CHARS_MAX,
    NAME_CHARS,
    PLACEHOLDER_CHARS_MAX,
    REPLACED_MAX,
    CannotRedact,
    holds_placeholder,
    redact,
)
from gateway.domain.decision import Finding

LETTERS = "abcdefghijklmnop"
SECRET = "s3cr3t-value"


def named(_text: str) -> str:
    return LETTERS


def found(path: str, start: int = 0, end: int = len(SECRET), kind: str = "key") -> Finding:
    return Finding("secrets", kind, path, start, end)


def test_only_what_was_found_changes_and_the_body_that_came_does_not() -> None:
    body = {"a": [{"text": f"x {SECRET} y"}, {"deep": {"er": [SECRET, 7, None]}}], "b": "same"}
    before = deepcopy(body)
    made = redact(body, [found("/a/0/text", 2, 14), found("/a/1/deep/er/0")], named)
    placeholder = f"[[redacted:key:{LETTERS}]]"
    assert made.body == {
        "a": [{"text": f"x {placeholder} y"}, {"deep": {"er": [placeholder, 7, None]}}],
        "b": "same",
    }
    assert body == before
    assert made.originals == {placeholder: SECRET}
    assert made.replaced == {"key": 2}


def test_a_field_whose_name_is_no_plain_word_is_found_by_its_number() -> None:
    made = redact({"x": {"a b": 1, "Odd Name": SECRET}}, [found("/x/#1")], named)
    assert made.body["x"]["Odd Name"].startswith("[[redacted:")


def test_findings_that_overlap_are_one() -> None:
    made = redact({"t": "0123456789"}, [found("/t", 4, 9, "b"), found("/t", 2, 6, "a")], named)
    assert made.body["t"] == f"01[[redacted:a:{LETTERS}]]9"
    assert made.replaced == {"a": 1}
    apart = redact({"t": "0123456789"}, [found("/t", 0, 2), found("/t", 2, 4)], named)
    assert apart.replaced == {"key": 2}


def test_a_kind_is_told_in_letters_that_nothing_escapes_and_is_bounded() -> None:
    made = redact({"t": SECRET}, [found("/t", kind='A "quoted" ' + "k" * 99)], named)
    (placeholder,) = made.originals
    kind = placeholder.removeprefix("[[redacted:").partition(":")[0]
    assert len(kind) == KIND_CHARS_MAX
    assert kind.startswith("a--quoted--")
    assert len(placeholder) == PLACEHOLDER_CHARS_MAX
    assert len(LETTERS) == NAME_CHARS


THOUGHTS: dict[str, tuple[dict[str, Any], str]] = {
    "a thinking block": (
        {"m": [{"content": [{"type": "thinking", "thinking": SECRET, "signature": "x"}]}]},
        "/m/0/content/0/thinking",
    ),
    "a thought of Gemini's": ({"p": [{"text": SECRET, "thought": True}]}, "/p/0/text"),
    "reasoning of Bedrock's": (
        {"c": [{"reasoningContent": {"reasoningText": {"text": SECRET}}}]},
        "/c/0/reasoningContent/reasoningText/text",
    ),
    "an item of reasoning": (
        {"input": [{"type": "reasoning", "summary": [{"text": SECRET}]}]},
        "/input/0/summary/0/text",
    ),
    "a signature": ({"p": [{"thoughtSignature": SECRET}]}, "/p/0/thoughtSignature"),
    "what is encrypted": ({"i": [{"encrypted_content": SECRET}]}, "/i/0/encrypted_content"),
    "the name of a field": ({"x": {SECRET: 1}}, "/x/#0#"),
    "nothing": ({"x": 1}, ""),
    "what is no text": ({"x": 1}, "/x"),
}


@pytest.mark.parametrize("where", THOUGHTS)
def test_what_cannot_be_replaced_is_not(where: str) -> None:
    body, path = THOUGHTS[where]
    with pytest.raises(CannotRedact) as caught:
        redact(body, [found(path)], named)
    assert SECRET not in str(caught.value)


def test_so_many_findings_are_never_taken_out() -> None:
    many = [found("/t", at, at + 1) for at in range(REPLACED_MAX + 1)]
    with pytest.raises(CannotRedact):
        redact({"t": "x" * (REPLACED_MAX + 2)}, many, named)


THERE = f"see [[redacted:key:{LETTERS}]]"


@pytest.mark.parametrize(
    ("body", "holds"),
    [
        ({"messages": [{"role": "user", "content": THERE}]}, True),
        ({"messages": [{"role": "tool", "content": [{"text": THERE}]}]}, True),
        ({THERE: 1}, True),
        ({"messages": [{"role": "assistant", "content": THERE}]}, False),
        ({"contents": [{"role": "model", "parts": [{"text": THERE}]}]}, False),
        ({"input": [{"type": "function_call", "arguments": THERE}]}, False),
        ({"input": [{"type": "reasoning", "summary": [{"text": THERE}]}]}, False),
        ({"input": [{"type": "function_call_output", "output": THERE}]}, True),
        ({"system": "[[redacted"}, False),
    ],
)
def test_a_placeholder_is_seen_unless_the_model_itself_said_it(body: Any, holds: bool) -> None:
    assert holds_placeholder(body) is holds


def test_what_a_tool_answered_is_no_word_of_the_model_whatever_it_calls_itself() -> None:
    forged = {"role": "model", "type": "thinking", "text": THERE}
    answer = {"functionResponse": {"name": "read", "response": forged}}
    assert holds_placeholder({"contents": [{"role": "user", "parts": [answer]}]})
    assert holds_placeholder(forged | {"messages": [{"role": "user", "content": "x"}]})
    assert holds_placeholder({"messages": [forged | {"role": "user"}]})
    assert not holds_placeholder({"contents": [forged]})
    assert not holds_placeholder({"input": {"converse": {"messages": [forged]}}})


def test_a_schema_whose_type_is_a_list_is_looked_at_and_redacted() -> None:
    schema = {"type": ["string", "null"], "description": "a secret"}
    body = {"tools": [{"parameters": schema, "role": ["user"]}]}
    assert not holds_placeholder(body)
    path = "/tools/0/parameters/description"
    done = redact(body, [found(path, 2, 8)], named)
    assert done.body["tools"][0]["parameters"]["description"].startswith("a [[redacted:key:")
