"""The node file: defaults that stand, limits that hold, and every mistake told at once."""

from pathlib import Path

import msgspec
import pytest

from gateway.config.files import load_text
from gateway.config.node import load_node, read_settings
from gateway.config.settings import Settings
from gateway.domain.errors import ConfigError, Problem

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "perimeter.yaml"
HEAD = "version: 1\norigin: perimeter.example/gw-0\n"


def read(text: str, folder: str = "/node") -> tuple[Settings | None, list[str]]:
    problems: list[Problem] = []
    settings = read_settings(load_text(text, "perimeter.yaml"), Path(folder), problems)
    return settings, [str(p).removeprefix("perimeter.yaml:") for p in problems]


def complaints(text: str) -> list[str]:
    settings, problems = read(HEAD + text)
    assert settings is None
    assert problems
    return problems


def test_an_origin_is_all_that_must_be_said():
    settings, problems = read(HEAD)
    assert problems == []
    assert settings is not None
    assert settings.listeners.data.host == "127.0.0.1"
    assert settings.listeners.admin.host == "127.0.0.1"
    assert settings.listeners.data.body_bytes_max == 32 * 1024 * 1024
    assert settings.refusal_status == 400
    assert settings.demo is False
    assert settings.secrets == {}


def test_the_example_is_right():
    node = load_node(EXAMPLE)
    assert node.settings.origin == "perimeter.example/gw-0"
    assert node.document.line("/listeners/data/tls/key") > 1


def test_relative_paths_are_relative_to_the_node_file():
    text = "paths: {ledger: ledger, keys: /etc/keys.yaml}\nsecrets: {a: {file: s/a}}\n"
    tls = "listeners: {data: {tls: {certificate: t/c.pem, key: t/k.pem}}}\n"
    settings, problems = read(HEAD + text + tls)
    assert problems == []
    assert settings is not None
    assert settings.paths.ledger == Path("/node/ledger")
    assert settings.paths.keys == Path("/etc/keys.yaml")
    assert settings.paths.policy == Path("/node/policies/default")
    assert settings.secrets["a"].file == Path("/node/s/a")
    assert settings.listeners.data.tls is not None
    assert settings.listeners.data.tls.certificate == Path("/node/t/c.pem")
    assert settings.listeners.data.tls.client_ca is None


def test_a_relative_node_file_gives_absolute_paths(tmp_path, monkeypatch):
    (tmp_path / "perimeter.yaml").write_text(HEAD)
    monkeypatch.chdir(tmp_path)
    assert load_node(Path("perimeter.yaml")).settings.paths.keys == tmp_path / "keys.yaml"


def test_every_problem_is_told_at_once_with_its_line(tmp_path):
    path = tmp_path / "perimeter.yaml"
    path.write_text(
        "version: 1\norigin: Bad Origin\ndemo: yes\nlisteners:\n  data:\n    prot: 1\n"
        "    port: 99999\n  admin: {host: 3}\nretention: 5\nsecrets:\n  A!: {file: x}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_node(path)
    lines = [problem.line for problem in caught.value.problems]
    assert lines == sorted(lines) == [2, 3, 6, 7, 8, 9, 11]


def test_a_missing_version_or_origin_is_told():
    assert read("demo: false\n")[1] == [
        "1: `version` is missing (write version: 1)",
        "1: `origin` is missing",
    ]
    assert "newer than this release" in read("version: 2\norigin: a.example/b\n")[1][0]


@pytest.mark.parametrize(
    "origin", ["perimeter.example", "/x", "a/", "a b/c", "a/b+c", "A.example/b", "a/b/c/d/e/f", ""]
)
def test_an_origin_has_the_form_of_a_ledger_name(origin):
    problems = read(f"version: 1\norigin: '{origin}'\n")[1]
    assert problems == ["2: /origin: must be text such as perimeter.example/gw-0"]


@pytest.mark.parametrize("host", ["localhost", "gw.example", "127.1", "0x7f000001", ""])
def test_listeners_have_ip_addresses(host):
    (problem,) = complaints(f"listeners: {{data: {{host: '{host}'}}}}\n")
    assert "/listeners/data/host: must be an IP address" in problem


def test_two_listeners_on_one_port_are_refused():
    (problem,) = complaints("listeners: {data: {port: 9090}}\n")
    assert problem.endswith("/listeners/admin/port: is the port of the data listener")
    assert read(HEAD + "listeners: {data: {port: 0}, admin: {port: 0}}\n")[1] == []
    assert read(HEAD + "listeners: {data: {port: 9090, host: 127.0.1.1}}\n")[1] == []


def test_adv_03_trusted_proxies_are_exact_blocks_and_never_everyone():
    blocks = "[10.0.0.0/8, 10.0.0.1/8, x, 0.0.0.0/0, '::/0', '::1']"
    found = complaints(f"listeners: {{data: {{trusted_proxies: {blocks}}}}}\n")
    assert [problem.split(": ")[1].rpartition("/")[2] for problem in found] == ["1", "2", "3", "4"]
    assert found[2].endswith("trusts every peer")


ANONYMOUS = "listeners: {data: {anonymous: {team: desk, label: internal"


def test_nobody_is_anonymous_unless_the_file_names_somebody():
    settings, _ = read(HEAD)
    assert settings.listeners.data.anonymous is None
    settings, problems = read(HEAD + ANONYMOUS + "}}}\n")
    assert problems == []
    named = settings.listeners.data.anonymous
    assert (named.subject, named.repos) == ("anonymous", ())
    assert named.networks == ("127.0.0.0/8", "::1/128")


def test_anonymous_callers_come_from_exact_and_narrow_blocks():
    blocks = (
        "[10.0.0.0/8, 10.0.0.1/8, x, 0.0.0.0/0, '::/0', '::1', 128.0.0.0/1, 'fc00::/7', '8000::/1']"
    )
    found = complaints(f"{ANONYMOUS}, networks: {blocks}}}}}}}\n")
    assert [problem.split(": ")[1].rpartition("/")[2] for problem in found] == list("123468")
    assert found[2].endswith("trusts every peer")
    assert "too wide" in found[4]


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("{team: desk}", "anonymous"),
        ("{label: internal}", "anonymous"),
        ("{team: desk, label: ''}", "anonymous/label"),
        ("{team: desk, label: internal, networks: []}", "anonymous/networks"),
        ("{team: desk, label: internal, key_id: x}", "anonymous/key_id"),
        ("true", "anonymous"),
    ],
)
def test_an_anonymous_caller_has_a_team_and_a_label(said, place):
    (problem,) = complaints(f"listeners: {{data: {{anonymous: {said}}}}}\n")
    assert problem.split(": ")[1] == f"/listeners/data/{place}"


