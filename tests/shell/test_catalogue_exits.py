"""How a zone is reached: stated in the fleet file, and nowhere else."""

from pathlib import Path

import pytest

from gateway.config.backends import Known, read_backends
from gateway.config.exits import Forward
from gateway.config.files import load_text
from gateway.config.origins import Origin

KNOWN = Known(
    kinds=frozenset({"vllm"}),
    zones=frozenset({"on_prem", "cloud"}),
    secrets=frozenset({"corp"}),
)
BACKENDS = "backends:\n  a: {kind: vllm, url: 'https://api.example', zone: cloud}\n"
PROXY = "proxy: 'http://proxy.example:3128', proxy_addresses: [10.20.0.0/28]"


def read(exits: str, backends: str = BACKENDS):
    problems: list = []
    document = load_text(f"{backends}zones:\n  {exits}\n", "backends.yaml")
    found = read_backends(document, KNOWN, Path("/models"), problems)
    return found, [str(one).removeprefix("backends.yaml:") for one in problems]


def test_a_zone_has_a_proxy_and_a_ca_for_all_its_backends():
    found, problems = read(f"cloud: {{{PROXY}, proxy_secret: corp, ca_file: corp.pem}}")
    assert problems == []
    ca_file = Path("/models/corp.pem")
    proxy = Origin("http", "proxy.example", 3128)
    assert found["a"].proxy == Forward(proxy, ("10.20.0.0/28",), "corp", ca_file)
    assert found["a"].ca_file == ca_file


def test_a_backends_own_ca_is_the_one_that_is_believed():
    own = BACKENDS.replace("zone: cloud", "zone: cloud, ca_file: own.pem")
    assert read("cloud: {ca_file: corp.pem}", own)[0]["a"].ca_file == Path("/models/own.pem")


def test_the_exit_of_another_zone_is_not_taken():
    found, problems = read(f"on_prem: {{{PROXY}, ca_file: corp.pem}}")
    assert problems == []
    assert found["a"].proxy is found["a"].ca_file is None


def test_a_ca_for_the_zone_says_nothing_of_a_plain_backend():
    plain = BACKENDS.replace("https://", "http://")
    found, problems = read("cloud: {ca_file: corp.pem}", plain)
    assert problems == []
    assert found["a"].ca_file is None


@pytest.mark.parametrize(
    ("exits", "why"),
    [
        (f"moon: {{{PROXY}}}", "the policy has no such zone"),
        ("cloud: {proxy: 'http://proxy.example:3128'}", "a proxy states its addresses"),
        ("cloud: {proxy_addresses: [10.0.0.0/8]}", "means nothing without a proxy"),
        ("cloud: {proxy_secret: corp}", "means nothing without a proxy"),
        (f"cloud: {{{PROXY.replace('http:', 'https:')}}}", "a proxy is spoken to in http"),
        (f"cloud: {{{PROXY.replace('10.20.0.0/28', '10.20.0.1')}}}", "not a CIDR block"),
        (f"cloud: {{{PROXY.replace('10.20.0.0/28', '0.0.0.0/0')}}}", "every address there is"),
        (f"cloud: {{{PROXY.replace('http:', 'socks5:')}}}", "must be http(s)"),
        (f"cloud: {{{PROXY.replace('proxy.example', 'me:pw@proxy.example')}}}", "no user"),
        (f"cloud: {{{PROXY}, proxy_secret: nobody}}", "the node file has no such secret"),
        (f"cloud: {{{PROXY}, no_proxy: [a]}}", "unknown key `no_proxy`"),
    ],
)
def test_an_exit_that_is_wrong_is_told(exits: str, why: str):
    problems = read(exits)[1]
    assert len(problems) == 1, problems
    assert why in problems[0]
    assert "pw" not in problems[0]


def test_behind_a_proxy_a_backend_is_https():
    plain = BACKENDS.replace("https://", "http://")
    (problem,) = read(f"cloud: {{{PROXY}}}", plain)[1]
    assert "its zone has a proxy, and behind one it must be https" in problem


def test_adv_49_no_backend_and_no_node_states_a_proxy_of_its_own():
    wrong = BACKENDS.replace("zone: cloud", "zone: cloud, proxy: 'http://proxy:3128'")
    assert "unknown key `proxy`" in read("cloud: {}", wrong)[1][0]
