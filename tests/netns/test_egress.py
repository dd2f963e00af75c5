"""What leaves the gateway, packet by packet: nothing of a restricted request, whoever is down."""

import base64
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import msgspec
import pytest

from tests.doubles.fake_aws import GIVEN_KEY, GIVEN_SECRET, fake_aws
from tests.doubles.fake_control import fake_control
from tests.doubles.fake_google import fake_google
from tests.doubles.gateway_folders import Template, started
from tests.doubles.ledger_sight import verified
from tests.doubles.raw_http import Heard, ask, request
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.scripted_engine import scripted_engine
from tests.doubles.serving_house import JSON
from tests.doubles.surface_bodies import asks
from tests.netns.capture import Capture, said
from tests.netns.node import AWS, ENVIRONMENT, FRONTIER, GOOGLE, OTHERS, PROFILE, apart_node

CANARY = "canaryQ7xZr9"
DOWN = "kind: vllm, url: 'http://127.0.1.1:9', zone: on_prem"
KEYED = "zone: frontier, secret: key"
PROBES = 2


def written(canary: str) -> list[bytes]:
    """Return every form in which bytes hold the canary: as it is, and inside base64."""
    raw = canary.encode()
    forms = [raw]
    for lead in range(3):
        coded = base64.b64encode(b"\0" * lead + raw)
        forms.append(coded[4 if lead else 0 : len(coded) // 4 * 4 - 4])
    return forms


def holds(data: bytes, canary: str) -> bool:
    return any(form in data for form in written(canary))


def every_surface(gateway: RunningGateway, repo: str, canary: str) -> Iterator[tuple[str, Heard]]:
    """Ask on every surface, by the task and by the name of each model, and yield what came."""
    fields = (JSON, ("authorization", f"Bearer {gateway.keys[repo]}"))
    for model in ("code", "vec", "gpt-model", "claude-model", "aws-model", "google-model"):
        for name, path, body in asks(model, f"say {canary} to me"):
            yield (
                f"{name} {model}",
                ask(gateway.url, request("POST", path, msgspec.json.encode(body), fields)),
            )


def test_the_capture_sees_what_leaves_and_knows_the_canary(template: Template, tmp_path) -> None:
    """The other tests can fail: a public request goes to the frontier, and is seen there."""
    with ExitStack() as stack:
        engine = stack.enter_context(scripted_engine(name="gpt", host="127.0.2.1"))
        backends = {"home": DOWN, "gpt": f"kind: openai, url: '{engine.url}', {KEYED}"}
        models = {"home-model": ("home", "m"), "gpt-model": ("gpt", "g")}
        vectors = {"home-vec": ("home", "v"), "gpt-vec": ("gpt", "w")}
        gateway = apart_node(template, tmp_path / "node", backends, models, vectors)
        stack.enter_context(started(gateway, *ENVIRONMENT))
        with Capture() as capture:
            heard = [one for _, one in every_surface(gateway, "website", CANARY)]
    assert any(one.status == 200 for one in heard)
    assert holds(said(capture.to(FRONTIER)), CANARY)
    assert capture.to("198.51.100.0/24", "2001:db8::/32") == []


def test_a_packet_to_anywhere_is_seen(tmp_path) -> None:
    """The default route leads into the wire: nothing is lost for want of a way."""
    with Capture() as capture, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as any_socket:
        any_socket.setblocking(False)
        any_socket.connect_ex(("203.0.113.9", 443))
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
            six.sendto(CANARY.encode(), ("2001:db8:1::9", 53))
    assert {"203.0.113.9", "2001:db8:1::9"} <= capture.targets()
    assert holds(said(capture.packets), CANARY)


def test_adv_40_restricted_requests_send_not_one_packet_to_any_other_zone(
    template: Template, tmp_path
) -> None:
    """On-prem is scaled to zero; the others listen, and neither probes nor tokens are due."""
    with ExitStack() as stack:
        hosts = {
            "gpt": "127.0.2.1",
            "claude": "127.0.2.2",
            "aws": "127.0.3.1",
            "google": "127.0.4.1",
        }
        gpt, claude, aws, google = (
            stack.enter_context(scripted_engine(name=name, host=host))
            for name, host in hosts.items()
        )
        backends = {
            "home": DOWN,
            "gpt": f"kind: openai, url: '{gpt.url}', {KEYED}",
            "claude": f"kind: anthropic, url: '{claude.url}', {KEYED}",
            "google": f"kind: openai_compatible, url: '{google.url}', zone: google_eu, secret: key",
            "aws": f"kind: bedrock, url: '{aws.url}', zone: aws_eu, secret: aws, settings: "
            "{region: eu-central-1, private_endpoint: true}",
        }
        models = {
            "home-model": ("home", "m"),
            "gpt-model": ("gpt", "g"),
            "claude-model": ("claude", "claude-sonnet-5"),
            "google-model": ("google", "h"),
            "aws-model": ("aws", "anthropic.claude-opus-5-5"),
        }
        vectors = {"home-vec": ("home", "v"), "gpt-vec": ("gpt", "w")}
        gateway = apart_node(template, tmp_path / "node", backends, models, vectors)
        with Capture() as capture:
            stack.enter_context(started(gateway, *ENVIRONMENT))
            heard = dict(every_surface(gateway, "payments", CANARY))
        verified(gateway)
    assert {name: one.status for name, one in heard.items() if one.status not in {400, 503}} == {}
    assert all(one.headers.get("x-perimeter-record") for one in heard.values())
    assert capture.to(*OTHERS) == []
    assert capture.targets() <= {"127.0.0.1", "127.0.1.1"}, "nothing was sent to anybody else"
    assert any(one.opens for one in capture.to("127.0.1.1/32")), "the engine at home was tried"


def test_adv_41_probes_and_refreshes_are_counted_and_carry_nothing_of_a_request(
    template: Template, tmp_path
) -> None:
    """Now they are on: an engine that is probed, a profile, two sources of credentials."""
    with ExitStack() as stack:
        gpt = stack.enter_context(scripted_engine(name="gpt", host="127.0.2.1"))
        claude = stack.enter_context(scripted_engine(name="claude", host="127.0.2.2"))
        aws = stack.enter_context(scripted_engine(name="aws", host="127.0.3.1"))
        control = stack.enter_context(fake_control("127.0.3.2"))
        control.believes(GIVEN_KEY, GIVEN_SECRET)
        control.profiles[PROFILE] = ["eu-central-1", "eu-west-3"]
        machine = stack.enter_context(fake_aws("127.0.3.3"))
        google = stack.enter_context(scripted_engine(name="google", host="127.0.4.1"))
        metadata = stack.enter_context(fake_google("127.0.4.2"))
        backends = {
            "home": DOWN,
            "gpt": f"kind: vllm, url: '{gpt.url}', zone: frontier",
            "claude": f"kind: anthropic, url: '{claude.url}', {KEYED}",
            "aws": f"kind: bedrock, url: '{aws.url}', zone: aws_eu, settings: "
            "{region: eu-central-1, private_endpoint: true, retention: none, "
            f"control_url: '{control.url}', credentials: instance, "
            f"credentials_url: '{machine.url}'}}",
            "google": f"kind: vertex, url: '{google.url}', zone: google_eu, settings: "
            "{project: example-1, location: eu, private_endpoint: true, "
            f"credentials: metadata, metadata_url: '{metadata.url}'}}",
        }
        models = {
            "home-model": ("home", "m"),
            "gpt-model": ("gpt", "gpt-model"),
            "claude-model": ("claude", "claude-sonnet-5"),
            "google-model": ("google", "gemini-2.5-pro"),
            "aws-model": ("aws", PROFILE),
        }
        vectors = {"home-vec": ("home", "v"), "gpt-vec": ("gpt", "w")}
        gateway = apart_node(template, tmp_path / "node", backends, models, vectors)
        with Capture() as capture:
            stack.enter_context(started(gateway, *ENVIRONMENT))
            heard = dict(every_surface(gateway, "payments", CANARY))
            end = time.monotonic() + 20
            while gpt.engine.served["GET /health"] < PROBES and time.monotonic() < end:
                time.sleep(0.1)
    assert {name: one.status for name, one in heard.items() if one.status not in {400, 503}} == {}
    asked = {
        "probes of an engine": gpt.engine.served["GET /health"],
        "looks at a profile": control.seen.count(PROFILE),
        "looks at what is kept": control.seen.count("/data-retention"),
        "credentials of AWS": len(machine.asked),
        "tokens of Google": len(metadata.asked),
    }
    assert min(asked.values()) > 0, asked
    assert asked["probes of an engine"] >= PROBES
    told = said(capture.to(*OTHERS))
    assert b"GET /health HTTP/1.1" in told
    assert b"GET /data-retention HTTP/1.1" in told
    for zone in (FRONTIER, AWS, GOOGLE):
        assert capture.to(zone), "each zone was asked something"
    assert not holds(told, CANARY)
    assert gateway.keys["payments"].encode() not in told
    assert [line for line in told.split(b"\r\n") if line.startswith(b"POST")] == []
    quiet = [engine.engine.served for engine in (claude, aws, google)]
    assert all(not any(served.values()) for served in quiet), "engines that are not probed"
    assert holds(said(capture.to("127.0.0.1/32")), CANARY), "the clients did say it"


@pytest.mark.parametrize("lead", range(4))
def test_a_canary_inside_base64_is_found(lead: int) -> None:
    coded = base64.b64encode(b"x" * lead + b"say " + CANARY.encode() + b" to me")
    assert holds(coded, CANARY)
