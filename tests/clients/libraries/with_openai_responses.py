"""openai for Python: responses."""

from errand import ERRAND, PATH_SCHEMA, READ_FILE, READS, drive, run_tool
from openai import OpenAI
from pydantic import BaseModel

client = OpenAI(base_url=f"{ERRAND.url}/v1", api_key=ERRAND.key, max_retries=0)
FUNCTION = {"name": READ_FILE, "description": READS, "parameters": PATH_SCHEMA, "strict": True}
TOOLS = [{"type": "function", **FUNCTION}]


class Found(BaseModel):
    word: str


def results(response) -> list:
    calls = [item for item in response.output if item.type == "function_call"]
    assert calls
    told = [
        {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": run_tool(call.name, call.arguments),
        }
        for call in calls
    ]
    return [*ERRAND.asked, *response.output, *told]


def whole() -> str:
    return client.responses.create(model=ERRAND.model, input=ERRAND.say, store=False).output_text


def streamed() -> list[str]:
    with client.responses.stream(model=ERRAND.model, input=ERRAND.say) as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
        assert stream.get_final_response().output_text == "".join(pieces)
    return pieces


def called() -> str:
    first = client.responses.create(model=ERRAND.model, input=ERRAND.asked, tools=TOOLS)
    told = results(first)
    return client.responses.create(model=ERRAND.model, input=told, tools=TOOLS).output_text


def called_streamed() -> list[str]:
    with client.responses.stream(model=ERRAND.model, input=ERRAND.asked, tools=TOOLS) as stream:
        told = results(stream.get_final_response())
    with client.responses.stream(model=ERRAND.model, input=told, tools=TOOLS) as stream:
        return [event.delta for event in stream if event.type == "response.output_text.delta"]


def shaped() -> str:
    reply = client.responses.parse(model=ERRAND.model, input=ERRAND.say, text_format=Found)
    return reply.output_parsed.word


drive(whole=whole, streamed=streamed, called=called, called_streamed=called_streamed, shaped=shaped)
