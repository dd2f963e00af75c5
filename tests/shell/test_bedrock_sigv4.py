"""Signatures over what is sent, with the fake as the judge; nothing comes from the environment."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from gateway.backends.anthropic import ANTHROPIC
from gateway.backends.bedrock import BEDROCK
from gateway.domain.errors import Unreachable
from gateway.domain.secret import Secret
from gateway.transport.call import HttpCall, Timeouts
from gateway.transport.credentials import Unsigned
from gateway.transport.credentials.sigv4 import api_key, signer
from gateway.transport.guard import Place
from gateway.transport.target import Target
from tests.doubles.certificates import TestAuthority
from tests.doubles.fake_bedrock import (
    ACCESS_KEY,
    API_KEY,
    REGION,
    SECRET_KEY,
    TOKEN,
    FakeBedrock,
    fake_bedrock,
)
from tests.doubles.transport_parts import Shell, a_candidate, a_route

PAIR = Secret(f"{ACCESS_KEY}:{SECRET_KEY}")
ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc.1"
BODY = {"messages": [{"role": "user", "content": [{"text": "hi é"}]}]}
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeBedrock]:
    with fake_bedrock() as running:
        yield running


def real_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a test outside the house


def a_bedrock(fake: FakeBedrock, secret: Secret = PAIR, **over) -> Target:
    scheme = fake.url.partition(":")[0]
    values = {
        "place": Place("aws", scheme, fake.host, fake.port, "on_prem"),
        "kind": BEDROCK,
        "secret": secret,
        "settings": {"region": REGION, "private_endpoint": True},
        "timeouts": Timeouts(total_ms=20_000),
        "now": real_now,
    }
    return Target(**(values | over))


async def asked(target: Target, model: str = "qwen.qwen3-coder-next") -> int:
    shell = Shell(target)
    path = BEDROCK.ways[0].of(model, streams=False)
    headers = (("content-type", "application/json"), ("x-amz-target", "not sent"))
    call = HttpCall("aws", "POST", path, headers, msgspec.json.encode(BODY))
    candidate = a_candidate("aws")
    try:
        reply = await shell.sender.send(candidate, a_route(candidate), call)
        await reply.read(10_000)
        return reply.status
    finally:
        await shell.sender.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "model",
    ["qwen.qwen3-coder-next", "openai.gpt-oss-120b-1:0", "eu.anthropic.claude-opus-5-5", ARN],
)
async def test_a_call_is_signed_over_the_path_that_is_sent(fake: FakeBedrock, model: str) -> None:
    assert await asked(a_bedrock(fake), model) == 200
    path, headers, body = fake.seen[-1]
    assert path.count("/") == 3
    assert body == BODY
    assert "x-amz-target" not in headers
    assert ("%3A" in path) == (":" in model)
    assert ("%2F" in path) == ("/" in model)


@pytest.mark.anyio
async def test_a_temporary_key_sends_its_token_and_signs_it(fake: FakeBedrock) -> None:
    assert await asked(a_bedrock(fake, Secret(f"{ACCESS_KEY}:{SECRET_KEY}:{TOKEN}"))) == 200
    headers = fake.seen[-1][1]
    assert headers["x-amz-security-token"] == TOKEN
    assert "x-amz-security-token" in headers["authorization"]


@pytest.mark.anyio
async def test_an_api_key_is_a_bearer_and_signs_nothing(fake: FakeBedrock) -> None:
    assert await asked(a_bedrock(fake, Secret(API_KEY), now=None)) == 200
    assert "x-amz-date" not in fake.seen[-1][1]


@pytest.mark.anyio
async def test_the_host_is_signed_inside_tls_too(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    tls = authority.server("bedrock.test")
    with fake_bedrock(tls=tls) as secure:
        target = a_bedrock(secure, ca_file=authority.ca_file)
        named = replace(target.place, server_name="bedrock.test")
        target = replace(target, place=named)
        assert await asked(target, ARN) == 200


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"secret": Secret(f"{ACCESS_KEY}:{'x' * 40}")}, "does not match"),
        ({"secret": Secret(f"AKIA{'X' * 16}:{SECRET_KEY}")}, "another scope"),
        ({"settings": {"region": "us-east-1"}}, "another scope"),
        ({"now": lambda: real_now() - timedelta(minutes=9)}, "expired"),
        ({"secret": Secret(f"{ACCESS_KEY}:{SECRET_KEY}:{'t' * 20}")}, "token"),
        ({"secret": Secret("not-the-key")}, "no signature"),
    ],
)
async def test_the_fake_refuses_a_wrong_signature(fake: FakeBedrock, over, why: str) -> None:
    assert await asked(a_bedrock(fake, **over)) == 403
    assert why in fake.refusals[-1]


@pytest.mark.anyio
async def test_adv_54_nothing_of_the_environment_is_used(
    fake: FakeBedrock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text(
        "[default]\naws_access_key_id=AKIACANARY\naws_secret_access_key=canary\n"
    )
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIACANARYCANARYCANA",
        "AWS_SECRET_ACCESS_KEY": "canary",
        "AWS_SESSION_TOKEN": "canary",
        "AWS_BEARER_TOKEN_BEDROCK": "canary",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PROFILE": "default",
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    assert await asked(a_bedrock(fake)) == 200
    headers = fake.seen[-1][1]
    assert "canary" not in str(headers).lower()
    assert f"{ACCESS_KEY}/" in headers["authorization"]
    assert f"/{REGION}/bedrock/aws4_request" in headers["authorization"]


def a_call(**over) -> Unsigned:
    call = Unsigned("POST", f"https://bedrock-runtime.{REGION}.amazonaws.com/model/m/converse",
                    (("content-type", "application/json"),), b"{}")  # fmt: skip
    return replace(call, **over)


def test_a_signature_depends_on_everything_and_on_nothing_else() -> None:
    sign = signer(PAIR, {"region": REGION})
    first = sign(a_call(), NOW)
    assert first == sign(a_call(), NOW)
    changed = [
        sign(a_call(body=b"{ }"), NOW),
        sign(a_call(method="GET"), NOW),
        sign(a_call(url=a_call().url + "-stream"), NOW),
        sign(a_call(headers=()), NOW),
        sign(a_call(), NOW + timedelta(seconds=1)),
        signer(PAIR, {"region": "eu-west-1"})(a_call(), NOW),
    ]
    assert len({fields[-1] for fields in (first, *changed)}) == 7
    assert dict(first)["x-amz-date"] == "20261121T120000Z"
    assert SECRET_KEY not in str(first)


@pytest.mark.parametrize(
    "text",
    [
        ACCESS_KEY + ":",
        f":{SECRET_KEY}",
        f"{ACCESS_KEY}:short",
        f"akia{'x' * 16}:{SECRET_KEY}",
        f"{ACCESS_KEY}:{SECRET_KEY}:",
        f"{ACCESS_KEY}:{SECRET_KEY}:{TOKEN}:{TOKEN}",
        f"{ACCESS_KEY}:{SECRET_KEY} {'x' * 16}",
    ],
)
def test_a_secret_that_is_neither_form_is_refused_and_not_repeated(text: str) -> None:
    for function in (api_key, lambda secret: signer(secret, {"region": REGION})):
        with pytest.raises(ValueError, match="no access key id") as caught:
            function(Secret(text))
        assert SECRET_KEY not in str(caught.value)


def test_a_backend_that_signs_needs_secret_region_and_clock(fake: FakeBedrock) -> None:
    with pytest.raises(ValueError, match="aws: this kind of backend needs a secret"):
        Shell(a_bedrock(fake, None))
    for settings in ({}, {"region": "europe"}, {"region": 7}):
        with pytest.raises(ValueError, match="aws: a signature needs a region"):
            Shell(a_bedrock(fake, settings=settings))
    with pytest.raises(ValueError, match="aws: a signature needs a clock"):
        Shell(a_bedrock(fake, now=None))
    assert signer(None, {}) is None


@pytest.mark.parametrize("model", ["", ".", ".."])
def test_a_path_is_never_made_from_a_name_that_would_change_it(model: str) -> None:
    path = BEDROCK.ways[0]
    with pytest.raises(Unreachable):
        path.of(model, streams=True)
    assert path.of("a/../b;?#%", streams=True) == "/model/a%2F..%2Fb%3B%3F%23%25/converse-stream"
    assert ANTHROPIC.ways[0].of(model, streams=True) == "/v1/messages"


def test_a_gateway_without_bedrock_never_loads_botocore() -> None:
    program = (
        "import sys, gateway.backends, gateway.app.making, gateway.cli\n"
        "sys.exit(1 if 'botocore' in sys.modules else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
