"""Bedrock's paths like Anthropic's and OpenAI's: official clients ask, and a Bedrock answers there.

The same clients, pointed at the fake itself, judge what it takes and answers.
"""

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import msgspec
import openai
import pytest

from tests.doubles.bedrock_house import CLAUDE, GPT, bedrock_house
from tests.doubles.compatible_bedrock import CHAT, MESSAGES, RESPONSES, WORDS
from tests.doubles.fake_bedrock import API_KEY, REGION, FakeBedrock, fake_bedrock
from tests.doubles.running_gateway import RunningGateway

ASKED: list[Any] = [{"role": "user", "content": "hello"}]
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
TOOL: Any = {"name": "Read", "description": "Reads.", "input_schema": SCHEMA}
FUNCTION = {"name": "Read", "description": "Reads.", "parameters": SCHEMA, "strict": False}
BETA = "interleaved-thinking-2025-05-14"


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeBedrock]:
    with fake_bedrock(host="127.0.2.7") as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    fake: FakeBedrock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("compatible")
    with bedrock_house(fake, folder, compatible=True) as running:
        yield running


@pytest.fixture(autouse=True)
def _fake_behaves(fake: FakeBedrock) -> Iterator[None]:
    fake.next.clear()
    fake.refusals.clear()
    fake.breaks_with = ""
    yield
    assert fake.refusals == []


class At:
    """The clients of both vendors, at the gateway or at the fake itself."""

    def __init__(self, url: str, key: str, claude: str, gpt: str) -> None:
        self.claude, self.gpt = claude, gpt
        plain = {"api_key": key, "max_retries": 0}
        behind = "" if claude != CLAUDE else "/anthropic"
        openais = "/v1" if gpt != GPT else "/openai/v1"
        # WHY: the vendor's client for this very interface; it is told another host, no more.
        self.anthropic = anthropic.AnthropicBedrockMantle(
            base_url=f"{url}{behind}",
            aws_region=REGION,
            http_client=httpx2.Client(trust_env=False),
            **plain,
        )
        self.openai = openai.BedrockOpenAI(
            base_url=f"{url}{openais}",
            aws_region=REGION,
            http_client=openai.DefaultHttpxClient(trust_env=False),
            **plain,
        )


@pytest.fixture(params=["gateway", "fake"])
def at(request: pytest.FixtureRequest, fake: FakeBedrock, gateway: RunningGateway) -> Iterator[At]:
    if request.param == "fake":
        made = At(fake.url, API_KEY, CLAUDE, GPT)
    else:
        made = At(gateway.url, gateway.keys["website"], "cloud-model", "gpt-model")
    with made.anthropic, made.openai:
        yield made


def test_anthropics_client_for_bedrock_talks_and_calls_tools(at: At, fake: FakeBedrock) -> None:
    asked: dict[str, Any] = {"model": at.claude, "max_tokens": 64}
    said = at.anthropic.messages.create(messages=ASKED, **asked)
    assert said.content[0].text == WORDS
    assert fake.seen[-1][0] == MESSAGES
    with at.anthropic.messages.stream(messages=ASKED, tools=[TOOL], **asked) as stream:
        call = stream.get_final_message()
    assert (call.stop_reason, call.usage.output_tokens) == ("tool_use", 5)
    assert [block.input for block in call.content if block.type == "tool_use"] == [{"path": "é-0"}]
    whole = at.anthropic.messages.create(messages=ASKED, tools=[TOOL], **asked)
    result = {"type": "tool_result", "tool_use_id": whole.content[1].id, "content": "done"}
    turns = [
        {"role": "assistant", "content": [block.to_dict() for block in whole.content]},
        {"role": "user", "content": [result]},
    ]
    after = at.anthropic.messages.create(messages=[*ASKED, *turns], tools=[TOOL], **asked)
    assert after.content[0].text == WORDS
    path, _, body = fake.seen[-1]
    assert (path, body["model"]) == (MESSAGES, CLAUDE)
    assert body["messages"][1:] == turns


def test_openais_client_for_bedrock_chats_and_calls_tools(at: At, fake: FakeBedrock) -> None:
    tools: Any = [{"type": "function", "function": FUNCTION}]
    chat = at.openai.chat.completions
    whole = chat.create(model=at.gpt, messages=ASKED)
    assert whole.choices[0].message.content == WORDS
    assert whole.usage.completion_tokens == 5
    chunks = list(chat.create(model=at.gpt, messages=ASKED, stream=True))
    assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == WORDS
    with chat.stream(model=at.gpt, messages=ASKED, tools=tools) as stream:
        called = stream.get_final_completion().choices[0]
    assert called.finish_reason == "tool_calls"
    given = called.message.tool_calls[0]
    assert msgspec.json.decode(given.function.arguments) == {"path": "é-0"}
    turns = [called.message.to_dict(), {"role": "tool", "tool_call_id": given.id, "content": "x"}]
    after = chat.create(model=at.gpt, messages=[*ASKED, *turns], tools=tools)
    assert after.choices[0].message.content == WORDS
    assert (fake.seen[-1][0], fake.seen[-1][2]["model"]) == (CHAT, GPT)


