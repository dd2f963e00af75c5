"""openai for Python: chat completions."""

from errand import ERRAND, MAX_TOKENS, PATH_SCHEMA, READ_FILE, READS, drive, run_tool
from openai import OpenAI
from pydantic import BaseModel

client = OpenAI(base_url=f"{ERRAND.url}/v1", api_key=ERRAND.key, max_retries=0)
FUNCTION = {"name": READ_FILE, "description": READS, "parameters": PATH_SCHEMA, "strict": True}
TOOLS = [{"type": "function", "function": FUNCTION}]


class Found(BaseModel):
    word: str


def ask(messages: list, **more):
    return client.chat.completions.create(
        model=ERRAND.model, max_tokens=MAX_TOKENS, messages=messages, **more
    )


def whole() -> str:
    return ask(ERRAND.said).choices[0].message.content


def streamed() -> list[str]:
    chunks = list(ask(ERRAND.said, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens > 0
    return [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]


def called() -> str:
    messages = ERRAND.asked
    reply = ask(messages, tools=TOOLS, parallel_tool_calls=False).choices[0]
    assert reply.finish_reason == "tool_calls"
    messages.append(reply.message)
    for call in reply.message.tool_calls:
        found = run_tool(call.function.name, call.function.arguments)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": found})
    return ask(messages, tools=TOOLS).choices[0].message.content


def called_streamed() -> str:
    with client.chat.completions.stream(
        model=ERRAND.model, messages=ERRAND.asked, tools=TOOLS
    ) as stream:
        message = stream.get_final_completion().choices[0].message
    call = message.tool_calls[0]
    found = run_tool(call.function.name, call.function.arguments)
    result = {"role": "tool", "tool_call_id": call.id, "content": found}
    return ask([*ERRAND.asked, message, result], tools=TOOLS).choices[0].message.content


def shaped() -> str:
    reply = client.chat.completions.parse(
        model=ERRAND.model, messages=ERRAND.said, response_format=Found
    )
    return reply.choices[0].message.parsed.word


drive(whole=whole, streamed=streamed, called=called, called_streamed=called_streamed, shaped=shaped)
