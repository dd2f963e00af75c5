"""A gateway in front of Bedrock: official clients ask, a Bedrock that believes nobody answers."""

from collections.abc import Iterator

import anthropic
import httpx2
import msgspec
import ollama
import openai
import pytest

from tests.doubles.bedrock_house import bedrock_house
from tests.doubles.fake_bedrock import REGION, SECRET_KEY, FakeBedrock, fake_bedrock
from tests.doubles.running_gateway import RunningGateway

NOVA = "nova-model"
PATH = "/model/eu.amazon.nova-pro-v1%3A0"
LONG = "mcp__a_server_with_a_rather_long_name__and_a_tool_whose_name_is_long_too"
ASKED = [{"role": "user", "content": "hello"}]
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
OPENAI_TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": SCHEMA}}
    for name in ("Read", LONG[:64])
]
ANTHROPIC_TOOLS = [{"name": name, "input_schema": SCHEMA} for name in ("Read", LONG)]
CALLS = [("Read", {"path": "é-0"}), (LONG, {"path": "é-1"})]


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeBedrock]:
    with fake_bedrock() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    fake: FakeBedrock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    with bedrock_house(fake, tmp_path_factory.mktemp("bedrock")) as running:
        yield running


@pytest.fixture(autouse=True)
def _fake_behaves(fake: FakeBedrock) -> None:
    fake.next.clear()
    fake.refusals.clear()
    fake.breaks_with = ""


@pytest.fixture
def claude(gateway: RunningGateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        api_key=gateway.keys["website"],
        base_url=gateway.url,
        max_retries=0,
        http_client=httpx2.Client(trust_env=False),
    ) as client:
        yield client


@pytest.fixture
def chat(gateway: RunningGateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key=gateway.keys["website"],
        base_url=f"{gateway.url}/v1",
        max_retries=0,
        http_client=_no_environment(),
    ) as client:
        yield client


def _no_environment():
    return openai.DefaultHttpxClient(trust_env=False)


def test_an_anthropic_client_is_answered_whole(fake: FakeBedrock, claude) -> None:
    said = claude.messages.create(model=NOVA, max_tokens=64, messages=ASKED)
    assert said.content[0].text == "Hello from Bedrock, é."
    assert (said.model, said.stop_reason) == (NOVA, "end_turn")
    assert (said.usage.input_tokens, said.usage.output_tokens) == (12, 5)
    path, headers, body = fake.seen[-1]
    assert path == f"{PATH}/converse"
    assert body["inferenceConfig"] == {"maxTokens": 64}
    assert f"/{REGION}/bedrock/aws4_request" in headers["authorization"]


def test_an_anthropic_client_is_answered_in_a_stream_with_tools(fake: FakeBedrock, claude) -> None:
    asked = {"model": NOVA, "max_tokens": 64, "tools": ANTHROPIC_TOOLS}
    with claude.messages.stream(messages=ASKED, **asked) as stream:
        said = stream.get_final_message()
    calls = [block for block in said.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == CALLS
    assert said.stop_reason == "tool_use"
    assert said.usage.output_tokens == 5
    path, _, body = fake.seen[-1]
    assert path == f"{PATH}/converse-stream"
    names = [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]]
    assert names[0] == "Read"
    assert len(names[1]) == 64
    whole = claude.messages.create(messages=ASKED, **asked)
    assert [(one.name, one.input) for one in whole.content if one.type == "tool_use"] == CALLS
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "done"} for call in calls]
    history = [
        *ASKED,
        {"role": "assistant", "content": [block.to_dict() for block in said.content]},
        {"role": "user", "content": results},
    ]
    after = claude.messages.create(messages=history, **asked)
    assert after.content[0].text == "Hello from Bedrock, é."
    used = [block["toolUse"] for block in fake.seen[-1][2]["messages"][1]["content"][1:]]
    assert [one["name"] for one in used] == names


def test_an_openai_client_is_answered_whole_and_in_a_stream(chat) -> None:
    whole = chat.chat.completions.create(model="code", messages=ASKED)
    assert whole.choices[0].message.content == "Hello from Bedrock, é."
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (12, 5)
    stream = chat.chat.completions.create(model="code", messages=ASKED, stream=True)
    words = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert "".join(words) == "Hello from Bedrock, é."


def test_an_openai_client_calls_tools(chat) -> None:
    with chat.chat.completions.stream(model="code", messages=ASKED, tools=OPENAI_TOOLS) as stream:
        streamed = stream.get_final_completion()
    whole = chat.chat.completions.create(model="code", messages=ASKED, tools=OPENAI_TOOLS)
    for said in (streamed, whole):
        assert said.choices[0].finish_reason == "tool_calls"
        calls = said.choices[0].message.tool_calls
        found = [(call.function.name, msgspec.json.decode(call.function.arguments))
                 for call in calls]  # fmt: skip
        assert found == [("Read", {"path": "é-0"}), (LONG[:64], {"path": "é-1"})]


