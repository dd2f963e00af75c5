"""openai-agents, over responses and over chat completions."""

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from errand import ERRAND, drive, read_file
from openai import AsyncOpenAI
from pydantic import BaseModel

set_tracing_disabled(disabled=True)
KIND = OpenAIResponsesModel if ERRAND.face == "responses" else OpenAIChatCompletionsModel


class Found(BaseModel):
    word: str


def agent(**more) -> Agent:
    client = AsyncOpenAI(base_url=f"{ERRAND.url}/v1", api_key=ERRAND.key, max_retries=0)
    return Agent(name="Reader", model=KIND(ERRAND.model, client), **more)


async def run(prompt: str, **more):
    return (await Runner.run(agent(**more), prompt)).final_output


async def run_streamed(prompt: str, **more) -> list[str]:
    running = Runner.run_streamed(agent(**more), prompt)
    return [
        event.data.delta
        async for event in running.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]


async def shaped() -> str:
    return (await run(ERRAND.say, output_type=Found)).word


drive(
    whole=lambda: run(ERRAND.say),
    streamed=lambda: run_streamed(ERRAND.say),
    called=lambda: run(ERRAND.read, tools=[function_tool(read_file)]),
    called_streamed=lambda: run_streamed(ERRAND.read, tools=[function_tool(read_file)]),
    shaped=shaped,
)
