"""A gateway in front of a Bedrock that believes nobody, and the vendor's clients in front of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from tests.doubles.fake_bedrock import ACCESS_KEY, REGION, SECRET_KEY, FakeBedrock
from tests.doubles.gateway_folders import Template, command, started
from tests.doubles.running_gateway import RunningGateway

CLAUDE = "eu.anthropic.claude-opus-5-5"
NOVA = "eu.amazon.nova-pro-v1:0"
GPT = "openai.gpt-oss-120b-1:0"
SECRETS = "secrets:\n  aws: {env: PERIMETER_TEST_AWS}\n"


MODELS = {"cloud": CLAUDE, "nova": NOVA, "gpt": GPT}


@contextmanager
def bedrock_house(
    fake: FakeBedrock,
    folder: Path,
    engines: dict[str, tuple[str, str, str]] | None = None,
    *,
    compatible: bool = False,
) -> Iterator[RunningGateway]:
    """A gateway with `cloud-model` (Claude), `nova-model` and `gpt-model` at Bedrock, and engines.

    `compatible` opens the paths like those of others.
    """
    (folder / "template").mkdir()
    template = Template(folder / "template")
    at_bedrock = dict.fromkeys(MODELS, ("bedrock", fake.url, "frontier"))
    backends = {**at_bedrock, **(engines or {})}
    tasks = "code: [cloud-model]\n"
    made = template.copy(folder / "house", backends, more=SECRETS, tasks=tasks)
    models = made.folder / "models"
    listed = (models / "backends.yaml").read_text()
    settings = f"secret: aws, settings: {{region: {REGION}, private_endpoint: true"
    settings += ", compatible: true}" if compatible else "}"
    for name in at_bedrock:
        plain = f'{name}: {{kind: bedrock, url: "{fake.url}", zone: frontier'
        listed = listed.replace(plain, f"{plain}, {settings}")
    (models / "backends.yaml").write_text(listed)
    catalogue = (models / "catalog.yaml").read_text()
    for name, wire in MODELS.items():
        catalogue = catalogue.replace(f"wire_model: {name}-model", f'wire_model: "{wire}"')
    (models / "catalog.yaml").write_text(catalogue)
    node = ("--node", str(made.node), "--subject", "robot@example.com", "--team", "web")
    printed = command("keys", "create", "robot", *node, "--repo", "website", "--sigv4")
    told = dict(line.split("=", 1) for line in printed.splitlines())
    made.keys["robot"] = f"{told['AWS_ACCESS_KEY_ID']}:{told['AWS_SECRET_ACCESS_KEY']}"
    with started(made, "env", f"PERIMETER_TEST_AWS={ACCESS_KEY}:{SECRET_KEY}"):
        yield made


def bedrock_client(url: str, key: str, attempts: int = 1) -> Any:
    """The official client, with one of our keys where it would put an API key of Bedrock.

    WHY: it sends such a key by itself over https alone.
    """
    config = Config(
        signature_version=UNSIGNED,
        retries={"mode": "standard", "total_max_attempts": attempts},
        proxies={},
    )
    client = boto3.Session(region_name=REGION).client(
        "bedrock-runtime", endpoint_url=url, config=config
    )

    def bear(params: dict[str, Any], **_: object) -> None:
        params["headers"]["authorization"] = f"Bearer {key}"

    client.meta.events.register("before-call.bedrock-runtime", bear)
    return client


def signing_client(url: str, pair: str, service: str = "bedrock-runtime") -> Any:
    """The official client as it is, with an access key of ours."""
    name, secret = pair.split(":")
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id=name,
        aws_secret_access_key=secret,
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )
