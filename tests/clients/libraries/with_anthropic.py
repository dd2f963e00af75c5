"""anthropic for Python: messages."""

from anthropic import Anthropic
from errand import (
    ERRAND,
    MAX_TOKENS,
    PATH_SCHEMA,
    READ_FILE,
    READS,
    WORD_SCHEMA,
    drive,
    run_tool,
    word_of,
)

client = Anthropic(base_url=ERRAND.url, api_key=ERRAND.key, max_retries=0)
TOOLS = [{"name": READ_FILE, "description": READS, "input_schema": PATH_SCHEMA}]
SHAPE = {"format": {"type": "json_schema", "schema": WORD_SCHEMA}}
KNOWN = {"model": ERRAND.model, "max_tokens": MAX_TOKENS}


def results(message) -> list:
    told = [
        {
            "type": "tool_result",
            "tool_use_id": block.id,
            "content": run_tool(block.name, block.input),
        }
        for block in message.content
        if block.type == "tool_use"
    ]
    assert message.stop_reason == "tool_use"
    return [
        *ERRAND.asked,
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": told},
    ]


def whole() -> str:
    return client.messages.create(messages=ERRAND.said, **KNOWN).content[0].text


def streamed() -> list[str]:
    with client.messages.stream(messages=ERRAND.said, **KNOWN) as stream:
        pieces = list(stream.text_stream)
        assert stream.get_final_message().usage.output_tokens > 0
    return pieces


def called() -> str:
    told = results(client.messages.create(messages=ERRAND.asked, tools=TOOLS, **KNOWN))
    return client.messages.create(messages=told, tools=TOOLS, **KNOWN).content[0].text


def called_streamed() -> list[str]:
    with client.messages.stream(messages=ERRAND.asked, tools=TOOLS, **KNOWN) as stream:
        told = results(stream.get_final_message())
    with client.messages.stream(messages=told, tools=TOOLS, **KNOWN) as stream:
        return list(stream.text_stream)


def shaped() -> str:
    reply = client.messages.create(messages=ERRAND.said, output_config=SHAPE, **KNOWN)
    return word_of(reply.content[0].text)


drive(whole=whole, streamed=streamed, called=called, called_streamed=called_streamed, shaped=shaped)
