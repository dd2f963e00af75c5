"""A whole gateway whose engine shows another key one day: request and readiness end."""

from pathlib import Path

from gateway.audit.record import Admin
from tests.doubles.certificates import TestAuthority
from tests.doubles.far_engine import NAME, far_engine
from tests.doubles.gateway_folders import Template, ran, started
from tests.doubles.ledger_sight import records
from tests.doubles.raw_http import ask, request
from tests.doubles.serving_house import FORMS, OPENAI, House, until

CANARY = "canary-51ce"


def test_an_engine_with_another_key_gets_nothing_and_ends_readiness(
    template: Template, tmp_path: Path
) -> None:
    authority = TestAuthority(tmp_path)
    with far_engine(authority) as engine:
        pin = authority.pins[NAME]
        backends = {
            "far": (
                "scripted",
                f"https://{engine.address.ip}:{engine.address.port}",
                f"frontier, server_name: {NAME}, ca_file: {authority.ca_file},"
                f" certificate_pins: ['{pin}']",
            )
        }
        gateway = template.copy(tmp_path / "node", backends)
        with started(gateway):
            house = House(gateway, {})
            assert house.ask(OPENAI, OPENAI.body()).status == 200
            read = len(engine.bodies)
            engine.tls = authority.server(NAME)
            for form in FORMS:
                heard = house.ask(form, form.body(CANARY))
                assert heard.status in {500, 503}
            assert len(engine.bodies) == read
            assert house.metric("boundary_breaches") > 0
            ready = ask(gateway.admin, request("GET", "/readyz"), "GET")
            assert ready.status == 503
            assert "far: quarantined: boundary breach" in str(ready.json["reasons"])
            until(lambda: "boundary_breach" in _told(gateway), "the record of it")
        assert CANARY.encode() not in b"".join(engine.bodies)
        assert ran("verify", str(gateway.ledger)).code == 0


def _told(gateway) -> list[str]:
    return [one.what for one in records(gateway) if isinstance(one, Admin)]
