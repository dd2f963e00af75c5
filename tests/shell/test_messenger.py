"""The wire to hosts that give credentials: what is not wholly as agreed is no answer."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec.structs import replace

from gateway.domain.secret import Secret
from gateway.transport.call import Address
from gateway.transport.credentials import CredentialRefused, WayOut, messenger
from gateway.transport.credentials import wires as wires_module
from gateway.transport.credentials.messenger import Answered, Question, ask, origin
from tests.doubles.certificates import TestAuthority
from tests.doubles.connect_proxy import ConnectProxy


class _Host(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[str]] = []
    heard: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
        self.heard.append(str(self.headers["host"]))
        status = {"/moved": 302, "/other": 307}.get(self.path, 200)
        size = messenger.ANSWER_BYTES_MAX + (self.path == "/large")
        body = b"x" * size if self.path in {"/large", "/full"} else b"secret"
        self.send_response(status)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def a_host(tls: ssl.SSLContext | None = None) -> Iterator[str]:
    _Host.seen, _Host.heard = [], []
    server = ThreadingHTTPServer(("127.0.2.15", 0), _Host)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.2.15:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def a_proxy(leads_to: Address, wants: str) -> Iterator[ConnectProxy]:
    """A forward proxy on a thread of its own, for what blocks."""
    loop, proxy = asyncio.new_event_loop(), ConnectProxy(leads_to, wants=wants)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(proxy.__aenter__(), loop).result(10)
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(proxy.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def test_adv_50_no_redirect_is_followed_for_a_credential() -> None:
    with a_host() as url:
        for path in ("/moved", "/other"):
            with pytest.raises(CredentialRefused, match="redirect refused"):
                ask(Question(url=url + path), (url,))
        assert _Host.seen == ["/moved", "/other"]


def test_an_answer_has_a_bound() -> None:
    with a_host() as url:
        full = ask(Question(url=url + "/full"), (url,))
        assert len(full.body) == messenger.ANSWER_BYTES_MAX
        with pytest.raises(CredentialRefused, match="too large"):
            ask(Question(url=url + "/large"), (url,))


def test_an_answer_that_does_not_end_in_time_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messenger, "TOTAL_S_MAX", -1.0)
    with a_host() as url, pytest.raises(CredentialRefused, match="does not end"):
        ask(Question(url=url + "/"), (url,))


def test_a_host_that_is_not_there_is_a_refusal_without_its_words() -> None:
    url = "http://127.0.2.15:9"
    with pytest.raises(CredentialRefused) as caught:
        ask(Question(url=f"{url}/sk-canary"), (url,))
    assert str(caught.value) == "ConnectError"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://sts.example/x?y", "https://sts.example"),
        ("https://STS.example:8443/", "https://sts.example:8443"),
        ("http://169.254.169.254/latest", "http://169.254.169.254"),
        ("http://[fd00:ec2::23]/v1", "http://[fd00:ec2::23]"),
        ("http://127.0.0.1:1338/x", "http://127.0.0.1:1338"),
    ],
)
def test_the_origin_is_what_is_compared(url: str, expected: str) -> None:
    assert origin(url) == expected


@pytest.mark.parametrize(
    "url", ["http://localhost/x", "http://metadata.google.internal/", "https://é.example/"]
)
def test_a_name_is_not_asked_in_clear(url: str) -> None:
    with pytest.raises(ValueError, match="the URL must be"):
        origin(url)


def test_neither_question_nor_answer_shows_itself() -> None:
    question = Question(url="https://x.example/canary", headers={"authorization": "canary"})
    answer = Answered(200, {"x": "canary"}, b"canary")
    assert "canary" not in f"{question!r}{answer!r}"


def test_adv_51_a_name_that_leads_to_the_machines_own_services_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for text in (
        "169.254.169.254",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
    ):
        told = [(0, 0, 0, "", (text, 443))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, told=told, **_k: told)
        with pytest.raises(CredentialRefused, match="never dialled"):
            ask(Question(url="https://sts.example/x"), ("https://sts.example",))


def test_a_name_is_looked_up_once_and_dialled_there_with_its_name_in_tls(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    asked: list[str] = []

    def names(host: str, *_a: object, **_k: object) -> list[object]:
        asked.append(host)
        return [(0, 0, 0, "", ("127.0.2.99", 0)), (0, 0, 0, "", ("127.0.2.15", 0))]

    with a_host(authority.server("sts.example")) as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(wires_module.socket, "getaddrinfo", _only("sts.example", names))
        named = f"https://sts.example:{url.rpartition(':')[2]}"
        way_out = WayOut(ca_file=authority.ca_file)
        assert ask(Question(url=f"{named}/a"), (named,), way_out).body == b"secret"
        assert asked == ["sts.example"]
        assert _Host.heard == [named.removeprefix("https://")]
        with pytest.raises(CredentialRefused, match="ConnectError"):
            ask(Question(url=f"{named}/a"), (named,))


def _only(name: str, names: Callable[..., list[object]]) -> Callable[..., list[object]]:
    """The machine's own resolver, for all names but one."""
    real = socket.getaddrinfo

    def asked(host: object, *more: object, **named: object) -> list[object]:
        if host == name:
            return names(name)
        return real(host, *more, **named)  # type: ignore[arg-type,return-value]

    return asked


def test_a_host_that_gives_credentials_is_asked_through_the_proxy_of_the_zone(
    tmp_path: Path,
) -> None:
    authority = TestAuthority(tmp_path)
    with a_host(authority.server("sts.example")) as url:
        port = int(url.rpartition(":")[2])
        named = f"https://sts.example:{port}"
        with a_proxy(Address("127.0.2.15", port), wants="us:secret") as proxy:
            way_out = WayOut(
                ("127.0.0.77", proxy.port),
                ("127.0.0.77/32",),
                Secret("us:secret"),
                authority.ca_file,
            )
            with pytest.MonkeyPatch.context() as patched:
                pinned = [(0, 0, 0, "", ("127.0.0.77", 0))]
                patched.setattr(
                    wires_module.socket, "getaddrinfo", _only("proxy.example", lambda _n: pinned)
                )
                by_name = replace(way_out, proxy=("proxy.example", proxy.port))
                assert ask(Question(url=f"{named}/a"), (named,), by_name).body == b"secret"
                moved = replace(by_name, addresses=("10.0.0.0/8",))
                with pytest.raises(CredentialRefused, match="outside its pins"):
                    ask(Question(url=f"{named}/a"), (named,), moved)
            assert ask(Question(url=f"{named}/b"), (named,), way_out).body == b"secret"
            assert proxy.asked_for == [f"sts.example:{port}"] * 2
            assert b"secret" not in bytes(proxy.passed)
            with pytest.raises(CredentialRefused, match="ProxyError"):
                ask(Question(url=f"{named}/b"), (named,), replace(way_out, secret=None))


def test_the_machines_own_services_are_asked_directly() -> None:
    way_out = WayOut(("127.0.0.77", 9), ("127.0.0.77/32",))
    with a_host() as url:
        assert ask(Question(url=f"{url}/a"), (url,), way_out).body == b"secret"


def test_adv_49_nothing_in_the_environment_changes_who_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("default login a password canary\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    with a_host() as url:
        assert ask(Question(url=f"{url}/a"), (url,)).body == b"secret"
