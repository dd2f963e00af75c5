"""The wire to hosts that give credentials: what is not wholly as agreed is no answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from gateway.transport.credentials import CredentialRefused, messenger
from gateway.transport.credentials.messenger import Answered, Question, ask, origin


class _Host(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
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
def a_host() -> Iterator[str]:
    _Host.seen = []
    server = ThreadingHTTPServer(("127.0.2.15", 0), _Host)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.2.15:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_no_redirect_is_followed() -> None:
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
