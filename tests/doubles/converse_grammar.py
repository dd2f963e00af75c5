"""The grammar of a ConverseStream, as botocore reads it: what a client may count on."""

from typing import Any

import msgspec

from tests.doubles.bedrock_vendor import assert_events_are_of_the_shape, parsed_stream


def assert_converse_grammar(raw: bytes) -> dict[str, Any]:
    """Check the order of all events, and return the reply that a client assembles from them."""
    assert_events_are_of_the_shape(raw)
    events = [next(iter(one.items())) for one in parsed_stream(raw)]
    kinds = [kind for kind, _ in events]
    assert kinds[0] == "messageStart"
    assert kinds[-2:] == ["messageStop", "metadata"]
    assert events[0][1] == {"role": "assistant"}
    blocks: list[dict[str, Any]] = []
    is_open = False
    for kind, event in events[1:-2]:
        at = event["contentBlockIndex"]
        if kind == "contentBlockStart":
            assert not is_open
            assert at == len(blocks)
            blocks.append({"toolUse": {**event["start"]["toolUse"], "input": ""}})
            is_open = True
        elif kind == "contentBlockDelta":
            if not is_open:
                assert at == len(blocks)
                blocks.append({})
                is_open = True
            assert at == len(blocks) - 1
            _add(blocks[-1], event["delta"])
        else:
            assert kind == "contentBlockStop"
            assert is_open
            assert at == len(blocks) - 1
            is_open = False
    assert not is_open
    return _reply(blocks, events[-2][1], events[-1][1])


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    if "toolUse" in delta:
        block["toolUse"]["input"] += delta["toolUse"]["input"]
    elif "text" in delta:
        assert not block.keys() - {"text"}
        block["text"] = block.get("text", "") + delta["text"]
    else:
        said = delta["reasoningContent"]
        assert not block.keys() - {"reasoningContent"}
        held = block.setdefault("reasoningContent", {})
        for name, value in said.items():
            held[name] = held[name] + value if name in held else value


def _reply(
    blocks: list[dict[str, Any]], stop: dict[str, Any], meta: dict[str, Any]
) -> dict[str, Any]:
    content = []
    for block in blocks:
        if "toolUse" in block:
            call = block["toolUse"]
            content.append({"toolUse": {**call, "input": msgspec.json.decode(call["input"])}})
        elif "reasoningContent" in block and "redactedContent" not in block["reasoningContent"]:
            said = {"text": "", **block["reasoningContent"]}
            content.append({"reasoningContent": {"reasoningText": said}})
        else:
            content.append(block)
    message = {"role": "assistant", "content": content}
    return {"output": {"message": message}, **stop, **meta}
