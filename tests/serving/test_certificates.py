"""Client certificates at a running gateway: of the connection, or told by a listed proxy alone."""

import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.audit.record import Decided
from tests.doubles.certificates import TestAuthority
from tests.doubles.gateway_folders import NOWHERE, command, ran, started
from tests.doubles.ledger_sight import records
from tests.doubles.raw_http import Gone, Heard, Line, request
from tests.doubles.serving_house import FORMS, JSON, House
from tests.serving.conftest import TASKS, WAITS, backends_of

HOST = "gateway.test"
TLS = ", tls: {certificate: tls.pem, key: tls.pem, client_ca: ca.pem, client_certificate: optional}"
PROXIED = (
    ", trusted_proxies: [127.0.0.9/32], subject_header: {name: x-client-san, kind: uri}"
)  # fmt: skip
SPIFFE = "spiffe://corp/ci"


def certified(gateway, *subjects: str) -> None:
    words = [word for subject in subjects for word in ("--certificate", subject)]
    command(
        "keys", "create", "ci", "--subject", "ci", "--team", "build", "--repo", "website",
        "--no-key", "--node", str(gateway.node), *words,
    )  # fmt: skip


@pytest.fixture(scope="module")
def house(template, engines, tmp_path_factory) -> Iterator[tuple[House, TestAuthority]]:
    folder = tmp_path_factory.mktemp("mtls")
    signed = folder / "signed"
    signed.mkdir()
    authority = TestAuthority(signed)
    gateway = template.copy(folder / "node", backends_of(engines), TLS, WAITS, TASKS)
    authority.server(HOST)
    shutil.copy(signed / f"{HOST}-1.pem", gateway.folder / "tls.pem")
    shutil.copy(authority.ca_file, gateway.folder / "ca.pem")
    certified(gateway, "dns:ci.corp.test")
    with started(gateway):
        yield House(gateway, engines), authority


def shown(authority: TestAuthority, name: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.ca_file)
    if name is not None:
        authority.server(name)
        context.load_cert_chain(Path(authority.ca_file).parent / f"{name}-1.pem")
    return context


def told(house: House, form, context: ssl.SSLContext, *fields) -> Heard:
    raw = msgspec.json.encode(form.body())
    with Line(house.url, tls=context) as line:
        line.send(request("POST", form.path, raw, (JSON, *fields)))
        return line.hear()


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_certificate_of_the_connection_is_who_asks(house, form) -> None:
    house, authority = house
    heard = told(house, form, shown(authority, "ci.corp.test"))
    assert heard.status == 200
    found = [one for one in records(house.gateway) if isinstance(one, Decided)]
    decided = next(one for one in found if one.id == heard.record)
    assert (decided.key_id, decided.known_by) == ("ci", "mtls")


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_another_certificate_and_none_are_nobody(house, form) -> None:
    house, authority = house
    with house.nothing_sent():
        for name in ("other.corp.test", None):
            assert told(house, form, shown(authority, name)).status == 401


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_03_a_header_that_names_a_certificate_is_nobody(house, form) -> None:
    house, authority = house
    for name in ("x-client-san", "x-client-cert", "x-forwarded-client-cert", "ssl-client-s-dn"):
        heard = told(house, form, shown(authority, None), (name, "dns:ci.corp.test"))
        assert heard.status == 401


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_without_a_certificate_a_key_is_still_a_key(house, form) -> None:
    house, authority = house
    key = form.key(house.gateway.keys["website"])
    assert told(house, form, shown(authority, None), key).status == 200
    assert told(house, form, shown(authority, "other.corp.test"), key).status == 200


def test_a_certificate_of_another_authority_does_not_connect(house, tmp_path) -> None:
    house, authority = house
    stranger = TestAuthority(tmp_path)
    stranger.server("ci.corp.test")
    context = ssl.create_default_context(cafile=authority.ca_file)
    context.load_cert_chain(tmp_path / "ci.corp.test-1.pem")
    with pytest.raises((ssl.SSLError, ConnectionError, Gone)):
        told(house, FORMS[0], context)


# What a proxy tells


@pytest.fixture(scope="module")
def proxied(template, engines, tmp_path_factory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("proxied")
    gateway = template.copy(folder, backends_of(engines), PROXIED, WAITS, TASKS)
    certified(gateway, f"uri:{SPIFFE}")
    with started(gateway):
        yield House(gateway, engines)


def asked(house: House, form, source: str, *fields) -> Heard:
    raw = msgspec.json.encode(form.body())
    with house.line(source) as line:
        line.send(request("POST", form.path, raw, (JSON, *fields)))
        return line.hear()


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_listed_proxy_tells_whose_certificate_it_saw(proxied, form) -> None:
    assert asked(proxied, form, "127.0.0.9", ("x-client-san", SPIFFE)).status == 200
    for value in ("spiffe://corp/other", "", SPIFFE.upper()):
        assert asked(proxied, form, "127.0.0.9", ("x-client-san", value)).status == 401
    twice = (("x-client-san", SPIFFE), ("x-client-san", "spiffe://corp/x"))
    assert asked(proxied, form, "127.0.0.9", *twice).status == 400
    assert asked(proxied, form, "127.0.0.9", ("x_client_san", SPIFFE)).status == 401


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.8", "127.0.0.10"])
def test_adv_03_from_any_other_peer_the_header_says_nothing(proxied, form, source) -> None:
    with proxied.nothing_sent():
        told = ("x-client-san", SPIFFE)
        assert asked(proxied, form, source, told).status == 401
        forwarded = ("x-forwarded-for", "127.0.0.9")
        assert asked(proxied, form, source, told, forwarded).status == 401


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (", subject_header: {name: x-san}", "subject_header"),
        (", trusted_proxies: [10.0.0.0/8], subject_header: {name: host}", "subject_header/name"),
        (", trusted_proxies: [10.0.0.0/8], subject_header: {name: X_San}", "subject_header/name"),
        (", trusted_proxies: [0.0.0.0/0]", "trusted_proxies"),
        (
            ", tls: {certificate: a, key: b, client_certificate: optional}",
            "tls/client_certificate",
        ),
    ],
)
def test_a_setting_that_believes_the_wrong_is_told(template, tmp_path, data, where) -> None:
    gateway = template.copy(tmp_path / "node", NOWHERE, data)
    done = ran("check", str(gateway.node))
    assert done.code == 2
    assert f"/listeners/data/{where}" in done.err