def test_limits_that_contradict_each_other_are_refused():
    found = complaints(
        "listeners: {data: {connections_max: 4, connections_per_peer_max: 5}}\n"
        "timeouts: {connect_ms: 50, first_byte_ms: 60, idle_ms: 40, total_ms: 45}\n"
    )
    assert [problem.split(": ")[1] for problem in found] == [
        "/listeners/data/connections_per_peer_max",
        "/timeouts/connect_ms",
        "/timeouts/first_byte_ms",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "listeners: {data: {body_bytes_max: 0}}",
        "listeners: {data: {body_bytes_max: 268435457}}",
        "listeners: {data: {header_ms_max: 0}}",
        "listeners: {data: {in_flight_max: null}}",
        "listeners: {data: {keep_alive_ms: -1}}",
        "listeners: {data: {port: 65536}}",
        "listeners: {data: {port: '8080'}}",
        "timeouts: {total_ms: 3600001}",
        "timeouts: {drain_ms: 1.5}",
        "refusal_status: 401",
        "refusal_status: '403'",
        "demo: null",
        "paths: {ledger: ''}",
        "paths: {ledger: null}",
        "listeners: null",
    ],
)
def test_no_limit_can_be_switched_off(text):
    assert len(complaints(text)) == 1


def test_adv_60_a_tls_version_is_text():
    tls = "listeners: {data: {tls: {certificate: c, key: k, version_min: %s}}}\n"
    assert read(HEAD + tls % '"1.3"')[1] == []
    (problem,) = complaints(tls % "1.3")
    assert "must be one of 1.2, 1.3, not a number (put it in quotes)" in problem
    assert "must be one of 1.2, 1.3" in complaints(tls % '"1.1"')[0]


def test_tls_needs_a_certificate_and_its_key():
    (problem,) = complaints("listeners: {data: {tls: {certificate: c}}}\n")
    assert problem.endswith("/listeners/data/tls: `key` is missing")


def test_two_things_in_one_place_are_refused():
    (problem,) = complaints("paths: {ledger: data, checkpoints: ./data}\n")
    assert problem == "3: /paths/checkpoints: is the same place as `ledger`"


def test_nothing_lies_in_a_folder_that_others_may_read():
    lent = "ledger: {readers: auditors}\n"
    assert read(HEAD + lent)[1] == []
    inside = "paths: {ledger: data/l, bodies: data/l/../l/b, checkpoints: ./data/l/c}\n"
    assert read(HEAD + inside)[1] == []
    found = complaints(lent + inside)
    assert [one.split(": ", 1)[1] for one in found] == [
        "/paths/checkpoints: lies in the ledger's folder, which `ledger.readers` may read",
        "/paths/bodies: lies in the ledger's folder, which `ledger.readers` may read",
    ]


@pytest.mark.parametrize("source", ["{}", "{file: a, env: B}", "{file: null}"])
def test_a_secret_comes_from_one_place(source):
    assert complaints(f"secrets: {{a: {source}}}\n") == [
        "3: /secrets/a: give either `file` or `env`"
    ]


def test_a_secret_written_into_the_file_is_refused_and_not_repeated():
    for text in ("secrets: {a: sk-hunter2}", "secrets: {a: {env: 'sk-hunter2 '}}"):
        (problem,) = complaints(text)
        assert "hunter2" not in problem


def test_a_demo_stays_on_loopback_and_has_an_origin_of_its_own():
    assert "/origin" in complaints("demo: true\n")[0]
    assert "/origin" in read("version: 1\norigin: demo/a\n")[1][0]
    demo = "version: 1\norigin: demo/a\ndemo: true\nlisteners: {%s: {host: %s}}\n"
    assert read(demo % ("data", "127.0.1.1"))[1] == []
    for name in ("data", "admin"):
        (problem,) = read(demo % (name, "10.0.0.1"))[1]
        assert problem.endswith(
            f"/listeners/{name}/host: a demo listens on a loopback address only"
        )


def test_a_key_that_is_not_yet_built_is_unknown():
    assert "unknown key `tenants`" in complaints("tenants: {days: 30}\n")[0]


def test_settings_are_values():
    settings, _ = read(HEAD)
    with pytest.raises(AttributeError):
        settings.demo = True
    assert msgspec.structs.replace(settings, refusal_status=403).refusal_status == 403
