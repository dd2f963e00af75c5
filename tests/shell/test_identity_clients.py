"""boto3 and Anthropic's SDK, unmodified: what they sign is known, path prefixes and all."""

import hashlib
from datetime import UTC, datetime

import anthropic
import boto3
import botocore.config
import botocore.exceptions
import pytest

from gateway.identity.access_keys import Unproven
from tests.doubles.eavesdropper import Eavesdropper, eavesdropper
from tests.doubles.signers import CLEO, NAME, REGION, Access, callers, overheard

MODELS = [
    "openai.gpt-oss-120b-1:0",
    "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc.1",
]
PREFIXES = ["", "/r/ledger-core", "/l/internal/r/ledger-core"]
ONCE = botocore.config.Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def ear():
    with eavesdropper() as running:
        yield running


def assert_known(ear: Eavesdropper, start: str, count: int) -> None:
    assert len(ear.heard) == count
    for raw in ear.heard:
        head, body = overheard(raw)
        assert head.path.decode().startswith(start)
        unproven = callers().meet(head, datetime.now(UTC))  # noqa: TID251 - the client's own clock
        assert isinstance(unproven, Unproven)
        assert unproven.proven(hashlib.sha256(body).digest()) == CLEO
    ear.heard.clear()


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("model", MODELS)
def test_boto3_is_known(ear: Eavesdropper, prefix: str, model: str) -> None:
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=ear.url + prefix,
        region_name=REGION,
        aws_access_key_id=NAME,
        aws_secret_access_key=Access().secret,
        config=ONCE,
    )
    messages = [{"role": "user", "content": [{"text": "Grüße"}]}]
    calls = [
        lambda: client.converse(modelId=model, messages=messages),
        lambda: client.converse_stream(modelId=model, messages=messages),
        lambda: client.invoke_model(modelId=model, body=b'{"a": 1}'),
        lambda: client.invoke_model_with_response_stream(modelId=model, body="ü".encode()),
    ]
    for call in calls:
        with pytest.raises(botocore.exceptions.ClientError):
            call()
    assert_known(ear, f"{prefix}/model/", len(calls))


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("model", ["eu.anthropic.claude-opus-4-5-20251101-v1:0", MODELS[1]])
def test_anthropics_sdk_for_bedrock_is_known(ear: Eavesdropper, prefix: str, model: str) -> None:
    client = anthropic.AnthropicBedrock(
        base_url=ear.url + prefix,
        aws_region=REGION,
        aws_access_key=NAME,
        aws_secret_key=Access().secret,
        max_retries=0,
        default_headers={"x-perimeter-label": "internal"},
    )
    for stream in (False, True):
        with pytest.raises(anthropic.APIStatusError):
            client.messages.create(
                model=model,
                max_tokens=9,
                stream=stream,
                messages=[{"role": "user", "content": "Grüße"}],
            )
    assert_known(ear, f"{prefix}/model/", 2)
