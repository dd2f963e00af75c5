"""Where no gateway runs, a reading is recorded by the command itself, of a copy, or refused."""

import asyncio
from base64 import b64decode
from pathlib import Path

import msgspec
import pytest

from gateway.app.making import ledger_paths
from gateway.audit.record import Admin
from gateway.cli import handing
from gateway.cli.audit import telling
from gateway.config.node import load_node
from gateway.identity.persons import fingerprint
from tests.doubles.flow_logs import a_flow_log
from tests.doubles.gateway_folders import Ran, Template, ran
from tests.doubles.ledger_sight import records
from tests.doubles.ledgers import a_boot, a_request
from tests.doubles.records import a_person
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.signatories import public_of
from tests.serving.test_approvals import furnished

BACKENDS = {"home": ("vllm", "http://127.0.1.1:9", "on_prem")}


@pytest.fixture
def idle(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> RunningGateway:
    """A node with a ledger, and no gateway that runs."""
    return Template(tmp_path_factory.mktemp("template")).copy(tmp_path, BACKENDS)


def test_it_is_refused_where_nothing_would_record_it(tmp_path: Path) -> None:
    paths = a_flow_log(tmp_path)
    told = ran("audit", "boundary", "--ledger", str(paths.ledger))
    assert told.code == 2
    assert "would not be recorded" in told.err
    assert told.out == ""


def test_of_a_copy_it_says_that_nothing_records_it(tmp_path: Path) -> None:
    paths = a_flow_log(tmp_path)
    told = ran("audit", "boundary", "--copy", "--ledger", str(paths.ledger))
    assert told.code == 0
    assert "recorded nowhere" in told.out


def test_with_the_node_the_command_records_it_under_the_lock(idle) -> None:
    words = ("--ledger", str(idle.ledger), "--node", str(idle.node))
    told = ran("audit", "changes", *words)
    assert told.code == 0, told.err
    found = [one for one in records(idle) if isinstance(one, Admin)]
    assert "audit_queried" in [one.what for one in found]
    assert ran("verify", str(idle.ledger)).code == 0
    assert "changes" in ran("audit", "readers", *words).out


def test_the_node_of_another_ledger_records_nothing(idle, tmp_path: Path) -> None:
    paths = a_flow_log(tmp_path / "other")
    words = ("--ledger", str(paths.ledger), "--node", str(idle.node))
    told = ran("audit", "changes", *words)
    assert told.code == 2
    assert "another ledger" in told.err


def test_a_gateway_that_does_not_answer_is_as_none(tmp_path: Path, monkeypatch) -> None:
    paths = a_flow_log(tmp_path)
    monkeypatch.setattr(telling, "ANSWER_S_MAX", 0.1)
    monkeypatch.setattr(telling, "_is_held", lambda _: True)
    words = ("audit", "boundary", "--ledger", str(paths.ledger))
    assert "cannot be told" in ran(*words).err
    paths.folder.queries.mkdir()
    told = ran(*words)
    assert told.code == 2
    assert "no gateway has taken it" in told.err
    assert told.out == ""
    assert list(paths.folder.queries.iterdir()) == []


def asked_by(node: RunningGateway, name: str, record: str) -> Ran:
    signs = ("--reason", "a developer is stopped", "--key", str(node.folder / f"{name}.pem"))
    return ran("findings", record, *signs, "--node", str(node.node))


def places_in(told: Ran) -> list[str]:
    """Return the lines that tell of a finding."""
    return [line for line in told.out.splitlines() if "/messages/" in line]


def test_findings_are_shown_to_a_person_whom_the_ledger_names_before(idle) -> None:
    furnished(idle)
    name = asyncio.run(a_request_of(idle))
    stranger = asked_by(idle, "eve", name)
    assert (stranger.code, places_in(stranger)) == (1, [])
    assert "unknown_key" in stranger.err
    shown = asked_by(idle, "ada", name)
    assert shown.code == 0, shown.err
    assert len(places_in(shown)) == len(a_person().findings) > 0
    facts = [one.facts for one in records(idle) if isinstance(one, Admin)]
    [told] = [one for one in facts if one.get("action") == "read_findings"]
    assert told["scope"]["record"] == name
    assert told["requester"] == fingerprint(b64decode(public_of("ada")))
    assert ran("verify", str(idle.ledger)).code == 0
    words = ("--ledger", str(idle.ledger), "--node", str(idle.node), "--as", "json")
    readers = msgspec.json.decode(ran("audit", "readers", *words).out)["rows"]
    [row] = [one for one in readers if one["question"] == "read_findings"]
    assert (row["asked_by"], row["record"]) == (told["requester"], name)


def test_findings_are_shown_to_nobody_where_the_gateway_does_not_record_it(
    idle, monkeypatch
) -> None:
    furnished(idle)
    name = asyncio.run(a_request_of(idle))
    monkeypatch.setattr(handing, "ANSWER_S_MAX", 0.1)
    monkeypatch.setattr(handing, "is_running", lambda _: True)
    refused = asked_by(idle, "ada", name)
    assert (refused.code, places_in(refused)) == (1, [])
    assert "no gateway has taken it" in refused.err
    unknown = ran("findings", "0193", "--reason", "x", "--key", "x", "--node", str(idle.node))
    assert (unknown.code, unknown.out) == (1, "")


async def a_request_of(node: RunningGateway) -> str:
    """Write one request with findings into the ledger of a node, as its gateway would."""
    paths = ledger_paths(load_node(node.node).settings.paths)
    async with a_boot(paths) as ledger:
        before, after = a_request(ledger, a_person())
        await ledger.append([*before, *after])
        return before[0][0].id
