"""What the official SDKs put into their history is known again when they send it back."""

from typing import Any

import anthropic
import openai
import pytest

from tests.doubles.serving_house import House

RESTRICTED = {"x-perimeter-label": "restricted"}
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}, "deep": {"type": "boolean"}}}
CHAT_TOOL: Any = {"type": "function", "function": {"name": "read", "parameters": SCHEMA}}
TOOL: Any = {"name": "read", "description": "", "input_schema": SCHEMA}
RESPONSES_TOOL: Any = {"type": "function", "name": "read", "parameters": SCHEMA, "strict": False}
BEHAVIOURS = ["mock:words=40", "mock:words=1", "mock:tool", "mock:tool mock:think mock:words=30"]


def label_of(house: House, headers: Any) -> str:
    return str(house.record(headers["x-perimeter-record"])["label"])


def result_of(call_id: str) -> dict[str, str]:
    return {"role": "tool", "tool_call_id": call_id, "content": "42"}


@pytest.mark.parametrize("model", ["code", "local-model"])
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("stream", [True, False])
def test_openai_chat(house: House, behaviour: str, model: str, *, stream: bool) -> None:
    client = openai.OpenAI(base_url=f"{house.url}/v1", api_key=house.gateway.keys["website"])
    history: list[Any] = [{"role": "user", "content": f"{behaviour} chat {model} {stream}"}]
    asked = {"model": model, "messages": history, "tools": [CHAT_TOOL]}
    asked["extra_headers"] = RESTRICTED
    if stream:
        with client.chat.completions.stream(**asked) as events:
            message = events.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(**asked).choices[0].message
    history.append(message.model_dump(exclude_none=True, exclude={"parsed"}))
    history += [result_of(call.id) for call in message.tool_calls or []]
    history.append({"role": "user", "content": "and now?"})
    for call in history[1].get("tool_calls", []):
        call["function"].pop("parsed_arguments", None)
    again = client.chat.completions.with_raw_response.create(model=model, messages=history)
    assert label_of(house, again.headers) == "restricted"


@pytest.mark.parametrize("model", ["code", "local-model"])
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("stream", [True, False])
def test_anthropic_messages(house: House, behaviour: str, model: str, *, stream: bool) -> None:
    client = anthropic.Anthropic(base_url=house.url, api_key=house.gateway.keys["website"])
    history: list[Any] = [{"role": "user", "content": f"{behaviour} messages {model} {stream}"}]
    asked: Any = {"model": model, "messages": history, "tools": [TOOL], "max_tokens": 64}
    asked["extra_headers"] = RESTRICTED
    if stream:
        with client.messages.stream(**asked) as events:
            message = events.get_final_message()
    else:
        message = client.messages.create(**asked)
    content = [block.model_dump(exclude_none=True) for block in message.content]
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "42"}
        for block in content
        if block["type"] == "tool_use"
    ]
    history.append({"role": "assistant", "content": content})
    history.append({"role": "user", "content": [*results, {"type": "text", "text": "and now?"}]})
    del asked["extra_headers"]
    again = client.messages.with_raw_response.create(**asked)
    assert label_of(house, again.headers) == "restricted"


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("stream", [True, False])
def test_openai_responses(house: House, behaviour: str, *, stream: bool) -> None:
    client = openai.OpenAI(base_url=f"{house.url}/v1", api_key=house.gateway.keys["website"])
    history: list[Any] = [{"role": "user", "content": f"{behaviour} responses {stream}"}]
    asked: Any = {
        "model": "local-model",
        "input": history,
        "tools": [RESPONSES_TOOL],
        "store": False,
    }
    if stream:
        with client.responses.stream(**asked, extra_headers=RESTRICTED) as events:
            response = events.get_final_response()
    else:
        response = client.responses.create(**asked, extra_headers=RESTRICTED)
    for item in response.output:
        told = item.model_dump(exclude_none=True)
        told.pop("parsed_arguments", None)
        for part in told.get("content", []):
            part.pop("parsed", None)
        history.append(told)
        if told["type"] == "function_call":
            output = {"type": "function_call_output", "call_id": told["call_id"], "output": "42"}
            history.append(output)
    history.append({"role": "user", "content": "and now?"})
    again = client.responses.with_raw_response.create(**asked)
    assert label_of(house, again.headers) == "restricted"
