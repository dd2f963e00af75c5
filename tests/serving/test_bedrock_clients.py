"""Clients of Bedrock at the gateway: boto3 and Anthropic's own, whichever engine answers."""

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import httpx2
import msgspec
import pytest
from botocore.exceptions import ClientError

from tests.doubles.bedrock_house import CLAUDE, bedrock_client, bedrock_house, signing_client
from tests.doubles.fake_bedrock import COUNTED, FakeBedrock, fake_bedrock
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.scripted_engine import scripted_engine

HELLO = [{"role": "user", "content": [{"text": "hello"}]}]
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
TOOLS = {"tools": [{"toolSpec": {"name": "Read", "inputSchema": {"json": SCHEMA}}}]}
NATIVE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "hello"}],
}
EVERY = ["cloud-model", "nova-model", "home-model", "local-model"]
BROKEN = r"internalServerException|InternalServerException"
ANSWERS = {"Hello from Bedrock, é.", "home", "local"}


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeBedrock]:
    with fake_bedrock(host="127.0.2.8") as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    fake: FakeBedrock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("clients")
    with (
        scripted_engine(name="home", host="127.0.1.1") as home,
        scripted_engine(name="local", host="127.0.1.2") as local,
        bedrock_house(
            fake,
            folder,
            {"home": ("vllm", home.url, "on_prem"), "local": ("ollama", local.url, "on_prem")},
        ) as running,
    ):
        yield running


@pytest.fixture(autouse=True)
def _fake_behaves(fake: FakeBedrock) -> None:
    fake.next.clear()
    fake.refusals.clear()
    fake.breaks_with = ""


@pytest.fixture
def aws(gateway: RunningGateway) -> Any:
    return bedrock_client(gateway.url, gateway.keys["website"])


def words(stream: Any) -> tuple[str, list[str], dict[str, Any]]:
    """Return what was said, the kinds of the events, and the last one."""
    events = list(stream)
    deltas = (event.get("contentBlockDelta", {}).get("delta", {}) for event in events)
    kinds = [next(iter(event)) for event in events]
    return "".join(delta.get("text", "") for delta in deltas), kinds, events[-1]


@pytest.mark.parametrize("model", EVERY)
def test_boto3_converses_with_every_engine(gateway: RunningGateway, aws, model: str) -> None:
    whole = aws.converse(modelId=model, messages=HELLO, inferenceConfig={"maxTokens": 64})
    text = whole["output"]["message"]["content"][0]["text"]
    assert text in ANSWERS or text.partition(":")[0] in ANSWERS
    assert whole["stopReason"] == "end_turn"
    assert whole["usage"]["inputTokens"] > 0
    record_id = whole["ResponseMetadata"]["RequestId"]
    assert gateway.record(record_id)["outcome"]["kind"] == "completed"
    said = aws.converse_stream(modelId=model, messages=HELLO, inferenceConfig={"maxTokens": 64})
    streamed, kinds, last = words(said["stream"])
    assert streamed.split(":")[0] == text.split(":")[0]
    assert (kinds[0], kinds[-2], kinds[-1]) == ("messageStart", "messageStop", "metadata")
    assert last["metadata"]["usage"]["outputTokens"] > 0


@pytest.mark.parametrize("model", ["cloud-model", "home-model"])
def test_boto3_invokes_claudes_messages(aws, model: str) -> None:
    whole = aws.invoke_model(modelId=model, body=msgspec.json.encode(NATIVE))
    said = anthropic.types.Message.model_validate_json(whole["body"].read())
    assert said.content[0].text
    stream = aws.invoke_model_with_response_stream(modelId=model, body=msgspec.json.encode(NATIVE))
    events = [msgspec.json.decode(one["chunk"]["bytes"]) for one in stream["body"]]
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")
    deltas = [one["delta"] for one in events if one["type"] == "content_block_delta"]
    streamed = "".join(delta["text"] for delta in deltas)
    assert streamed.split(":")[0] == said.content[0].text.split(":")[0]