def test_an_ollama_client_is_answered_whole_and_in_a_stream_with_tools(gateway) -> None:
    headers = {"authorization": f"Bearer {gateway.keys['website']}"}
    client = ollama.Client(gateway.url, headers=headers, trust_env=False)
    whole = client.chat("code", ASKED)
    assert whole.message.content == "Hello from Bedrock, é."
    assert (whole.done_reason, whole.prompt_eval_count, whole.eval_count) == ("stop", 12, 5)
    tools = [OPENAI_TOOLS[0], {**OPENAI_TOOLS[0], "function": {"name": LONG, "parameters": SCHEMA}}]
    lines = list(client.chat("code", ASKED, tools=tools, stream=True))
    calls = [call.function for line in lines for call in line.message.tool_calls or ()]
    assert [(call.name, dict(call.arguments)) for call in calls] == CALLS
    assert (lines[-1].done, lines[-1].eval_count) == (True, 5)


def test_the_record_names_the_zone_and_the_provider_keeps_our_id(
    fake: FakeBedrock, gateway: RunningGateway, claude
) -> None:
    raw = claude.messages.with_raw_response.create(model=NOVA, max_tokens=64, messages=ASKED)
    record_id = raw.headers["x-perimeter-record"]
    assert fake.seen[-1][2]["requestMetadata"] == {"perimeter-record": record_id}
    record = gateway.record(record_id)
    assert record["outcome"]
    assert fake.refusals == []


def test_what_stays_at_home_is_never_asked_of_bedrock(
    fake: FakeBedrock, gateway: RunningGateway
) -> None:
    seen = len(fake.seen)
    with (
        anthropic.Anthropic(
            api_key=gateway.keys["payments"],
            base_url=gateway.url,
            max_retries=0,
            http_client=httpx2.Client(trust_env=False),
        ) as client,
        pytest.raises(anthropic.BadRequestError),
    ):
        client.messages.create(model="code", max_tokens=64, messages=ASKED)
    assert len(fake.seen) == seen


def test_an_exception_inside_a_stream_reaches_the_client_as_an_error(
    fake: FakeBedrock, gateway: RunningGateway, claude, chat
) -> None:
    fake.breaks_with = "modelStreamErrorException"
    with (
        pytest.raises(anthropic.APIStatusError),
        claude.messages.stream(model="code", max_tokens=64, messages=ASKED) as stream,
    ):
        stream.get_final_message()
    headers = {"authorization": f"Bearer {gateway.keys['website']}"}
    local = ollama.Client(gateway.url, headers=headers, trust_env=False)
    with pytest.raises(ollama.ResponseError):
        list(local.chat("code", ASKED, stream=True))
    with pytest.raises(openai.APIError):
        list(chat.chat.completions.create(model="code", messages=ASKED, stream=True))


@pytest.mark.parametrize(
    ("refusal", "status", "said"),
    [
        ((400, "ValidationException", "S-rejected"), 400, "S-rejected"),
        ((403, "AccessDeniedException", "S-hidden"), 502, "tried and failed"),
        ((424, "ModelErrorException", "S-hidden"), 502, "tried and failed"),
    ],
)
def test_an_error_of_bedrock_is_told_in_the_clients_own_form(
    fake: FakeBedrock, claude, refusal, status: int, said: str
) -> None:
    fake.next.append(refusal)
    with pytest.raises(anthropic.APIStatusError) as caught:
        claude.messages.create(model="code", max_tokens=64, messages=ASKED)
    assert caught.value.status_code == status
    assert said in str(caught.value)
    assert "S-hidden" not in str(caught.value)


def test_a_throttled_call_is_signed_anew_and_answered(fake: FakeBedrock, claude) -> None:
    fake.next.append((429, "ThrottlingException", "slow down"))
    before = len(fake.seen)
    said = claude.messages.create(model="code", max_tokens=64, messages=ASKED)
    assert said.content[0].text == "Hello from Bedrock, é."
    assert len(fake.seen) == before + 2


def test_a_timeout_at_bedrock_lets_the_backend_rest(fake: FakeBedrock, claude) -> None:
    fake.next.append((408, "ModelTimeoutException", "S-hidden"))
    for status in (504, 503):
        with pytest.raises(anthropic.APIStatusError) as caught:
            claude.messages.create(model="code", max_tokens=64, messages=ASKED)
        assert caught.value.status_code == status


def test_no_secret_stands_in_the_log(gateway: RunningGateway) -> None:
    assert SECRET_KEY not in gateway.log.read_text()
