"""Judges a stream of responses, with OpenAI's own types and client, and none of our code."""

from typing import Any

import httpx2
import msgspec
import openai
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

Happened = dict[str, Any]

_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_LAST = ("response.completed", "response.incomplete")
_TEXTS = {
    "response.output_text.delta": "response.output_text.done",
    "response.reasoning_text.delta": "response.reasoning_text.done",
    "response.function_call_arguments.delta": "response.function_call_arguments.done",
}


def events_of(stream: bytes) -> list[Happened]:
    """Return the events of a stream that ends well; AssertionError where it breaks the grammar."""
    events = lumps_of(stream)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in _LAST
    assert not any(kind in _LAST for kind in kinds[:-1])
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    _items(events)
    return events


def lumps_of(stream: bytes) -> list[Happened]:
    """Return all events, each accepted by OpenAI's types under the name of its line."""
    assert stream.endswith(b"\n\n")
    events = []
    for lump in stream[:-2].split(b"\n\n"):
        name, data = lump.split(b"\n")
        event = msgspec.json.decode(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        _EVENT.validate_python(event)
        events.append(event)
    return events


def streamed(stream: bytes) -> Response:
    """Return what OpenAI's client accumulates; RuntimeError without a completed response."""
    with _client(stream, "text/event-stream").responses.stream(model="m", input="x") as events:
        return events.get_final_response()


def heard(stream: bytes) -> list[Any]:
    """Return the events as OpenAI's client yields them; openai.APIError for an error."""
    return list(
        _client(stream, "text/event-stream").responses.create(model="m", input="x", stream=True)
    )


def whole(body: bytes) -> Response:
    """Return the response as OpenAI's client reads it, validated."""
    Response.model_validate_json(body)
    return _client(body, "application/json").responses.create(model="m", input="x")


def refused(status: int, body: bytes) -> openai.APIStatusError:
    """Return the error that OpenAI's client raises."""
    try:
        _client(body, "application/json", status).responses.create(model="m", input="x")
    except openai.APIStatusError as error:
        return error
    raise AssertionError("the SDK took an error for a response")


def _client(body: bytes, content_type: str, status: int = 200) -> openai.OpenAI:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": content_type})

    return openai.OpenAI(
        api_key="none",
        base_url="http://engine.invalid/v1",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer), trust_env=False),
    )


def _items(events: list[Happened]) -> None:
    """Every item opens before it speaks, says the same in pieces and as a whole, and closes."""
    opened: dict[int, Happened] = {}
    closed: dict[int, Happened] = {}
    said: dict[tuple[str, int], str] = {}
    for event in events[2:-1]:
        at, kind = event["output_index"], event["type"]
        if kind == "response.output_item.added":
            assert at == len(opened)
            opened[at] = event["item"]
            continue
        assert at in opened
        assert at not in closed
        assert event.get("item_id", opened[at]["id"]) == opened[at]["id"]
        if kind in _TEXTS:
            said[(_TEXTS[kind], at)] = said.get((_TEXTS[kind], at), "") + event["delta"]
        elif kind in _TEXTS.values():
            told = event.get("text", event.get("arguments"))
            spoken = said.get((kind, at))
            assert told == spoken if spoken else told in {"", "{}"}
        elif kind == "response.output_item.done":
            _same(opened[at], event["item"])
            closed[at] = event["item"]
    assert list(opened) == sorted(closed)
    final = events[-1]["response"]
    assert final["output"] == [closed[at] for at in sorted(closed)]
    assert final["status"] == events[-1]["type"].removeprefix("response.")


def _same(before: Happened, after: Happened) -> None:
    for name in ("id", "type", "call_id", "name"):
        assert before.get(name) == after.get(name)
    assert before["status"] == "in_progress"
    assert after["status"] in {"completed", "incomplete"}
