"""A whole gateway with a witness: what is asked is answered whether the witness is there or not."""

from pathlib import Path

from gateway.audit.record import Admin
from tests.doubles.gateway_folders import ran, started
from tests.doubles.ledger_sight import records, verified
from tests.doubles.serving_house import OPENAI, House, until
from tests.doubles.witnesses import NAME, a_witness
from tests.serving.conftest import TASKS, backends_of
from tests.serving.test_approvals import furnished
from tests.serving.test_export import alone, export

MORE = "anchors: {{every_s: 1, witnesses: {{neighbour: {{url: '{url}', key: '{key}'}}}}}}\n"


def anchored(house: House) -> list[Admin]:
    told = (one for one in records(house.gateway) if isinstance(one, Admin))
    return [one for one in told if one.what == "anchored"]


def metric(house: House, outcome: str) -> float:
    text = house.gateway.get_admin("/metrics").text
    wanted = f'perimeter_anchorings_total{{anchor="neighbour",outcome="{outcome}"}} '
    found = [line.removeprefix(wanted) for line in text.splitlines() if line.startswith(wanted)]
    return float(found[0]) if found else 0.0


def test_a_witness_that_is_away_holds_up_nothing_and_signs_when_it_is_back(
    template, engines, tmp_path: Path
) -> None:
    gateway = template.copy(tmp_path / "node", backends_of(engines), tasks=TASKS)
    vkey = (gateway.ledger / "vkey").read_text()
    with a_witness(tmp_path / "witness", vkey) as away:
        pass
    port = int(away.url.rpartition(":")[2])
    more = MORE.format(url=away.url, key=away.cosigner)
    house = House(furnished(gateway, more), engines)
    with started(house.gateway):
        until(lambda: metric(house, "failed") >= 1, "the failure is counted")
        assert house.ask(OPENAI, OPENAI.body("hello")).status == 200
        assert anchored(house) == []
        with a_witness(tmp_path / "witness", vkey, port=port):
            until(lambda: len(anchored(house)) >= 2, "checkpoints are cosigned")
            assert metric(house, "completed") >= 2
        first = anchored(house)[0]
        assert (first.facts["anchor"], first.facts["witness"]) == ("neighbour", NAME)
    assert verified(house.gateway).reason == ""
    assert "neighbour: http://127" in ran("check", str(house.gateway.node)).out
    done = export(house, tmp_path / "out")
    assert done.code == 0, done.err
    kept = sorted((tmp_path / "out/checkpoints").iterdir())
    assert len(kept) >= 2
    said = alone(tmp_path / "out", "--vkey", vkey.strip(), "--kept", str(kept[0]))
    assert said.returncode == 0, said.stdout
    assert (tmp_path / "out/cosigners").read_text().strip() == str(away.cosigner)
