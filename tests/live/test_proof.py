"""What all the live tests have left behind: one whole ledger, and no prompt anywhere."""

from tests.doubles.running_gateway import RunningGateway
from tests.live.node import CANARY, openai_client, said


def test_the_ledger_is_whole_and_nothing_is_open(gateway: RunningGateway) -> None:
    """This test runs last, and stops the gateway."""
    raw = openai_client(gateway).chat.completions.with_raw_response.create(
        model="tiny", messages=said(), max_tokens=2
    )
    record_id = raw.headers["x-perimeter-record"]
    gateway.record(record_id)
    assert gateway.stop() == 0

    verified = gateway.verify()
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.startswith("whole: demo/test, ")
    assert "0 open, 0 lost" in verified.stdout

    explained = gateway.cli("explain", record_id, "--ledger", str(gateway.ledger))
    assert explained.returncode == 0, explained.stderr
    assert "served by tiny@home in on_prem" in explained.stdout
    replayed = gateway.cli("replay", record_id, "--ledger", str(gateway.ledger))
    assert replayed.returncode == 0, replayed.stderr


def test_no_prompt_has_touched_the_disk(gateway: RunningGateway) -> None:
    files = [path for path in gateway.folder.rglob("*") if path.is_file()]
    assert gateway.log in files
    assert any(path.is_relative_to(gateway.ledger) for path in files)
    holding = [str(path) for path in files if CANARY.encode() in path.read_bytes()]
    assert holding == []
