"""Judges a stream of chat completion chunks, with OpenAI's own types and none of our code."""

from typing import Any

import msgspec
from openai.types.chat import ChatCompletionChunk

Chunk = dict[str, Any]


def chunks_of(stream: bytes) -> list[Chunk]:
    """Return the chunks of a stream that ends well; AssertionError where it breaks the grammar."""
    assert stream.endswith(b"\n\n")
    events = stream[:-2].split(b"\n\n")
    assert events[-1] == b"data: [DONE]"
    chunks = []
    for event in events[:-1]:
        assert event.startswith(b"data: ")
        chunk = msgspec.json.decode(event[6:])
        ChatCompletionChunk.model_validate(chunk)
        chunks.append(chunk)
    _same_reply(chunks)
    _one_end(chunks)
    _tool_calls(chunks)
    return chunks


def text_of(chunks: list[Chunk], field: str = "content") -> str:
    """Return all words of that field."""
    deltas = (choice["delta"] for chunk in chunks for choice in chunk["choices"])
    return "".join(delta.get(field) or "" for delta in deltas)


def calls_of(chunks: list[Chunk]) -> list[dict[str, str]]:
    """Return the tool calls: id, name and arguments, in the order of their indexes."""
    calls: dict[int, dict[str, str]] = {}
    for fragment in _fragments(chunks):
        call = calls.setdefault(fragment["index"], {"arguments": ""})
        function = fragment["function"]
        if "id" in fragment:
            call |= {"id": fragment["id"], "name": function["name"]}
        call["arguments"] += function.get("arguments") or ""
    return [calls[index] for index in sorted(calls)]


def finish_of(chunks: list[Chunk]) -> str:
    """Return the finish reason."""
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    return next(reason for reason in reasons if reason)


def _fragments(chunks: list[Chunk]) -> list[dict[str, Any]]:
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return [fragment for delta in deltas for fragment in delta.get("tool_calls", [])]


def _same_reply(chunks: list[Chunk]) -> None:
    heads = {(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}
    assert len(heads) == 1
    roles = [c["delta"].get("role") for chunk in chunks for c in chunk["choices"]]
    assert roles[0] == "assistant"
    assert not any(roles[1:])


def _one_end(chunks: list[Chunk]) -> None:
    ended = [
        at
        for at, chunk in enumerate(chunks)
        if any(choice["finish_reason"] for choice in chunk["choices"])
    ]
    assert len(ended) == 1
    after = chunks[ended[0] + 1 :]
    assert all(chunk["choices"] == [] and chunk["usage"] for chunk in after)
    assert len(after) <= 1
    assert not any(chunk.get("usage") for chunk in chunks[: ended[0] + 1])


def _tool_calls(chunks: list[Chunk]) -> None:
    seen: list[int] = []
    for fragment in _fragments(chunks):
        opens = fragment["index"] not in seen
        assert ("id" in fragment) == opens
        assert ("name" in fragment["function"]) == opens
        if opens:
            assert fragment["type"] == "function"
            assert fragment["id"]
            seen.append(fragment["index"])
    assert seen == list(range(len(seen)))
    for call in calls_of(chunks) if finish_of(chunks) == "tool_calls" else ():
        assert isinstance(msgspec.json.decode(call["arguments"]), dict)
    assert finish_of(chunks) != "stop" or not seen
