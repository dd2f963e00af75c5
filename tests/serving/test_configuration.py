"""A configuration that cannot be used is told whole, by file and line, before anything listens."""

import re
import shutil

import pytest

from gateway.audit.record import Admin
from gateway.cli.mock_backend.script import WORDS
from tests.doubles.gateway_folders import NOWHERE, command, create_ledger, ran, started
from tests.doubles.ledger_sight import records, verified
from tests.doubles.raw_http import ask, request
from tests.doubles.running_gateway import ROOT, RunningGateway
from tests.doubles.serving_house import FORMS, OPENAI, House, until

POLICY = ROOT / "policies" / "demo"
PLACE = re.compile(r"^(\S+\.yaml):(\d+): ", re.MULTILINE)


@pytest.fixture
def folder(template, tmp_path) -> RunningGateway:
    """A node with a policy of its own, to be harmed."""
    gateway = template.copy(tmp_path / "node", NOWHERE)
    shutil.copytree(POLICY, gateway.folder / "policy")
    _change(gateway, "perimeter.yaml", str(POLICY), "policy")
    return gateway


def _change(gateway: RunningGateway, name: str, old: str, new: str) -> None:
    path = gateway.folder / name
    text = path.read_text()
    assert old in text, f"{name} does not hold {old}"
    path.write_text(text.replace(old, new, 1))


def _line_of(gateway: RunningGateway, name: str, text: str) -> int:
    lines = (gateway.folder / name).read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


HARM = [
    ("perimeter.yaml", "port: 0", "port: 99999", "port: 99999"),
    ("policy/policy.yaml", "zones: [on_prem, frontier]", "zones: [on_prem, moon]", "moon"),
    ("policy/policy.yaml", "default: internal", "default: intrenal", "intrenal"),
    ("policy/zones.yaml", "127.0.1.0/24", "127.0.1.0/33", "127.0.1.0/33"),
    ("policy/repos.yaml", "label: public", "label: NO", "label: NO"),
    ("policy/invariants.yaml", "only_zones: [on_prem]", "only_zone: [on_prem]", "only_zone:"),
    ("models/catalog.yaml", "backend: home", "backend: hoem", "backend: hoem"),
    ("models/backends.yaml", "zone: on_prem", "zone: attic", "zone: attic"),
    ("models/tasks.yaml", "home-model", "home-modle", "home-modle"),
    ("keys.yaml", "team: ", "taem: ", '"web":'),
]
# WHY: whether these are right depends on a policy that can be compiled.
AFTER_THE_POLICY = [
    ("policy/cases/labels.yaml", "effect: permit", "effect: maybe", "effect: maybe"),
    ("keys.yaml", "website", "wbesite", "wbesite"),
]


def test_problems_of_many_files_are_told_at_once(folder) -> None:
    for name, old, new, _ in HARM:
        _change(folder, name, old, new)
    done = folder.cli("serve", str(folder.node))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    checked = ran("check", str(folder.node))
    assert (checked.code, checked.out, checked.err) == (2, "", done.stderr)
    told = {(place, int(line)) for place, line in PLACE.findall(done.stderr)}
    for name, _, _, text in HARM:
        line = _line_of(folder, name, text)
        assert any(place.endswith(name) and at == line for place, at in told), (name, done.stderr)


@pytest.mark.parametrize(
    "harm", [*HARM, *AFTER_THE_POLICY], ids=lambda harm: f"{harm[0]} {harm[2]}"
)
def test_each_problem_is_told_by_itself(folder, harm) -> None:
    name, old, new, text = harm
    _change(folder, name, old, new)
    done = ran("check", str(folder.node))
    assert (done.code, done.out) == (2, "")
    assert f"{name}:{_line_of(folder, name, text)}: " in done.err


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\norigin: a/b\norigin: c/d\n",
        "version: 1\norigin: &x a/b\n",
        "version: 1\norigin: !!str a/b\n",
        "version: 2\norigin: a/b\n",
        "origin: a/b\n",
        "version: 1\norigin: a/b\n---\nversion: 1\n",
        "version: 1\norigin: a/b\nlisteners: {data: {port: 010}}\n",
        "version: 1\norigin: a/b\nbudgets: {}\n",
        "\t",
        "",
    ],
)
def test_adv_60_63_a_node_file_that_reads_two_ways_is_refused(folder, text) -> None:
    folder.node.write_text(text)
    done = ran("check", str(folder.node))
    assert (done.code, done.out) == (2, "")
    assert "perimeter.yaml:" in done.err


def test_adv_69_a_gateway_without_a_policy_does_not_start(folder, serve_here) -> None:
    policy = folder.folder / "policy"
    shutil.rmtree(policy)
    for said in ("No such file", "the folder is empty"):
        done = serve_here(folder)
        assert (done.code, done.out) == (2, "")
        assert said in done.err
        policy.mkdir(exist_ok=True)


def test_a_node_file_that_is_not_there_is_told(folder) -> None:
    done = ran("check", str(folder.folder / "nowhere.yaml"))
    assert done.code == 2
    assert "nowhere.yaml" in done.err


def test_an_address_that_is_taken_is_told(folder, serve_here, house) -> None:
    port = house.url.rsplit(":", 1)[1]
    _change(folder, "perimeter.yaml", "port: 0", f"port: {port}")
    done = serve_here(folder)
    assert done.code == 2
    assert "cannot listen" in done.err


