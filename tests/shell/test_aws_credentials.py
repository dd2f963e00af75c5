"""Credentials of AWS, each from where the fleet file says, and from nowhere else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.loaders import Loader

from gateway.domain.secret import Secret
from gateway.transport.aws_partition import partition, regional, suffixes
from gateway.transport.credentials import CredentialRefused, Lease, aws, aws_machine, sts
from gateway.transport.credentials.messenger import Answered, Question, ask, origin
from tests.doubles import fake_aws as vendor
from tests.doubles.fake_aws import FakeAws, fake_aws

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/teams/bedrock"
GIVEN = f"{vendor.GIVEN_KEY}:{vendor.GIVEN_SECRET}:{vendor.GIVEN_TOKEN}"
ASSUMED = f"{vendor.ASSUMED_KEY}:{vendor.ASSUMED_SECRET}:{vendor.ASSUMED_TOKEN}"
KEY = Secret(f"AKIAIOSFODNN7EXAMPLE:{'k' * 40}")


@pytest.fixture
def fake():
    with fake_aws() as running:
        yield running


def fetched(secret: Secret | None = None, **settings: str) -> Lease:
    source = aws.source(secret, {"region": vendor.REGION, **settings})
    assert source is not None
    return source.fetch(NOW)


@pytest.fixture(autouse=True)
def other_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the environment, and must not be used."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAENVIRONMENT00000",
        "AWS_SECRET_ACCESS_KEY": "environment",
        "AWS_ROLE_ARN": "arn:aws:iam::000000000000:role/environment",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1/",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1/",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)


def test_an_instance_gives_its_role_by_the_second_version_alone(fake: FakeAws) -> None:
    lease = fetched(credentials="instance", credentials_url=fake.url)
    assert lease.secret.reveal() == GIVEN
    assert [method for method, _ in fake.asked] == ["PUT", "GET", "GET"]
    assert lease.expires_at.tzinfo is UTC


def test_a_pod_gives_its_own_with_the_token_as_it_stands_now(fake: FakeAws, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    settings = {
        "credentials": "pod_identity",
        "credentials_url": f"{fake.url}/v1/credentials",
        "token_file": str(token),
    }
    with pytest.raises(CredentialRefused, match="status 401"):
        fetched(**settings)
    token.write_text(f"{vendor.POD_TOKEN}\n")
    assert fetched(**settings).secret.reveal() == GIVEN


def test_a_web_identity_becomes_a_role(fake: FakeAws, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("eyJ.web.identity")
    lease = fetched(
        credentials="web_identity",
        role_arn=ROLE,
        token_file=str(tmp_path / "token"),
        sts_url=fake.url,
    )
    assert lease.secret.reveal() == ASSUMED
    assert fake.forms[0]["WebIdentityToken"] == "eyJ.web.identity"
    assert fake.forms[0]["RoleArn"] == ROLE


def test_a_static_key_assumes_a_role_with_an_external_id(fake: FakeAws) -> None:
    fake.signed_by["AKIAIOSFODNN7EXAMPLE"] = ("k" * 40, "")
    lease = fetched(KEY, assume_role_arn=ROLE, external_id="tenant:7", sts_url=fake.url)
    assert lease.secret.reveal() == ASSUMED
    assert fake.forms[0]["ExternalId"] == "tenant:7"


def test_the_role_of_an_instance_assumes_another(fake: FakeAws) -> None:
    lease = fetched(
        credentials="instance", credentials_url=fake.url, assume_role_arn=ROLE, sts_url=fake.url
    )
    assert lease.secret.reveal() == ASSUMED


def test_a_refusal_is_told_by_its_code_and_never_by_its_words(fake: FakeAws) -> None:
    fake.signed_by["AKIAIOSFODNN7EXAMPLE"] = ("k" * 40, "")
    fake.refuses = "AccessDenied"
    with pytest.raises(CredentialRefused) as caught:
        fetched(KEY, assume_role_arn=ROLE, sts_url=fake.url)
    assert str(caught.value) == "the token service answers AccessDenied"


@pytest.mark.parametrize(
    ("secret", "settings", "says"),
    [
        (None, {"credentials": "environment"}, "is one of"),
        (None, {"credentials": "web_identity", "role_arn": ROLE}, "needs token_file"),
        (None, {"credentials": "instance", "role_arn": ROLE}, "role_arn: means nothing"),
        (None, {"credentials": "instance", "external_id": "abc"}, "external_id: means nothing"),
        (KEY, {"credentials": "instance"}, "takes no secret"),
        (None, {"assume_role_arn": ROLE}, "takes a secret"),
        (Secret("ABSKkey"), {"assume_role_arn": ROLE}, "an API key assumes no role"),
        (KEY, {"assume_role_arn": "arn:aws-cn:iam::123456789012:role/x"}, "partition"),
        (KEY, {"assume_role_arn": ROLE, "sts_url": "http://sts.example"}, "https"),
        (KEY, {"assume_role_arn": ROLE, "sts_url": "https://sts.example/x"}, "alone"),
        (None, {"credentials": "instance", "credentials_url": "http://10.0.0.1"}, "https"),
        (KEY, {"assume_role_arn": ROLE, "external_id": "a b"}, "no external id"),
        (KEY, {"assume_role_arn": 7}, "is text"),
        (None, {"credentials": "pod_identity", "token_file": "token"}, "an absolute path"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    secret: Secret | None, settings: dict[str, str], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        aws.source(secret, {"region": vendor.REGION, **settings})


def test_a_static_key_is_fetched_from_nowhere() -> None:
    assert aws.source(KEY, {"region": vendor.REGION}) is None
    assert aws.source(None, {"region": vendor.REGION}) is None


def test_every_host_that_is_asked_is_stated_beforehand() -> None:
    settings = {
        "region": "cn-north-1",
        "credentials": "pod_identity",
        "assume_role_arn": ROLE.replace("aws", "aws-cn"),
    }
    source = aws.source(None, settings)
    assert source is not None
    assert source.hosts == ("http://169.254.170.23", "https://sts.cn-north-1.amazonaws.com.cn")
    assert source.name == "pod_identity, then assume_role"


def test_a_host_that_is_not_stated_is_not_asked(fake: FakeAws) -> None:
    with pytest.raises(CredentialRefused, match="not stated"):
        ask(Question(url=f"{fake.url}/latest/api/token"), ("https://sts.example",))
    assert fake.asked == []


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://sts.example/", "https://me@sts.example/", "https:///x", "x"]
)
def test_a_url_that_could_mean_something_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="the URL must be"):
        origin(url)


def test_the_partitions_are_those_that_botocore_knows() -> None:
    for known in Loader().load_data("partitions")["partitions"]:
        for region in known["regions"]:
            if region.endswith("-global"):
                continue
            assert partition(region) == known["id"]
            told = known["outputs"]
            assert suffixes(region) == (told["dnsSuffix"], told["dualStackDnsSuffix"])
    assert regional("bedrock", "eusc-de-east-1") == "https://bedrock.eusc-de-east-1.amazonaws.eu"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b'{"Code":"Failed","Message":"canary"}',
        b'{"AccessKeyId":"","SecretAccessKey":"x","Token":"x","Expiration":"2026-11-27T09:00:00Z"}',
        b'{"AccessKeyId":"short","SecretAccessKey":"canary","Token":"x","Expiration":"2026-11-27T09:00:00Z"}',
        b'{"AccessKeyId":"ASIAGIVENEXAMPLE0001","SecretAccessKey":"x","Token":"x"}',
        b"\xff\xfe",
    ],
)
def test_an_answer_that_holds_no_credential_is_refused_without_its_words(
    fake: FakeAws, answer: bytes
) -> None:
    fake.given = lambda: answer
    with pytest.raises(CredentialRefused) as caught:
        fetched(credentials="instance", credentials_url=fake.url)
    assert str(caught.value) == "the answer holds no credential"


@pytest.mark.parametrize("role", ["", "two\nroles", "../role", "é", "a b"])
def test_a_role_that_is_no_one_role_is_not_asked_for(
    fake: FakeAws, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor, "ROLE", role)
    with pytest.raises(CredentialRefused):
        fetched(credentials="instance", credentials_url=fake.url)
    assert len(fake.asked) == 2


@pytest.mark.parametrize("data", [b"", b"two words", b"\xff", b"x" * (64 * 1024 + 1)])
def test_a_file_without_a_token_is_refused_without_its_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "token").write_bytes(data)
    with pytest.raises(CredentialRefused, match="holds no token"):
        aws_machine.token_of(str(tmp_path / "token"))
    with pytest.raises(CredentialRefused, match="FileNotFoundError"):
        aws_machine.token_of(str(tmp_path / "absent"))


def test_an_error_of_the_token_service_that_is_no_word_is_told_by_its_status() -> None:
    for body in (b"<html>canary</html>", b"", b"{canary}"):
        with pytest.raises(CredentialRefused) as caught:
            sts._read(Answered(503, {}, body), "AssumeRole")
        assert str(caught.value) == "the token service answers status 503"
        with pytest.raises(CredentialRefused, match="holds no credential"):
            sts._read(Answered(200, {}, body), "AssumeRole")