@pytest.mark.parametrize("model", ["cloud-model", "nova-model", "local-model"])
def test_anthropics_client_for_bedrock_calls_tools(gateway: RunningGateway, model: str) -> None:
    tools = [{"name": "Read", "description": "Reads.", "input_schema": SCHEMA}]
    with anthropic.AnthropicBedrock(
        api_key=gateway.keys["website"],
        aws_region="eu-central-1",
        base_url=gateway.url,
        max_retries=0,
        http_client=httpx2.Client(trust_env=False),
    ) as client:
        asked = {"model": model, "max_tokens": 64, "tools": tools}
        whole = client.messages.create(messages=NATIVE["messages"], **asked)
        with client.messages.stream(messages=NATIVE["messages"], **asked) as stream:
            streamed = stream.get_final_message()
        assert [block.type for block in streamed.content] == [b.type for b in whole.content]
        assert streamed.usage.output_tokens == whole.usage.output_tokens


def test_an_invocation_passes_through_to_claude_as_it_came(
    fake: FakeBedrock, gateway: RunningGateway, aws
) -> None:
    body = {
        **NATIVE,
        "anthropic_version": "2026-10-21",
        "anthropic_beta": ["interleaved-thinking-2025-05-14", "canary-2099-01-01"],
        "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
    }
    said = aws.invoke_model(modelId="cloud-model", body=msgspec.json.encode(body))
    path, headers, sent = fake.seen[-1]
    assert path == f"/model/{CLAUDE}/invoke"
    assert sent == {
        **body,
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["interleaved-thinking-2025-05-14"],
    }
    fields = said["ResponseMetadata"]["HTTPHeaders"]
    assert fields["x-perimeter-lost"] == "anthropic_beta"
    told = msgspec.json.decode(headers["x-amzn-bedrock-request-metadata"])
    assert told == {"perimeter-record": fields["x-perimeter-record"]}
    assert "x-amzn-bedrock-request-metadata" in headers["authorization"]
    assert fake.refusals == []


def test_converse_passes_through_without_what_must_not_leave(fake: FakeBedrock, aws) -> None:
    fields = {"top_k": 3, "container": "S-egress"}
    said = aws.converse(
        modelId="nova-model",
        messages=[
            {"role": "user", "content": [{"text": "hi"}, {"cachePoint": {"type": "default"}}]}
        ],
        requestMetadata={"who": "S-person"},
        serviceTier={"type": "priority"},
        additionalModelRequestFields=fields,
    )
    path, _, sent = fake.seen[-1]
    assert path == "/model/eu.amazon.nova-pro-v1%3A0/converse"
    assert sent["messages"][0]["content"][1] == {"cachePoint": {"type": "default"}}
    assert sent["additionalModelRequestFields"] == {"top_k": 3}
    assert "S-" not in msgspec.json.encode(sent).decode()
    lost = said["ResponseMetadata"]["HTTPHeaders"]["x-perimeter-lost"].split(", ")
    assert sorted(lost) == ["additional_model_request_fields", "request_metadata", "service_tier"]


