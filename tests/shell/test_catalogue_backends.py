"""Backends: an address says where a prompt goes, so it is read in one way or not at all."""

from pathlib import Path

import pytest

from gateway.config.backends import BackendSettings, Known, read_backends
from gateway.config.files import load_text
from gateway.config.origins import BadOriginError, Origin, read_origin

KNOWN = Known(
    kinds=frozenset({"vllm", "ollama", "anthropic"}),
    zones=frozenset({"on_prem", "frontier"}),
    secrets=frozenset({"anthropic"}),
)
RIGHT = "kind: vllm, url: 'http://vllm:8000', zone: on_prem"


def read(text: str, known: Known = KNOWN) -> tuple[dict[str, BackendSettings], list[str]]:
    problems: list = []
    found = read_backends(load_text(text, "backends.yaml"), known, Path("/models"), problems)
    return found, [str(p).removeprefix("backends.yaml:") for p in problems]


def complaint(entry: str) -> str:
    (problem,) = read(f"backends:\n  a: {{{entry}}}\n")[1]
    return problem


def test_a_backend_has_a_place_a_zone_and_a_kind():
    found, problems = read(
        "backends:\n  a: {kind: anthropic, url: 'https://API.Anthropic.com', zone: frontier,"
        " secret: anthropic, ca_file: ca.pem, server_name: api.example, settings: {seed: 7}}\n"
    )
    assert problems == []
    assert found == {
        "a": BackendSettings(
            name="a",
            kind="anthropic",
            origin=Origin("https", "api.anthropic.com", 443),
            zone="frontier",
            secret="anthropic",
            ca_file=Path("/models/ca.pem"),
            server_name="api.example",
            settings={"seed": 7},
        )
    }


def test_an_absolute_ca_file_stays_where_it_is():
    text = f"backends: {{a: {{{RIGHT.replace('http:', 'https:')}, ca_file: /etc/ca.pem}}}}"
    assert read(text)[0]["a"].ca_file == Path("/etc/ca.pem")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://vllm.perimeter.svc:8000", Origin("http", "vllm.perimeter.svc", 8000)),
        ("http://127.0.1.1", Origin("http", "127.0.1.1", 80)),
        ("https://[2001:DB8:0:0::1]:8443", Origin("https", "2001:db8::1", 8443)),
        ("http://a-1.b", Origin("http", "a-1.b", 80)),
        ("http://10.internal", Origin("http", "10.internal", 80)),
    ],
)
def test_a_right_address_is_read(url, origin):
    assert read_origin(url) == origin
    assert origin.tls == (origin.scheme == "https")


ODD = (
    "",
    "vllm:8000",
    "//vllm",
    "ftp://vllm",
    "file:///etc/passwd",
    "gopher://vllm:70",
    "HTTP://vllm",
    "http://",
    "http://:80",
    "http://vllm:",
    "http://vllm:0",
    "http://vllm:65536",
    "http://vllm:999999",
    "http://vllm:8o",
    "http://vllm.",
    "http://.vllm",
    "http://a..b",
    "http://-a",
    "http://a-",
    "http://under_score",
    "http://vl%6cm",
    "http://vllm\\@evil",
    "http://vllm\n",
    " http://vllm",
    "http://v\u013a\u013am",
    "http://\uff56llm",
    "http://" + "a" * 64 + ".b",
    "http://0x7f.1",
    "http://0x7f000001",
    "http://127.1",
    "http://2130706433",
    "http://127.0.0.01",
    "http://1.2.3.4.5",
    "http://256.0.0.1",
    "http://a.0x1",
    "http://[::1",
    "http://[::1]x",
    "http://[::g]",
    "http://[fe80::1%eth0]",
    "http://[::ffff:10.0.0.1]",
    "http://[1.2.3.4]x",
)


@pytest.mark.parametrize("url", ODD)
def test_adv_53_an_odd_address_is_refused(url):
    with pytest.raises(BadOriginError):
        read_origin(url)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("http://vllm:8000/v1", "not even /v1"),
        ("http://vllm:8000/", "no path"),
        ("http://me:hunter2@vllm", "no user or password"),
        ("http://vllm?x=hunter2", "no query"),
        ("http://vllm#x", "no fragment"),
    ],
)
def test_what_an_address_may_not_carry_is_told_and_not_repeated(url, hint):
    problem = complaint(f"kind: vllm, url: '{url}', zone: on_prem")
    assert problem.startswith("2: /backends/a/url: must be http(s)://host[:port] (")
    assert hint in problem
    assert "hunter2" not in problem


