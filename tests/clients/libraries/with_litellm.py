"""litellm, as a library, by each of its providers that a gateway can stand for."""

import litellm
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

FUNCTION = {"name": READ_FILE, "description": READS, "parameters": PATH_SCHEMA}
TOOLS = [{"type": "function", "function": FUNCTION}]
SHAPE = {
    "type": "json_schema",
    "json_schema": {"name": "found", "schema": WORD_SCHEMA, "strict": True},
}


def known() -> dict:
    """Return how a provider is pointed at the gateway."""
    if ERRAND.face == "chat":
        base = f"{ERRAND.url}/v1"
        return {"model": f"openai/{ERRAND.model}", "api_base": base, "api_key": ERRAND.key}
    if ERRAND.face == "converse":
        name, _, secret = ERRAND.key.partition(":")
        pair = {"aws_access_key_id": name, "aws_secret_access_key": secret}
        return {
            "model": f"bedrock/converse/{ERRAND.model}",
            "aws_bedrock_runtime_endpoint": ERRAND.url,
            "aws_region_name": "eu-central-1",
            **pair,
        }
    provider = {"messages": "anthropic", "ollama": "ollama_chat"}[ERRAND.face]
    return {"model": f"{provider}/{ERRAND.model}", "api_base": ERRAND.url, "api_key": ERRAND.key}


def ask(messages: list, **more):
    return litellm.completion(
        messages=messages, max_tokens=MAX_TOKENS, num_retries=0, **known(), **more
    )


def pieces(chunks) -> list[str]:
    return [chunk.choices[0].delta.content or "" for chunk in chunks]


def results(message) -> list:
    assert message.tool_calls
    told = [
        {
            "role": "tool",
            "tool_call_id": call.id,
            "name": call.function.name,
            "content": run_tool(call.function.name, call.function.arguments),
        }
        for call in message.tool_calls
    ]
    return [*ERRAND.asked, message.model_dump(), *told]


def called() -> str:
    first = ask(ERRAND.asked, tools=TOOLS).choices[0].message
    return ask(results(first), tools=TOOLS).choices[0].message.content


def called_streamed() -> list[str]:
    chunks = list(ask(ERRAND.asked, tools=TOOLS, stream=True))
    message = litellm.stream_chunk_builder(chunks).choices[0].message
    return pieces(ask(results(message), tools=TOOLS, stream=True))


drive(
    whole=lambda: ask(ERRAND.said).choices[0].message.content,
    streamed=lambda: pieces(ask(ERRAND.said, stream=True)),
    called=called,
    called_streamed=called_streamed,
    shaped=lambda: word_of(ask(ERRAND.said, response_format=SHAPE).choices[0].message.content),
)
