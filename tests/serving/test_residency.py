"""A whole gateway over a zone whose evidence has ended: its offering gets nothing, and is told."""

import shutil
from pathlib import Path

from gateway.audit.record import Admin
from tests.doubles.gateway_folders import Template, ran, started
from tests.doubles.ledger_sight import records
from tests.doubles.raw_http import ask, request
from tests.doubles.running_gateway import ROOT
from tests.doubles.serving_house import FORMS, House, until

EVIDENCE = "    evidence: {source: a test, read_on: 2025-01-01, expires_on: 2025-06-01}\n"


def test_an_offering_whose_evidence_has_ended_gets_nothing_and_the_rest_is_served(
    template: Template, engines, tmp_path: Path
) -> None:
    backends = {
        "cloud": ("scripted", engines["cloud"].url, "frontier"),
        "home": ("vllm", engines["home"].url, "on_prem"),
    }
    gateway = template.copy(tmp_path / "node", backends)
    shutil.copytree(ROOT / "policies" / "demo", gateway.folder / "policy")
    node = gateway.node.read_text().replace(str(ROOT / "policies" / "demo"), "policy")
    gateway.node.write_text(node)
    zones = gateway.folder / "policy" / "zones.yaml"
    zones.write_text(zones.read_text() + EVIDENCE)
    with started(gateway):
        house = House(gateway, engines)
        assert ask(gateway.admin, request("GET", "/readyz"), "GET").status == 200
        before = house.prompts()["cloud"]
        for form in FORMS:
            heard = house.ask(form, form.body())
            assert heard.status == 200
            assert house.record(heard.record)["attempts"][0]["zone"] == "on_prem"
        assert house.prompts()["cloud"] == before
        until(lambda: _told(gateway) == [("cloud-model@cloud", "evidence")], "the record of it")
    assert ran("verify", str(gateway.ledger)).code == 0
    done = ran("residency", "verify", str(gateway.node))
    assert done.code == 1
    assert "its evidence ended on 2025-06-01" in done.out


def _told(gateway) -> list[tuple[str, str]]:
    return [
        (str(one.facts["offering"]), str(one.facts["check"]))
        for one in records(gateway)
        if isinstance(one, Admin) and one.what == "residency_difference"
    ]