def test_check_plays_the_cases_and_prints_the_matrix(folder) -> None:
    printed = command("check", str(folder.node))
    assert re.search(r"^\s*restricted .*$", printed, re.MULTILINE)
    for zone in ("on_prem", "frontier"):
        assert zone in printed
    held = re.search(r"(\d+) of (\d+) cases hold", printed)
    assert held is not None
    assert held[1] == held[2] != "0"
    assert "from the cache" in printed


def test_a_case_that_fails_is_told_and_is_exit_1(folder) -> None:
    cases = sorted((folder.folder / "policy" / "cases").glob("*.yaml"))
    changed = [path for path in cases if "effect: permit" in path.read_text()]
    assert changed
    text = changed[0].read_text().replace("effect: permit", "effect: deny", 1)
    changed[0].write_text(text)
    done = ran("check", str(folder.node))
    assert done.code == 1
    assert "case " in done.err
    assert "cases hold" in done.out


def test_an_invariant_that_the_rules_break_stops_the_start(folder) -> None:
    _change(
        folder,
        "policy/policy.yaml",
        "when: {level_max: internal}",
        "when: {level_max: restricted}",
    )
    _change(folder, "policy/zones.yaml", "level: internal", "level: restricted")
    done = ran("check", str(folder.node))
    assert done.code == 2
    assert "restricted-never-leaves" in done.err


def _in_earnest(gateway: RunningGateway) -> None:
    """Make the node one that is no demo, with a ledger of its own name."""
    shutil.rmtree(gateway.folder / "data")
    text = gateway.node.read_text().replace("demo: true\n", "")
    gateway.node.write_text(text.replace("origin: demo/test", "origin: perimeter.example/gw-0"))
    create_ledger(str(gateway.node))


def test_a_scripted_engine_is_refused_in_earnest(template, tmp_path, serve_here, engines) -> None:
    backends = {"cloud": ("scripted", engines["cloud"].url, "frontier")}
    gateway = template.copy(tmp_path / "node", backends)
    _in_earnest(gateway)
    line = _line_of(gateway, "models/backends.yaml", "scripted")
    for done in (serve_here(gateway), ran("check", str(gateway.node))):
        assert done.code == 2
        assert f"models/backends.yaml:{line}: " in done.err
        assert "scripted" in done.err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("origin: demo/test", "origin: perimeter.example/gw-0"),
        ("data: {host: 127.0.0.1", "data: {host: 0.0.0.0"),
    ],
)
def test_a_demo_is_on_loopback_and_says_so_in_its_name(template, tmp_path, old, new) -> None:
    gateway = template.copy(tmp_path / "node", NOWHERE)
    _change(gateway, "perimeter.yaml", old, new)
    done = ran("check", str(gateway.node))
    assert done.code == 2
    assert "demo" in done.err


def test_a_scripted_engine_in_disguise_is_quarantined_at_the_first_probe(
    template, tmp_path, engines
) -> None:
    gateway = template.copy(tmp_path / "node", {"home": ("vllm", engines["home"].url, "on_prem")})
    _in_earnest(gateway)
    with started_unready(gateway):
        house = House(gateway, engines)
        until(lambda: "quarantined" in _reasons(house), "the quarantine")
        assert "home: quarantined: a scripted engine answers" in _reasons(house)
        for form in FORMS:
            for repo in ("website", "payments"):
                with house.nothing_sent():
                    heard = house.ask(form, form.body(), repo)
                assert heard.status == 503
                assert house.record(heard.record, repo)["attempts"] == []
        until(lambda: _quarantines(gateway) == ["home"], "the record of it")
        assert house.record(heard.record, "payments")["demo"] is False


def test_adv_52_a_reply_from_elsewhere_is_never_passed_on(template, tmp_path, engines) -> None:
    gateway = template.copy(
        tmp_path / "node", {"local": ("ollama", engines["local"].url, "on_prem")}
    )
    with started(gateway):
        house = House(gateway, engines)
        assert house.ask(OPENAI, OPENAI.body()).status == 200
        engines["local"].behave("remote")
        for form in FORMS:
            heard = house.ask(form, form.body(stream=form is OPENAI))
            assert heard.status in {500, 503}
            assert not [word for word in WORDS if word.encode() in heard.body]
        until(lambda: "local: quarantined" in _reasons(house), "the quarantine")
        engines["local"].behave()
        with house.nothing_sent():
            assert house.ask(OPENAI, OPENAI.body()).status == 503
        until(lambda: _quarantines(gateway) == ["local"], "the record of it")
        until(lambda: "local" in _quarantines(gateway, "boundary_breach"), "the breach")
        assert house.metric("boundary_breaches") > 0
        verified(gateway)


def started_unready(gateway: RunningGateway):
    """Start without waiting for readiness, which never comes."""
    gateway.until_ready = lambda: None
    return started(gateway)


def _reasons(house: House) -> str:
    return str(ask(house.gateway.admin, request("GET", "/readyz"), "GET").json["reasons"])


def _quarantines(gateway: RunningGateway, what: str = "quarantined") -> list[str]:
    return [
        str(one.facts["backend"])
        for one in records(gateway)
        if isinstance(one, Admin) and one.what == what
    ]
