"""The scripted engine as an OpenAI Responses server."""

from typing import Any

import msgspec

from gateway.cli.mock_backend.openai import STREAM_TYPE, error, too_long
from gateway.cli.mock_backend.script import Script

PATH = "/v1/responses"
MADE_AT = 1_767_225_600
THOUGHT = "Let me think."


def whole(script: Script) -> bytes:
    """Return a response."""
    return msgspec.json.encode(_response(script, _items(script), _status(script)))


def stream(script: Script) -> list[bytes]:
    """Return the events of a streamed response."""
    begun = _response(script, [], "in_progress")
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    items = _items(script)
    for index, item in enumerate(items):
        opened = {**item, "status": "in_progress", **_emptied(item)}
        at = {"output_index": index, "item_id": item["id"]}
        told = {"output_index": index}
        events.append({"type": "response.output_item.added", **told, "item": opened})
        events += _parts(script, item, at)
        events.append({"type": "response.output_item.done", **told, "item": item})
    done = _response(script, items, _status(script))
    events.append({"type": f"response.{done['status']}", "response": done})
    return [_event(number, event) for number, event in enumerate(events)]


def broken(message: str) -> bytes:
    """Return an error event inside a stream."""
    fault = {"type": "error", "code": "server_error", "message": message, "param": None}
    return _event(0, fault)


def _event(number: int, event: dict[str, Any]) -> bytes:
    body = msgspec.json.encode({**event, "sequence_number": number})
    return b"event: " + str(event["type"]).encode() + b"\ndata: " + body + b"\n\n"


def _status(script: Script) -> str:
    return "incomplete" if script.does("length") else "completed"


def _items(script: Script) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if script.does("think"):
        thought = {"type": "reasoning_text", "text": THOUGHT}
        items.append(
            {"type": "reasoning", "id": "rs_scripted", "summary": [], "content": [thought]}
        )
    if script.is_lost_in_thought:
        return items
    if script.tool is None or script.is_cut:
        text = " ".join(script.text) if script.tool is None else script.cut_call
        return [*items, _message(text, _status(script))]
    name, given = script.tool
    call = {
        "type": "function_call",
        "id": "fc_scripted",
        "call_id": "call_scripted_1",
        "name": name,
        "arguments": msgspec.json.encode(given).decode(),
        "status": "completed",
    }
    return [*items, call]


def _message(text: str, status: str) -> dict[str, Any]:
    return {
        "type": "message",
        "id": "msg_scripted",
        "role": "assistant",
        "status": status,
        "content": [_text(text)],
    }


def _text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _emptied(item: dict[str, Any]) -> dict[str, Any]:
    return {"arguments": ""} if item["type"] == "function_call" else {"content": []}


def _parts(script: Script, item: dict[str, Any], at: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events between the beginning and the end of an item."""
    if item["type"] == "function_call":
        text = item["arguments"]
        half = len(text) // 2
        kind = "response.function_call_arguments"
        deltas = [
            {"type": f"{kind}.delta", **at, "delta": one} for one in (text[:half], text[half:])
        ]
        return [*deltas, {"type": f"{kind}.done", **at, "name": item["name"], "arguments": text}]
    where = {**at, "content_index": 0}
    part = item["content"][0]
    kind = f"response.{part['type']}"
    pieces: tuple[str, ...] = (part["text"],)
    more = {"logprobs": part["logprobs"]} if "logprobs" in part else {}
    if more and script.tool is None:
        pieces = script.spaced
    opened = {**part, "text": ""}
    return [
        {"type": "response.content_part.added", **where, "part": opened},
        *({"type": f"{kind}.delta", **where, **more, "delta": piece} for piece in pieces),
        {"type": f"{kind}.done", **where, **more, "text": part["text"]},
        {"type": "response.content_part.done", **where, "part": part},
    ]


def _response(script: Script, output: list[dict[str, Any]], status: str) -> dict[str, Any]:
    is_cut = status == "incomplete"
    return {
        "id": "resp_scripted",
        "object": "response",
        "created_at": MADE_AT,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "instructions": None,
        "metadata": {},
        "model": script.model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": None if status == "in_progress" else _usage(script),
    }


def _usage(script: Script) -> dict[str, Any]:
    thought = 3 if script.does("think") else 0
    spoken = len(script.text)
    return {
        "input_tokens": script.input_tokens,
        "input_tokens_details": {"cached_tokens": script.cached_tokens},
        "output_tokens": spoken + thought,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": script.input_tokens + spoken + thought,
    }


__all__ = ["PATH", "STREAM_TYPE", "broken", "error", "stream", "too_long", "whole"]
