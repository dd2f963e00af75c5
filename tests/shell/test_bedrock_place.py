"""Where a Bedrock backend may be, and which models may be asked for there."""

import pytest

from gateway.backends import BACKENDS
from gateway.transport.bedrock_place import MODEL_CHARS_MAX, anywhere, faults, refuses
from gateway.transport.guard import Place

ACCOUNT = "arn:aws:bedrock:eu-central-1:123456789012"


def judged(host: str, region: object = "eu-central-1", scheme: str = "https", **settings) -> list:
    port = 443 if scheme == "https" else 80
    place = Place("aws", scheme, host, port, "aws")
    return [field for field, _ in faults(place, {"region": region, **settings})]


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("bedrock-runtime.eu-central-1.amazonaws.com", "eu-central-1"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("bedrock-runtime.eu-north-1.api.aws", "eu-north-1"),
        ("bedrock-runtime.eusc-de-east-1.api.amazonwebservices.eu", "eusc-de-east-1"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("bedrock-runtime.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        (
            "vpce-0a1b2c3d-4e5f.bedrock-runtime.eu-central-1.vpce.amazonaws.com",
            "eu-central-1",
        ),
    ],
)
def test_adv_55_the_region_of_the_signature_is_that_of_the_host(host: str, region: str) -> None:
    assert judged(host, region) == []
    assert judged(host, "us-east-2") == ["url"]
    assert judged(host, "us-east-2", private_endpoint=True) == ["url"]


def test_a_region_is_reached_under_the_domains_of_its_own_partition() -> None:
    for host, region in (
        ("bedrock-runtime.eu-central-1.amazonaws.eu", "eu-central-1"),
        ("bedrock-runtime.eusc-de-east-1.amazonaws.com", "eusc-de-east-1"),
        ("bedrock-runtime.cn-north-1.amazonaws.com", "cn-north-1"),
    ):
        assert judged(host, region) == ["url"]


@pytest.mark.parametrize("region", [None, "", "europe", "eu-central", "EU-CENTRAL-1", 1, True])
def test_a_region_is_always_stated(region: object) -> None:
    assert judged("bedrock.corp.example", region, private_endpoint=True) == ["settings"]
    host = "bedrock-runtime.eu-central-1.amazonaws.com"
    assert judged(host, region) == ["settings", "url"]


@pytest.mark.parametrize(
    "host",
    [
        "bedrock.eu-central-1.amazonaws.com",
        "bedrock-mantle.eu-central-1.api.aws",
        "s3.eu-central-1.amazonaws.com",
        "aws-external-anthropic.us-west-2.api.aws",
        "bedrock-runtime.eu-central-1.evil.amazonaws.com",
    ],
)
def test_no_other_service_of_the_operator_passes_for_it(host: str) -> None:
    assert judged(host) == judged(host, private_endpoint=True) == ["url"]


def test_a_host_that_names_no_region_is_used_only_if_it_is_ours() -> None:
    for host in ("bedrock.corp.example", "bedrock-runtime.eu-central-1.amazonaws.com.evil.example"):
        assert judged(host) == ["url"]
        assert judged(host, private_endpoint=False) == ["url"]
        assert judged(host, private_endpoint=True) == []
        assert judged(host, private_endpoint="yes") == ["settings", "url"]


def test_a_signature_never_travels_in_clear() -> None:
    assert judged("bedrock-runtime.eu-central-1.amazonaws.com", scheme="http") == ["url"]
    assert judged("10.0.0.9", scheme="http", private_endpoint=True) == ["url"]
    assert judged("127.0.2.9", scheme="http", private_endpoint=True) == []


def test_an_unknown_setting_is_a_problem() -> None:
    host = "bedrock-runtime.eu-central-1.amazonaws.com"
    assert judged(host, profile="default") == ["settings"]


@pytest.mark.parametrize(
    "name",
    [
        "qwen.qwen3-coder-next",
        "openai.gpt-oss-120b-1:0",
        "eu.anthropic.claude-opus-4-6-v1",
        f"{ACCOUNT}:application-inference-profile/abc123",
        f"{ACCOUNT}:inference-profile/eu.anthropic.claude-opus-5-5",
        f"{ACCOUNT}:custom-model/amazon.nova-lite-v1/0123456789ab",
        "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/anthropic.claude-opus-5",
    ],
)
def test_ids_and_arns_are_asked_for(name: str) -> None:
    assert refuses(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "a;b",
        "a..b",
        "a b",
        "a\n",
        "a%2Fb",
        "a?x=1",
        "a#b",
        "é",
        "-a",
        "a.",
        "x" * (MODEL_CHARS_MAX + 1),
        "arn:aws:s3:::bucket/key",
        f"{ACCOUNT}:inference-profile/../x",
        f"{ACCOUNT}:inference-profile//x",
        f"{ACCOUNT}:inference-profile/",
        f"{ACCOUNT}:inference-profile/a/b/c/d",
        "arn:",
    ],
)
def test_a_name_that_could_change_the_path_is_refused(name: str) -> None:
    assert refuses(name)


@pytest.mark.parametrize(
    ("name", "roams"),
    [
        ("anthropic.claude-opus-5-5", False),
        ("deepseek.v3.2", False),
        ("eu.anthropic.claude-opus-5-5", False),
        ("us-gov.anthropic.claude-opus-5-5", False),
        ("global.anthropic.claude-opus-5-5", True),
        ("emea.anthropic.claude-opus-5-5", True),
        ("mine", True),
        ("arn:", True),
        (f"{ACCOUNT}:inference-profile/eu.anthropic.claude-opus-5-5", False),
        (f"{ACCOUNT}:inference-profile/global.anthropic.claude-opus-5-5", True),
        (f"{ACCOUNT}:application-inference-profile/abc123", False),
        (f"{ACCOUNT}:prompt-router/abc", True),
        (f"{ACCOUNT}:provisioned-model/0123456789ab", False),
        ("arn:aws:bedrock:eu-central-1::foundation-model/qwen.qwen3-coder-next", False),
    ],
)
def test_what_is_not_known_to_stay_somewhere_may_run_anywhere(name: str, roams: bool) -> None:
    assert anywhere(name) is roams


def test_no_other_engine_has_such_rules() -> None:
    place = Place("a", "http", "10.0.0.1", 80, "on_prem")
    others = [record for name, record in BACKENDS.items() if record.signer is None]
    assert "bedrock" not in [record.name for record in others]
    assert all(record.faults(place, {}) == () for record in others if record.name != "vertex")


def test_our_record_id_stands_in_the_providers_own_log() -> None:
    marked = BACKENDS["bedrock"].ways[0].marked({"messages": []}, "019a-record")
    assert marked["requestMetadata"] == {"perimeter-record": "019a-record"}


def test_the_paths_like_openais_are_opened_by_true_alone() -> None:
    host = "bedrock-runtime.eu-central-1.amazonaws.com"
    assert judged(host, compatible=True) == judged(host, compatible=False) == []
    assert judged(host, compatible="yes") == ["settings"]
    assert judged(host, betas="a-1 b-2") == []
    assert judged(host, betas=True) == ["settings"]
