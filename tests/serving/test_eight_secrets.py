"""Eight secrets go through every path, and are looked for wherever anything is written or told."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from gateway.app.making import ledger_paths
from gateway.audit.canonical import decode
from gateway.cli.audit import available
from gateway.cli.export import shard_sources
from gateway.config.node import load_node
from gateway.export import ocsf
from gateway.export.bundle import About
from gateway.export.chain import all_events, write_bundles
from gateway.export.selection import Asked
from gateway.ledger import signing
from tests.doubles.chatty_engine import REPLY, ChattyEngine
from tests.doubles.every_surface import EVERY, Row
from tests.doubles.gateway_folders import a_model, command, ran, started
from tests.doubles.ledger_sight import entries, personal_of
from tests.doubles.raw_http import Field, Heard, Line, ask, request
from tests.doubles.running_gateway import ROOT
from tests.doubles.scripted_engine import scripted_engine
from tests.doubles.serving_house import JSON, House
from tests.serving.conftest import ENGINES, KINDS, TASKS, backends_of
from tests.serving.test_erasure import found_in

PROMPT = "c4n4ry-prompt-0e11"
CREDENTIAL = "c4n4ry-upstream-0e11"
SUBJECT = "c4n4ry-subject-0e11@example.com"
REPO = "c4n4ry-repo-0e11"
TOOL = "c4n4ry-tool-argument-0e11"
SESSION = "c4n4ry-session-0e11"
CRASH = "c4n4ry-crash-here-0e11"
SECRETS = (PROMPT, REPLY, CREDENTIAL, SUBJECT, REPO, TOOL, SESSION)
# What is the client's own, and comes back to it as the engine says it.
ITS_OWN = (PROMPT, REPLY, TOOL, CRASH)
# What Python writes by itself when it dies, where somebody asks for it.
DUMP = "Fatal Python error"
FAULTY = f"""
import sys
if "serve" in sys.orig_argv:
    from gateway.flow.docket import Docket
    from gateway.flow.exchange import Exchange
    from gateway.flow.pursuit import Pursuit
    def crashing(kind, name, number):
        whole = getattr(kind, name)
        def crash(self, *words):
            for word in (*words, *vars(self).values()):
                if "{CRASH}-%d" % number in repr(word):
                    raise RuntimeError("cannot go on with " + repr((words, vars(self))))
            return whole(self, *words)
        setattr(kind, name, crash)
    crashing(Exchange, "_judge", 1)
    crashing(Pursuit, "run", 2)
    crashing(Docket, "attempted", 3)
