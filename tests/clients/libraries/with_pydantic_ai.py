"""pydantic-ai, over chat completions, responses and messages."""

from errand import ERRAND, drive, read_file
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider


class Found(BaseModel):
    word: str


def agent(**more) -> Agent:
    if ERRAND.face == "messages":
        provider = AnthropicProvider(base_url=ERRAND.url, api_key=ERRAND.key)
        return Agent(AnthropicModel(ERRAND.model, provider=provider), **more)
    kind = OpenAIResponsesModel if ERRAND.face == "responses" else OpenAIChatModel
    provider = OpenAIProvider(base_url=f"{ERRAND.url}/v1", api_key=ERRAND.key)
    return Agent(kind(ERRAND.model, provider=provider), **more)


async def run(prompt: str, **more):
    return (await agent(**more).run(prompt)).output


async def run_streamed(prompt: str, **more) -> list[str]:
    async with agent(**more).run_stream(prompt) as running:
        return [piece async for piece in running.stream_text(delta=True, debounce_by=None)]


async def shaped() -> str:
    return (await run(ERRAND.say, output_type=NativeOutput(Found))).word


async def shaped_call() -> str:
    return (await run(ERRAND.say, output_type=Found)).word


drive(
    whole=lambda: run(ERRAND.say),
    streamed=lambda: run_streamed(ERRAND.say),
    called=lambda: run(ERRAND.read, tools=[read_file]),
    called_streamed=lambda: run_streamed(ERRAND.read, tools=[read_file]),
    shaped=shaped,
    shaped_call=shaped_call,
)
