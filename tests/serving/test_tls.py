"""TLS of the data listener: certificates both ways, versions, renewal without a restart."""

import shutil
import signal
import ssl
from pathlib import Path

import pytest

from tests.doubles.certificates import NOW, TestAuthority
from tests.doubles.gateway_folders import NOWHERE, ran, started
from tests.doubles.raw_http import Gone, Heard, Line
from tests.doubles.serving_house import ANTHROPIC, OPENAI, House, until
from tests.serving.conftest import TASKS, backends_of

HOST = "gateway.test"
TLS = ", header_ms_max: 700, tls: {certificate: tls.pem, key: tls.pem, client_ca: ca.pem}"
REFUSED = (ssl.SSLError, ConnectionError, Gone)


class TlsHouse(House):
    """A gateway that speaks TLS, and the authority that signs for it and for its clients."""

    def __init__(self, house: House, authority: TestAuthority) -> None:
        super().__init__(house.gateway, house.engines)
        self.authority = authority

    @property
    def pem(self) -> Path:
        return self.gateway.folder / "tls.pem"

    def renew(self, days: int) -> None:
        """Put a certificate of that many days in the place of the current one."""
        self.authority.server(HOST, days=days)
        fresh = self.gateway.folder / "fresh.pem"
        shutil.copy(self.gateway.folder / f"{HOST}-{days}.pem", fresh)
        fresh.replace(self.pem)

    def context(self, signer: TestAuthority | None = None) -> ssl.SSLContext:
        """Return what a client speaks: with a certificate of its own, unless nobody signed it."""
        context = ssl.create_default_context(cafile=self.authority.ca_file)
        if signer is not None:
            signer.server("client.test")
            context.load_cert_chain(Path(signer.ca_file).parent / "client.test-1.pem")
        return context

    def told(self, context: ssl.SSLContext) -> Heard:
        with Line(self.url, tls=context) as line:
            line.send(self.request(OPENAI, OPENAI.body()))
            return line.hear()

    def shown(self) -> int:
        """Return the days of the certificate that a new connection is shown."""
        with Line(self.url, tls=self.context(self.authority)) as line:
            assert isinstance(line.socket, ssl.SSLSocket)
            told = line.socket.getpeercert()
        assert told
        return round((ssl.cert_time_to_seconds(told["notAfter"]) - NOW.timestamp()) / 86_400)


@pytest.fixture(scope="module")
def secure(template, engines, tmp_path_factory):
    folder = tmp_path_factory.mktemp("secure")
    gateway = template.copy(folder, backends_of(engines), TLS, tasks=TASKS)
    house = TlsHouse(House(gateway, engines), TestAuthority(folder))
    house.renew(3)
    with started(gateway):
        yield house


def test_a_client_with_a_certificate_is_answered(secure) -> None:
    assert secure.url.startswith("https://")
    assert secure.told(secure.context(secure.authority)).status == 200
    with Line(secure.url, tls=secure.context(secure.authority)) as line:
        line.send(secure.request(ANTHROPIC, ANTHROPIC.body(stream=True)))
        heard = line.hear()
    assert b"message_stop" in heard.body


def test_a_client_without_a_certificate_is_not(secure) -> None:
    with secure.nothing_sent(), pytest.raises(REFUSED):
        secure.told(secure.context())


def test_a_client_of_another_authority_is_not(secure, tmp_path) -> None:
    with secure.nothing_sent(), pytest.raises(REFUSED):
        secure.told(secure.context(TestAuthority(tmp_path, "other")))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_1_1_is_not_spoken(secure) -> None:
    context = secure.context(secure.authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    assert secure.told(context).status == 200
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError) as refused:
        secure.told(context)
    assert refused.value.reason in {"TLSV1_ALERT_PROTOCOL_VERSION", "UNEXPECTED_EOF_WHILE_READING"}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_newer_versions_are_spoken_with_good_ciphers(secure, version) -> None:
    context = secure.context(secure.authority)
    context.minimum_version = context.maximum_version = version
    with Line(secure.url, tls=context) as line:
        assert isinstance(line.socket, ssl.SSLSocket)
        cipher = line.socket.cipher()
        assert cipher is not None
        assert "GCM" in cipher[0] or "CHACHA20" in cipher[0]
        line.send(secure.request(OPENAI, OPENAI.body()))
        assert line.hear().status == 200


def test_a_weak_cipher_is_not_spoken(secure) -> None:
    context = secure.context(secure.authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0")
    with pytest.raises(REFUSED):
        secure.told(context)


def test_plain_http_is_not_answered(secure) -> None:
    plain = secure.url.replace("https://", "http://")
    with secure.nothing_sent(), Line(plain) as line:
        line.send(secure.request(OPENAI, OPENAI.body()))
        with pytest.raises((Gone, ValueError, IndexError)):
            line.hear()


def test_a_handshake_that_does_not_come_is_cut_off(secure) -> None:
    with Line(secure.url.replace("https://", "http://")) as line:
        line.send(b"\x16\x03\x01")
        assert line.is_closed()


def test_a_certificate_is_renewed_without_a_restart(secure) -> None:
    assert secure.shown() == 3
    with Line(secure.url, tls=secure.context(secure.authority)) as old:
        secure.renew(5)
        _reload(secure)
        until(lambda: secure.shown() == 5, "the new certificate")
        old.send(secure.request(OPENAI, OPENAI.body()))
        assert old.hear().status == 200


def test_a_pair_that_does_not_fit_is_not_taken(secure) -> None:
    secure.renew(4)
    _reload(secure)
    until(lambda: secure.shown() == 4, "the new certificate")
    whole = secure.pem.read_text()
    secure.authority.server(HOST, days=9)
    other = (secure.gateway.folder / f"{HOST}-9.pem").read_text()
    mark = "-----BEGIN PRIVATE KEY-----"
    for broken in (
        other.split(mark)[0] + mark + whole.split(mark)[1],
        other.split(mark)[0],
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n",
    ):
        secure.pem.write_text(broken)
        _reload(secure)
        for _ in range(3):
            assert secure.shown() == 4
            assert secure.told(secure.context(secure.authority)).status == 200
    secure.renew(6)
    _reload(secure)
    until(lambda: secure.shown() == 6, "the newest certificate")


def _reload(house: House) -> None:
    assert house.gateway.process is not None
    house.gateway.process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_tls_files_that_are_no_use_are_told_at_the_start(
    template, tmp_path, serve_here, content
) -> None:
    tls = ", tls: {certificate: tls.pem, key: tls.pem}"
    gateway = template.copy(tmp_path / "node", NOWHERE, tls)
    if content is not None:
        (gateway.folder / "tls.pem").write_text(content)
    for done in (serve_here(gateway), ran("check", str(gateway.node))):
        assert done.code == 2
        assert "perimeter.yaml:" in done.err
        assert "tls.pem" in done.err