"""


class Planted(Struct):
    """A gateway with a key that it may tell to nobody, and what it answered."""

    house: House
    key: str
    heard: list[Heard]


@pytest.fixture(scope="module")
def planted(template, tmp_path_factory) -> Iterator[Planted]:
    folder = tmp_path_factory.mktemp("planted")
    with ExitStack() as stack:
        engines = {
            name: stack.enter_context(scripted_engine(name=name, host=host, kind=ChattyEngine))
            for name, host in ENGINES.items()
        }
        for name in ("home", "spare"):
            engines[name].engine.credential = CREDENTIAL
        more = "secrets: {up: {env: PERIMETER_UPSTREAM}}\nconversations: {days: 3}\n"
        gateway = template.copy(folder / "node", backends_of(engines), more=more, tasks=TASKS)
        backends = gateway.folder / "models" / "backends.yaml"
        text = backends.read_text().replace("kind: vllm,", "kind: vllm, secret: up,")
        backends.write_text(text)
        catalog = gateway.folder / "models" / "catalog.yaml"
        vectors = "".join(a_model(one, "vectors", "embeddings") for one in KINDS if one != "spare")
        catalog.write_text(catalog.read_text() + vectors)
        node = ("--node", str(gateway.node), "--repo", "website")
        who = ("--subject", SUBJECT, "--team", "spy", "--may", "explain")
        key = command("keys", "create", "spy", *node, *who).strip()
        gateway.keys["spy"] = key
        faults, tmp = folder / "faults", folder / "node" / "tmp"
        faults.mkdir()
        tmp.mkdir()
        (faults / "sitecustomize.py").write_text(FAULTY)
        prefix = (
            "env", f"PYTHONPATH={faults}:{ROOT}", f"PERIMETER_UPSTREAM={CREDENTIAL}",
            f"TMPDIR={tmp}", "PYTHONFAULTHANDLER=1",
        )  # fmt: skip
        gateway.words = ("--log-level", "debug")
        with started(gateway, *prefix):
            yield Planted(House(gateway, engines), key, [])


def at_home(row: Row) -> str:
    """Return a model that may see work in a repository that nobody knows; else any."""
    return next((one for one in row.models if not one.startswith("cloud")), row.models[0])


def fields(model: str = "home-model") -> tuple[Field, ...]:
    repo: tuple[Field, ...] = (("x-perimeter-repo", f"https://git.example.com/c4n4ry/{REPO}.git"),)
    return (
        *(() if model.startswith("cloud") else repo),
        ("x-session-id", SESSION),
        ("user-agent", SESSION),
    )


def say(planted: Planted, row: Row, text: str, model: str, stream: bool = False) -> Heard:
    raw = row.raw(text, model, stream)
    heard = ask(planted.house.url, row.asks(planted.key, model, raw, stream, fields(model)))
    planted.heard.append(heard)
    return heard


PATHS = {
    "success": "",
    "refusal": "",
    "rejected": "mock:status=400",
    "unwell": "mock:status=500",
    "garbage": "mock:garbage",
    "broken stream": "mock:break=1",
    "cut stream": "mock:cut=1",
    "crash while judging": f"{CRASH}-1",
    "crash while trying": f"{CRASH}-2",
    "crash before sending": f"{CRASH}-3",
}


@pytest.mark.parametrize("row", EVERY, ids=str)
def test_no_secret_is_told_in_an_error_whatever_happens(planted, row) -> None:
    statuses = set()
    for path, asked in PATHS.items():
        # WHY: an engine that closes without an answer is left alone for a while.
        for stream in row.ways if path != "cut stream" else row.ways[1:]:
            model = "no-such-model" if path == "refusal" else at_home(row)
            heard = say(planted, row, f"{PROMPT} {asked}", model, stream)
            statuses.add(heard.status)
            assert_untold(planted, heard, path)
    assert {200} < statuses


def assert_untold(planted: Planted, heard: Heard, path: str) -> None:
    told = heard.body.decode("latin-1") + repr(heard.headers)
    others = [one for one in SECRETS if one not in ITS_OWN]
    assert not [one for one in (*others, planted.key) if one in told], path
    # What the engine says of the client's own words goes back to it; what we say has none of them.
    if path.startswith(("crash", "refusal")):
        assert not [one for one in ITS_OWN if one in told], path


@pytest.mark.parametrize("row", EVERY, ids=str)
def test_no_secret_is_told_where_somebody_asks_what_would_become_of_it(planted, row) -> None:
    model = at_home(row)
    path, raw = f"/v1/route{row.at(model)}", row.raw(PROMPT, model)
    told: Field = (row.header, planted.key)
    if row.header == "authorization":
        told = (row.header, f"Bearer {planted.key}")
    heard = ask(planted.house.url, request("POST", path, raw, (JSON, told, *fields(model))))
    planted.heard.append(heard)
    # WHY: a key asks only so often in a minute.
    assert heard.status in {200, 429}, heard.body
    text = heard.body.decode("latin-1") + repr(heard.headers)
    assert not [one for one in (*SECRETS, planted.key) if one in text]


def test_tools_and_strange_requests_tell_nothing_either(planted) -> None:
    house = planted.house
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "f", "arguments": f'{{"a":"{TOOL}"}}'},
    }
    body = {
        "model": "home-model",
        "messages": [
            {"role": "user", "content": PROMPT},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": TOOL},
        ],
        "tools": [{"type": "function", "function": {"name": TOOL, "parameters": {}}}],
    }
    whole = msgspec.json.encode(body)
    for raw in (whole, whole[:-3], whole.replace(b"user", TOOL.encode()), TOOL.encode()):
        row = EVERY[0]
        planted.heard.append(
            ask(house.url, row.asks(planted.key, "home-model", raw, False, fields()))
        )
    wrong: Field = ("authorization", f"Bearer {planted.key[:-4]}0000")
    for path in ("/v1/chat/completions", f"/v1/{TOOL}?key={planted.key}", f"/v1/records/{SESSION}"):
        planted.heard.append(ask(house.url, request("POST", path, whole, (JSON, wrong, *fields()))))
    planted.heard.append(ask(house.url, f"POST /{SESSION} HTTP/1.1\r\n{TOOL} : x\r\n\r\n".encode()))
    for heard in planted.heard[-8:]:
        if heard.status != 200:
            assert not [one for one in (*SECRETS, planted.key) if one.encode() in heard.body]


def test_no_log_metric_page_or_file_holds_a_secret(planted) -> None:
    """The last of this file: it looks at what all the others have left, the process killed."""
    house, gateway = planted.house, planted.house.gateway
    statuses = {heard.status for heard in planted.heard}
    assert statuses >= {200, 400, 401, 404, 500, 502}
    one = say(planted, EVERY[0], PROMPT, "home-model")
    assert personal_of(gateway, one.record).subject == SUBJECT
    for page in ("/metrics", "/readyz", "/livez", "/", f"/{SESSION}"):
        heard = ask(gateway.admin, request("GET", page), "GET")
        assert_nowhere(planted, heard.body.decode("latin-1"), page)
    with Line(house.url) as line:
        line.send(
            EVERY[0].asks(
                planted.key,
                "home-model",
                EVERY[0].raw(f"{PROMPT} mock:hang", "home-model"),
                False,
                fields(),
            )
        )
        time.sleep(0.3)
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGSEGV)
        gateway.process.wait(20)
    log = gateway.log.read_text()
    assert_nowhere(planted, log, "log")
    assert DUMP in log
    for entry in entries(gateway):
        assert_nowhere(planted, entry.decode(), decode(entry).id)
    hand_out(planted, one.record)
    assert found_in(gateway.folder, *SECRETS, CRASH) == [str(gateway.folder / "keys.yaml")]
    assert found_in(gateway.folder, planted.key) == []
    assert not list((gateway.folder / "tmp").iterdir())
    assert not [path for path in Path.cwd().glob("core*") if path.is_file()]


def hand_out(planted: Planted, record: str) -> None:
    """Ask all that the audit answers, and export: what is told and made holds no secret."""
    gateway = planted.house.gateway
    more = {"explain": (record,), "in-force": ("--on", "2026-11-27")}
    for question in available():
        words = ("audit", question, *more.get(question, ()), "--ledger", str(gateway.ledger))
        answer = ran(*words, "--copy", "--rows", "100000")
        assert answer.code in {0, 1}, answer.err
        assert_nowhere(planted, answer.out + answer.err, question)
    assert (gateway.ledger / "facts.sqlite").stat().st_size > 100_000
    paths = ledger_paths(load_node(gateway.node).settings.paths)
    sources = list(shard_sources(paths.folder, signing.load(paths.signing_key)))
    out = gateway.folder / "export"
    write_bundles(sources, Asked(), About("f" * 32, 0, "Perimeter test"), out)
    assert (out / "REPORT.html").stat().st_size > 1_000
    events = list(map(ocsf.line, all_events(sources, Asked(), "test")))
    assert len(events) > len(EVERY)
    assert_nowhere(planted, b"".join(events).decode(), "events")


def assert_nowhere(planted: Planted, text: str, where: str) -> None:
    found = [one for one in (*SECRETS, CRASH, planted.key) if one in text]
    assert not found, f"{where}: {found}"


def test_every_line_of_the_log_is_json_and_a_line_about_a_request_has_its_record(planted) -> None:
    lines = [
        msgspec.json.decode(line)
        for line in planted.house.gateway.log.read_text().partition(DUMP)[0].splitlines()
        if not line.startswith("notice: ")
    ]
    crashed = [line for line in lines if line["event"] == "judging_failed"]
    assert crashed
    for line in crashed:
        assert line["record"] in {one.record for one in planted.heard}
        assert line["kind"] == "RuntimeError"
    for line in lines:
        assert {"event", "level", "timestamp"} <= line.keys()