@pytest.mark.parametrize("asked", [
    {"converse": {"messages": HELLO}},
    {"invokeModel": {"body": msgspec.json.encode(NATIVE)}},
])  # fmt: skip
def test_tokens_are_counted_where_the_model_is(fake: FakeBedrock, aws, asked) -> None:
    assert aws.count_tokens(modelId="cloud-model", input=asked)["inputTokens"] == COUNTED
    assert fake.seen[-1][0] == f"/model/{CLAUDE}/count-tokens"
    with pytest.raises(ClientError) as caught:
        aws.count_tokens(modelId="nova-model", input=asked)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_refusal_is_a_validation_error_and_is_shown_once(
    fake: FakeBedrock, gateway: RunningGateway
) -> None:
    seen = len(fake.seen)
    patient = bedrock_client(gateway.url, gateway.keys["payments"], attempts=4)
    body = msgspec.json.encode(NATIVE)
    for call, said in (
        (patient.converse, {"messages": HELLO}),
        (patient.converse_stream, {"messages": HELLO}),
        (patient.invoke_model, {"body": body}),
        (patient.count_tokens, {"input": {"invokeModel": {"body": body}}}),
    ):
        with pytest.raises(ClientError) as caught:
            call(modelId="cloud-model", **said)
        told = caught.value.response
        assert told["Error"]["Code"] == "ValidationException"
        assert "Record" in told["Error"]["Message"]
        assert told["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert told["ResponseMetadata"]["RetryAttempts"] == 0
        assert told["ResponseMetadata"]["RequestId"] in told["Error"]["Message"]
    assert len(fake.seen) == seen


@pytest.mark.parametrize("model", ["cloud-model", "nova-model"])
def test_boto3_as_it_is_signs_with_our_access_key(gateway: RunningGateway, model: str) -> None:
    client = signing_client(gateway.url, gateway.keys["robot"])
    said = client.converse(modelId=model, messages=HELLO)
    assert said["output"]["message"]["content"][0]["text"] == "Hello from Bedrock, é."
    assert (
        words(client.converse_stream(modelId=model, messages=HELLO)["stream"])[1][-1] == "metadata"
    )
    whole = client.invoke_model(modelId=model, body=msgspec.json.encode(NATIVE))
    assert msgspec.json.decode(whole["body"].read())["type"] == "message"
    wrong = signing_client(gateway.url, gateway.keys["robot"][:-1])
    with pytest.raises(ClientError) as caught:
        wrong.converse(modelId=model, messages=HELLO)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_wrong_key_is_no_access(gateway: RunningGateway) -> None:
    with pytest.raises(ClientError) as caught:
        bedrock_client(gateway.url, "pk_wrong").converse(modelId="cloud-model", messages=HELLO)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_stream_that_breaks_ends_in_an_exception(fake: FakeBedrock, aws) -> None:
    fake.breaks_with = "modelStreamErrorException"
    body = msgspec.json.encode(NATIVE)
    # Whether it breaks before or after the first byte to us is for the network to say.
    with pytest.raises(ClientError, match=BROKEN):
        list(aws.converse_stream(modelId="cloud-model", messages=HELLO)["stream"])
    with pytest.raises(ClientError, match=BROKEN):
        list(aws.invoke_model_with_response_stream(modelId="cloud-model", body=body)["body"])


def test_a_model_is_named_by_an_arn_or_with_a_colon(gateway: RunningGateway, aws) -> None:
    for name in ("arn:aws:bedrock:eu-central-1::foundation-model/anthropic.claude", "a.model:0"):
        with pytest.raises(ClientError) as caught:
            aws.converse(modelId=name, messages=HELLO)
        assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    for path in ("/model/nova:model/converse", "/model/nova%3Amodel/converse"):
        reply = gateway.post(path, {"messages": HELLO})
        assert reply.headers["x-amzn-errortype"] == "ResourceNotFoundException"


def test_a_body_of_another_vendor_is_told_what_to_do(aws) -> None:
    with pytest.raises(ClientError, match="a dialect of theirs") as caught:
        aws.invoke_model(modelId="cloud-model", body=b'{"inputText": "hi"}')
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_profiles_are_an_empty_list_for_a_known_caller(gateway: RunningGateway) -> None:
    url = f"{gateway.url}/inference-profiles?type=SYSTEM_DEFINED"
    key = {"authorization": f"Bearer {gateway.keys['website']}"}
    known = httpx.get(url, headers=key, trust_env=False)
    assert known.json() == {"inferenceProfileSummaries": []}
    unknown = httpx.get(url, trust_env=False)
    assert unknown.status_code == 401
    assert unknown.headers["x-amzn-errortype"] == "AccessDeniedException"
    control = signing_client(gateway.url, gateway.keys["robot"], "bedrock")
    assert control.list_inference_profiles()["inferenceProfileSummaries"] == []


def test_what_is_no_post_is_told_in_bedrocks_form(gateway: RunningGateway) -> None:
    reply = httpx.get(f"{gateway.url}/model/m/converse", trust_env=False)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
    assert reply.headers["x-amzn-errortype"] == "ValidationException"
    lost = httpx.post(f"{gateway.url}/model/m/nothing", trust_env=False)
    assert lost.status_code == 404
    assert lost.headers["x-amzn-errortype"] == "ResourceNotFoundException"


def test_a_body_without_a_type_is_taken_from_no_web_page(gateway: RunningGateway) -> None:
    url = f"{gateway.url}/model/cloud-model/invoke"
    key = {"authorization": f"Bearer {gateway.keys['website']}"}
    body = msgspec.json.encode(NATIVE)
    assert httpx.post(url, content=body, headers=key, trust_env=False).status_code == 200
    page = {**key, "origin": "https://page.example"}
    assert httpx.post(url, content=body, headers=page, trust_env=False).status_code == 415
    other = f"{gateway.url}/model/cloud-model/converse"
    assert httpx.post(other, content=body, headers=key, trust_env=False).status_code == 415