def test_openais_client_for_bedrock_asks_for_responses(at: At, fake: FakeBedrock) -> None:
    tools: Any = [{"type": "function", **FUNCTION}]
    whole = at.openai.responses.create(model=at.gpt, input="hello")
    assert (whole.output_text, whole.usage.output_tokens) == (WORDS, 5)
    with at.openai.responses.stream(model=at.gpt, input="hello", tools=tools) as stream:
        call = stream.get_final_response().output[0]
    assert (call.type, msgspec.json.decode(call.arguments)) == ("function_call", {"path": "é-0"})
    told = {"type": "function_call", "call_id": call.call_id, "name": call.name,
            "arguments": call.arguments}  # fmt: skip
    answer = {"type": "function_call_output", "call_id": call.call_id, "output": "done"}
    history: Any = [*ASKED, told, answer]
    with at.openai.responses.stream(model=at.gpt, input=history, tools=tools) as stream:
        assert stream.get_final_response().output_text == WORDS
    assert (fake.seen[-1][0], fake.seen[-1][2]["model"]) == (RESPONSES, GPT)


@pytest.mark.parametrize("client", ["anthropic", "openai"])
def test_a_stream_that_breaks_is_an_error_at_the_client(
    gateway: RunningGateway, fake: FakeBedrock, client: str
) -> None:
    made = At(gateway.url, gateway.keys["website"], "cloud-model", "gpt-model")
    fake.breaks_with = "modelStreamErrorException"
    with made.anthropic, made.openai:
        if client == "anthropic":
            with (
                pytest.raises(anthropic.APIError),
                made.anthropic.messages.stream(
                    model="cloud-model", max_tokens=9, messages=ASKED
                ) as stream,
            ):
                stream.get_final_message()
            return
        with pytest.raises(openai.APIError):
            list(
                made.openai.chat.completions.create(model="gpt-model", messages=ASKED, stream=True)
            )


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ((400, "ValidationException", "S-rejected"), (400, "S-rejected")),
        ((403, "AccessDeniedException", "S-hidden"), (502, "tried and failed")),
    ],
)
@pytest.mark.parametrize("surface", ["/v1/messages", "/v1/chat/completions", "/v1/responses"])
def test_an_error_there_is_told_in_the_clients_own_form(
    gateway: RunningGateway, fake: FakeBedrock, surface: str, refusal, told
) -> None:
    fake.next.append(refusal)
    model = "cloud-model" if surface == "/v1/messages" else "gpt-model"
    matter = {"input": "hello"} if surface == "/v1/responses" else {"messages": ASKED}
    reply = gateway.post(surface, {"model": model, "max_tokens": 9, **matter})
    assert reply.status_code == told[0]
    assert told[1] in reply.text
    assert "S-hidden" not in reply.text


def test_betas_and_version_are_told_in_the_head_and_signed(
    gateway: RunningGateway, fake: FakeBedrock
) -> None:
    made = At(gateway.url, gateway.keys["website"], "cloud-model", "gpt-model")
    with made.anthropic, made.openai:
        raw = made.anthropic.messages.with_raw_response.create(
            model="cloud-model",
            max_tokens=9,
            messages=ASKED,
            extra_headers={"anthropic-beta": f"{BETA},canary-2099-01-01"},
            extra_body={"service_tier": "auto", "temperature": 0.5},
        )
    _, headers, body = fake.seen[-1]
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["anthropic-beta"] == BETA
    assert body["temperature"] == 0.5
    assert f"/{REGION}/bedrock/aws4_request" in headers["authorization"]
    assert "anthropic_beta" in raw.headers["x-perimeter-lost"].split(", ")
    assert gateway.record(raw.headers["x-perimeter-record"])["outcome"]["kind"] == "completed"


def test_what_does_not_speak_these_paths_is_asked_as_before(
    gateway: RunningGateway, fake: FakeBedrock
) -> None:
    for surface, model, name in (
        ("/v1/chat/completions", "cloud-model", "converse"),
        ("/v1/messages", "nova-model", "converse"),
        ("/v1/messages/count_tokens", "cloud-model", "count-tokens"),
    ):
        body = {"model": model, "messages": ASKED}
        limit = {} if "count" in surface else {"max_tokens": 9}
        assert gateway.post(surface, {**body, **limit}).status_code == 200
        assert fake.seen[-1][0].rpartition("/")[2] == name


def test_what_stays_at_home_is_asked_of_none_of_them(
    gateway: RunningGateway, fake: FakeBedrock
) -> None:
    seen = len(fake.seen)
    made = At(gateway.url, gateway.keys["payments"], "cloud-model", "gpt-model")
    with made.anthropic, made.openai:
        with pytest.raises(anthropic.BadRequestError):
            made.anthropic.messages.create(model="cloud-model", max_tokens=9, messages=ASKED)
        with pytest.raises(openai.BadRequestError):
            made.openai.responses.create(model="gpt-model", input="hello")
    assert len(fake.seen) == seen
