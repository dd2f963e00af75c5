"""Findings are taken out of a body, each for a placeholder that says its kind.

A placeholder is `[[redacted:KIND:NAME]]`. It holds no digit and no mark that a detector could take
for a part of a secret, and nothing that JSON escapes. What it is called is not decided here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from gateway.classification.texts import SEALED_KEYS, SEALED_TYPES
from gateway.classification.tool_calls import turns_of
from gateway.domain.decision import Finding
from gateway.domain.enclosed import held_in
from gateway.domain.request import Body

OPENS, CLOSES = "[[redacted:", "]]"
NAME_LETTERS = "abcdefghijklmnop"
NAME_CHARS = 16
KIND_CHARS_MAX = 32
PLACEHOLDER_CHARS_MAX = len(OPENS) + KIND_CHARS_MAX + 1 + NAME_CHARS + len(CLOSES)
REPLACED_MAX = 10_000

_ODD = re.compile(r"[^a-z0-9-]")
# WHY: tuples, for what stands in the place of a word may be a list, as in a schema of JSON.
_MODELS = ("assistant", "model")
_THINKING = ("thinking", "redacted_thinking", *sorted(SEALED_TYPES))
_MODEL_S = (*_THINKING, "function_call", "custom_tool_call")

Name = Callable[[str], str]


class CannotRedact(ValueError):
    """Something that was found cannot be taken out; the words never hold it."""


class Redacted(Struct, frozen=True):
    """The body without what was found, what stood in place of each placeholder, and how many."""

    body: Body
    originals: Mapping[str, str]
    replaced: Mapping[str, int]


class _Span(Struct, frozen=True, order=True):
    start: int
    end: int
    kind: str


def redact(body: Body, findings: Iterable[Finding], name: Name) -> Redacted:
    """Return a copy of the body in which each finding is a placeholder; CannotRedact.

    `name` returns NAME_CHARS letters for a text: the same for the same one.
    INVARIANT: the body that came is not changed, and what a model thought under a seal is refused
    rather than altered.
    """
    spans = _by_path(findings)
    if sum(map(len, spans.values())) > REPLACED_MAX:
        raise CannotRedact("more was found than is ever taken out")
    copy = _copied(body)
    originals: dict[str, str] = {}
    replaced: dict[str, int] = {}
    for path, found in spans.items():
        holder, step = _holder(copy, path)
        text = holder[step]
        if not isinstance(text, str):
            raise CannotRedact("what was found is not in a text")
        said: list[str] = []
        at = 0
        for span in _apart(found):
            original = text[span.start : span.end]
            placeholder = f"{OPENS}{_word(span.kind)}:{name(original)}{CLOSES}"
            said += [text[at : span.start], placeholder]
            originals[placeholder] = original
            replaced[span.kind] = replaced.get(span.kind, 0) + 1
            at = span.end
        holder[step] = "".join([*said, text[at:]])
    return Redacted(copy, originals, replaced)


def holds_placeholder(body: Body) -> bool:
    """Does anything hold a placeholder already that the model itself did not say?

    WHY: a client sends back what a model thought as it came, and its calls of tools. Those are
    turns: what is called so further below may be what a tool answered, and is nobody's word.
    """
    told = {
        id(turn)
        for said in (body, *held_in(body))
        for turn in turns_of(said)
        if turn.get("role", turn.get("type")) in (*_MODELS, *_MODEL_S)
    }
    open_values: list[Any] = [body]
    while open_values:
        value = open_values.pop()
        if isinstance(value, dict):
            open_values += () if id(value) in told else (*value, *value.values())
        elif isinstance(value, list):
            open_values += value
        elif isinstance(value, str) and OPENS in value:
            return True
    return False


def _by_path(findings: Iterable[Finding]) -> dict[str, list[_Span]]:
    spans: dict[str, list[_Span]] = {}
    for one in findings:
        spans.setdefault(one.path, []).append(_Span(one.start, one.end, one.kind))
    return spans


def _apart(spans: list[_Span]) -> list[_Span]:
    """Return the spans in order; those that overlap are one, of the kind that begins first."""
    apart: list[_Span] = []
    for span in sorted(spans):
        if apart and span.start < apart[-1].end:
            last = apart[-1]
            apart[-1] = _Span(last.start, max(last.end, span.end), last.kind)
        else:
            apart.append(span)
    return apart


def _holder(body: Body, path: str) -> tuple[Any, Any]:
    """Return what holds the text of that pointer, and its key or index there; CannotRedact."""
    steps = path.split("/")[1:]
    if not steps or path.endswith("#"):
        raise CannotRedact("what was found is the name of a field")
    value: Any = body
    for step in steps[:-1]:
        _require_open(value)
        value = value[_key(value, step)]
    _require_open(value)
    last = _key(value, steps[-1])
    if last in SEALED_KEYS or last == "encrypted_content":
        raise CannotRedact("what was found is sealed")
    return value, last


def _require_open(part: Any) -> None:  # noqa: ANN401
    """Raise CannotRedact for a part in which a model thought: it goes back as it came."""
    if not isinstance(part, dict):
        return
    thinks = part.get("type") in _THINKING or part.get("thought") is True
    if thinks or "reasoningContent" in part:
        raise CannotRedact("what was found is in what the model thought")


def _key(holder: Any, step: str) -> Any:  # noqa: ANN401
    """Return the key or index of a step as `classification.texts` writes it."""
    if isinstance(holder, list):
        return int(step)
    if step.startswith("#"):
        return list(holder)[int(step[1:])]
    return step


def _word(kind: str) -> str:
    return _ODD.sub("-", kind.lower())[:KIND_CHARS_MAX]


def _copied(value: Any) -> Any:  # noqa: ANN401
    """Return a copy of parsed JSON, however deep it is."""
    root: list[Any] = [value]
    open_holders: list[Any] = [root]
    while open_holders:
        holder = open_holders.pop()
        places = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for step, inner in list(places):
            if isinstance(inner, dict | list):
                holder[step] = inner.copy()
                open_holders.append(holder[step])
    return root[0]
