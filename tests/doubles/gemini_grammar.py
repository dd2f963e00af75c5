"""The grammar of a stream of Google's, as strict as the strictest client."""

from typing import Any

import msgspec
from google.genai import types

_CHUNK = {"candidates", "modelVersion", "responseId"}
_CANDIDATE = {"content", "index"}
_SAYS = ("text", "functionCall")
_PART = {*_SAYS, "thought", "thoughtSignature"}


def chunks_of(raw: bytes) -> list[dict[str, Any]]:
    """Cut a stream by hand: one data line and a blank line for each chunk, all of one reply.

    Only the last chunk says why the reply ended, and what was used.
    """
    assert raw.endswith(b"\r\n\r\n")
    lumps = raw[: -len(b"\r\n\r\n")].split(b"\r\n\r\n")
    assert all(lump.startswith(b"data: ") for lump in lumps)
    chunks = [msgspec.json.decode(lump.removeprefix(b"data: ")) for lump in lumps]
    assert len({(chunk["modelVersion"], chunk["responseId"]) for chunk in chunks}) == 1
    for chunk in chunks[:-1]:
        assert set(chunk) == _CHUNK
        (candidate,) = chunk["candidates"]
        assert set(candidate) == _CANDIDATE
        assert all(_says_something(part) for part in candidate["content"]["parts"])
    for chunk in chunks:
        assert_reply(chunk)
    assert chunks[-1]["candidates"][0]["finishReason"]
    return chunks


def assert_reply(reply: dict[str, Any]) -> None:
    """One candidate of the model's, each of its parts of one kind; the vendor's types take it."""
    types.GenerateContentResponse.model_validate(reply)
    (candidate,) = reply["candidates"]
    assert candidate["index"] == 0
    content = candidate["content"]
    assert content["role"] == "model"
    assert content["parts"]
    for part in content["parts"]:
        assert set(part) <= _PART
        assert sum(name in part for name in _SAYS) == 1
        call = part.get("functionCall")
        if call is not None:
            assert call["id"]
            assert call["name"]
            assert isinstance(call["args"], dict)


def _says_something(part: dict[str, Any]) -> bool:
    return bool(part.get("text") or part.get("functionCall") or part.get("thoughtSignature"))
