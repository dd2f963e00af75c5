"""smolagents: an agent that calls tools, and says its answer by one, too."""

from errand import ERRAND, READS, drive, read_file
from smolagents import ChatMessage, LogLevel, OpenAIServerModel, Tool, ToolCallingAgent

model = OpenAIServerModel(
    ERRAND.model,
    api_base=f"{ERRAND.url}/v1",
    api_key=ERRAND.key,
    client_kwargs={"max_retries": 0},
    retry=False,
)


class Reader(Tool):
    name = "read_file"
    description = READS
    inputs = {"path": {"type": "string", "description": "where it stands"}}  # noqa: RUF012
    output_type = "string"

    def forward(self, path: str) -> str:
        return read_file(path)


def agent(*, streams: bool = False) -> ToolCallingAgent:
    return ToolCallingAgent(
        tools=[Reader()], model=model, stream_outputs=streams, verbosity_level=LogLevel.OFF
    )


def said() -> list[ChatMessage]:
    return [ChatMessage(role="user", content=[{"type": "text", "text": ERRAND.say}])]


drive(
    whole=lambda: model.generate(said()).content,
    streamed=lambda: [delta.content or "" for delta in model.generate_stream(said())],
    called=lambda: str(agent().run(ERRAND.read)),
    called_streamed=lambda: str(agent(streams=True).run(ERRAND.read)),
)
