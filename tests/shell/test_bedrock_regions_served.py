"""A gateway whose Bedrock stands in a zone of regions: profiles are proven before they are used."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.doubles.fake_bedrock import ACCESS_KEY, REGION, SECRET_KEY, FakeBedrock, fake_bedrock
from tests.doubles.fake_control import FakeControl, fake_control
from tests.doubles.gateway_folders import Template, started
from tests.doubles.running_gateway import ROOT, WAIT_S, RunningGateway

PROFILE = "eu.anthropic.claude-opus-5-5"
SECRETS = "secrets:\n  aws: {env: PERIMETER_TEST_AWS}\n"
ASKED = {"model": "code", "messages": [{"role": "user", "content": "hello"}]}
IN_EUROPE = """\
    processing_regions: [DE, SE, IE]
    storage_regions: [DE, SE, IE]
    evidence: {source: a test, read_on: 2026-11-20, expires_on: 2099-01-01}
"""
SIGNED = ("env", f"PERIMETER_TEST_AWS={ACCESS_KEY}:{SECRET_KEY}")


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeBedrock]:
    with fake_bedrock() as running:
        yield running


@pytest.fixture
def control() -> Iterator[FakeControl]:
    with fake_control() as running:
        running.profiles[PROFILE] = ["eu-central-1", "eu-north-1", "eu-west-1"]
        yield running


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def made(template: Template, fake: FakeBedrock, control: FakeControl, tmp_path: Path):
    """A gateway that is not started, with a zone of three countries."""
    made = template.copy(
        tmp_path / "node", {"cloud": ("bedrock", fake.url, "frontier")}, more=SECRETS
    )
    policy = made.folder / "policy"
    shutil.copytree(ROOT / "policies" / "demo", policy)
    edit(policy / "zones.yaml", lambda text: text.replace(
        "    processing_regions: world\n    storage_regions: world\n", IN_EUROPE))  # fmt: skip
    edit(made.node, lambda text: text.replace(str(ROOT / "policies" / "demo"), str(policy)))
    settings = f'region: {REGION}, private_endpoint: true, control_url: "{control.url}"'
    edit(made.folder / "models" / "backends.yaml", lambda text: text.replace(
        "zone: frontier", f"zone: frontier, secret: aws, settings: {{{settings}}}"))  # fmt: skip
    edit(made.folder / "models" / "catalog.yaml", lambda text: text.replace(
        "wire_model: cloud-model", f"wire_model: {PROFILE}"))  # fmt: skip
    return made


def edit(path: Path, change: Callable[[str], str]) -> None:
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))


def test_a_profile_whose_destinations_lie_in_the_zone_is_used(
    made: RunningGateway, fake: FakeBedrock, control: FakeControl
) -> None:
    with started(made, *SIGNED):
        asked = set(control.seen)
        assert asked == {PROFILE, "/data-retention"}, "it is asked before the gateway is ready"
        reply = made.post("/v1/chat/completions", ASKED)
        assert reply.status_code == 200, reply.text
        assert fake.seen[-1][0] == f"/model/{PROFILE}/converse"


def test_a_destination_outside_the_zone_keeps_every_prompt_and_the_readiness(
    made: RunningGateway, fake: FakeBedrock, control: FakeControl
) -> None:
    control.profiles[PROFILE].append("us-east-1")
    seen = len(fake.seen)
    try:
        made.start(*SIGNED, wait=False)
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end and "us-east-1" not in made.get_admin("/readyz").text:
            time.sleep(0.05)
        ready = made.get_admin("/readyz")
        assert ready.status_code == 503
        assert "cloud: quarantined" in ready.text
        assert made.post("/v1/chat/completions", ASKED).status_code == 503
        assert len(fake.seen) == seen
    finally:
        made.stop()
    assert '"quarantined"' in made.log.read_text()