def test_an_unknown_kind_zone_or_secret_names_the_nearest():
    found = read("backends:\n  a: {kind: vlm, url: 'http://a', zone: onprem, secret: antropic}\n")[
        1
    ]
    assert found == [
        "2: /backends/a/kind: unknown kind of backend (did you mean `vllm`?)",
        "2: /backends/a/zone: the policy has no such zone (did you mean `on_prem`?)",
        "2: /backends/a/secret: the node file has no such secret (did you mean `anthropic`?)",
    ]


def test_zones_and_secrets_can_be_left_to_somebody_else():
    text = "backends: {a: {kind: vllm, url: 'http://a', zone: moon, secret: none}}"
    assert read(text, Known(kinds=frozenset({"vllm"})))[1] == []


def test_a_scripted_engine_needs_a_demo():
    text = "kind: scripted, url: 'http://127.0.1.1:9000', zone: on_prem"
    assert "needs `demo: true`" in complaint(text)
    allowed = Known(kinds=frozenset({"scripted"}))
    assert read(f"backends: {{a: {{{text}}}}}", allowed)[1] == []


def test_tls_settings_without_tls_are_refused():
    assert complaint(f"{RIGHT}, ca_file: ca.pem").endswith("/ca_file: means nothing without https")
    assert "/server_name" in complaint(f"{RIGHT}, server_name: a.example")


def test_a_pin_is_the_digest_of_a_key():
    pin = f"sha256:{'0a' * 32}"
    text = f"backends: {{a: {{{RIGHT.replace('http:', 'https:')}, certificate_pins: ['{pin}']}}}}"
    assert read(text)[0]["a"].certificate_pins == (pin,)
    assert complaint(f"{RIGHT}, certificate_pins: ['{pin}']").endswith("nothing without https")
    for odd in (pin.upper(), pin[:-1], "sha256/abc=", ""):
        assert "certificate_pins/0" in complaint(f"{RIGHT}, certificate_pins: ['{odd}']")


def test_adv_59_there_is_no_way_to_switch_verification_off():
    for key in ("verify: false", "insecure: true", "tls_skip_verify: true"):
        assert "unknown key" in complaint(f"{RIGHT}, {key}")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("http://vllm:8000", "http://VLLM:8000"),
        ("http://vllm", "http://vllm:80"),
        ("https://vllm", "https://vllm:443"),
        ("http://vllm:443", "https://vllm"),
        ("http://[::1]", "http://[0:0::1]"),
    ],
)
def test_one_address_in_two_zones_is_refused(first, second):
    text = (
        f"backends:\n  a: {{kind: vllm, url: '{first}', zone: on_prem}}\n"
        f"  b: {{kind: vllm, url: '{second}', zone: %s}}\n"
    )
    assert read(text % "on_prem")[1] == []
    assert read(text % "frontier")[1] == [
        "3: /backends/b/zone: backend `a` puts the same address into another zone"
    ]


@pytest.mark.parametrize("name", ["A", "a_b", "-a", "a:b", "a@b", "a" * 64, "a/b"])
def test_the_name_of_a_backend_has_a_form(name):
    assert "must be text such as vllm" in read(f"backends: {{'{name}': {{{RIGHT}}}}}")[1][0]


@pytest.mark.parametrize("text", ["backends: {}", "backends: []", "backend: {}", "{}"])
def test_a_file_without_backends_is_refused(text):
    found, problems = read(text)
    assert found == {}
    assert problems


def test_missing_keys_are_told_and_other_backends_still_read():
    found, problems = read(f"backends:\n  a: {{kind: vllm}}\n  b: {{{RIGHT}}}\n")
    assert problems == ["2: /backends/a: `url` is missing", "2: /backends/a: `zone` is missing"]
    assert list(found) == ["b"]


def test_settings_of_a_backend_are_words_numbers_and_booleans():
    assert read(f"backends: {{a: {{{RIGHT}, settings: {{a: x, b: 1, c: true}}}}}}")[1] == []
    assert "/settings/a" in complaint(f"{RIGHT}, settings: {{a: [1]}}")
    assert "/settings/A" in complaint(f"{RIGHT}, settings: {{A: 1}}")
