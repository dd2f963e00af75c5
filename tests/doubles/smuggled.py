"""Places of a body in which something of another vendor's form may stand, for each dialect."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

Body = dict[str, Any]
Part = Any
Places = Callable[[Part], Iterator[Body]]
CALLED = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
WORDS = {"type": "text", "text": "look"}
SAID = {"role": "user", "content": "look"}


def _messages(part: Part) -> Iterator[Body]:
    used = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [WORDS, part]}
    turns: list[list[Any]] = [
        [{"role": "user", "content": [WORDS, part]}],
        [{"role": "user", "content": part}],
        [{"role": "developer", "content": [WORDS, part]}, SAID],
        [SAID, part],
        [SAID, {"role": "assistant", "content": [WORDS, part]}, SAID],
        [SAID, {"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}],
        [
            SAID,
            {"role": "assistant", "content": None, "tool_calls": [CALLED]},
            {"role": "tool", "tool_call_id": "c", "content": [WORDS, part]},
        ],
    ]
    for messages in turns:
        yield {"max_tokens": 9, "messages": messages}
    yield {"max_tokens": 9, "messages": [SAID], "system": [WORDS, part]}
    yield {"max_tokens": 9, "messages": [SAID], "tools": [part]}


def _responses(part: Part) -> Iterator[Body]:
    words = {"type": "input_text", "text": "look"}
    said = {"role": "user", "content": [words]}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": [words, part]}
    yield {"input": [{"role": "user", "content": [words, part]}]}
    yield {"input": [said, part]}
    yield {"input": [said, call, output]}
    yield {"input": "look", "tools": [part]}
    yield {"input": "look", "instructions": [part]}
    yield {"input": [said, {"type": "tool_search_output", "call_id": "c", "tools": [part]}]}


def _converse(part: Part) -> Iterator[Body]:
    words = {"text": "look"}
    said = {"role": "user", "content": [words]}
    use = {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}
    result = {"toolResult": {"toolUseId": "t", "content": [words, part]}}
    called = [said, {"role": "assistant", "content": [use]}]
    yield {"messages": [{"role": "user", "content": [words, part]}]}
    yield {"messages": [said, part]}
    yield {"messages": [*called, {"role": "user", "content": [result]}]}
    yield {"messages": [said], "system": [words, part]}
    yield {"messages": [said], "toolConfig": {"tools": [part]}}


def _gemini(part: Part) -> Iterator[Body]:
    words = {"text": "look"}
    said = {"role": "user", "parts": [words]}
    answer = {"functionResponse": {"name": "f", "response": {}, "parts": [part]}}
    called = [said, {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}]
    yield {"contents": [{"role": "user", "parts": [words, part]}]}
    yield {"contents": [said, part]}
    yield {"contents": [*called, {"role": "user", "parts": [answer]}]}
    yield {"contents": [said], "systemInstruction": {"parts": [words, part]}}
    yield {"contents": [said], "tools": [part]}


def _packed(part: Part) -> Iterator[Body]:
    for body in _converse(part):
        yield {"input": {"converse": body}}
    for body in _messages(part):
        raw = msgspec.json.encode({"anthropic_version": "bedrock-2023-05-31", **body})
        yield {"input": {"invokeModel": {"body": base64.b64encode(raw).decode()}}}


def _flat(field: str) -> Places:
    def places(part: Part) -> Iterator[Body]:
        yield {field: ["look", part]}
        yield {field: part}
        for name in ("images", "tools", "suffix", "system", "context"):
            yield {field: "look", "raw": True, name: [part]}

    return places


def _with(places: Places, **more: Any) -> Places:
    return lambda part: ({**more, **body} for body in places(part))


_NAMED = {"model": "code"}
PLACES: dict[str, Places] = {
    "openai_chat": _with(_messages, **_NAMED),
    "anthropic_messages": _with(_messages, **_NAMED),
    "anthropic_count": _with(_messages, **_NAMED),
    "anthropic_vertex": _with(_messages, anthropic_version="vertex-2023-10-16"),
    "anthropic_vertex_count": _with(_messages, **_NAMED),
    "bedrock_invoke": _with(_messages, anthropic_version="bedrock-2023-05-31"),
    "bedrock_converse": _converse,
    "bedrock_count": _packed,
    "ollama_chat": _with(_messages, **_NAMED),
    "openai_responses": _with(_responses, **_NAMED),
    "openai_input_tokens": _with(_responses, **_NAMED),
    "gemini": _gemini,
    "gemini_count": _gemini,
    "openai_completions": _with(_flat("prompt"), **_NAMED),
    "ollama_generate": _with(_flat("prompt"), **_NAMED),
    "openai_embeddings": _with(_flat("input"), **_NAMED),
    "ollama_embed": _with(_flat("input"), **_NAMED),
}


def smuggling(dialect: str, part: Part) -> Iterator[Body]:
    """Yield a body for each place of that dialect in which the part may stand."""
    yield from PLACES[dialect](part)
    for name in ("extra_body", "zeta"):
        yield {**next(PLACES[dialect](WORDS)), name: part}


# Under these names a text is what somebody says, and makes nobody act.
_SAID = frozenset({"content", "input", "prompt", "system", "text"})


def meant(value: Any, word: str) -> bool:
    """Does the word stand anywhere but in what is said?"""
    if isinstance(value, dict):
        return any(
            word in name or meant(_unsaid(inner) if name in _SAID else inner, word)
            for name, inner in value.items()
        )
    if isinstance(value, list):
        return any(meant(one, word) for one in value)
    return isinstance(value, str) and word in value


def _unsaid(value: Any) -> Any:
    """Return it without its texts."""
    if isinstance(value, list):
        return [one for one in value if not isinstance(one, str)]
    return None if isinstance(value, str) else value
