"""Where no gateway runs, a reading is recorded by the command itself, of a copy, or refused."""

from pathlib import Path

import pytest

from gateway.audit.record import Admin
from gateway.cli.audit import telling
from tests.doubles.flow_logs import a_flow_log
from tests.doubles.gateway_folders import Template, ran
from tests.doubles.ledger_sight import records
from tests.doubles.running_gateway import RunningGateway

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
