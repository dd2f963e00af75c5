"""A key service at the end of an HTTP connection: it wraps and unwraps, and hands no key out."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
from msgspec import Struct

from gateway.ledger.wrapping import FileWrapper, WrapBroken

WAIT_S = 10.0


class Text(Struct, forbid_unknown_fields=True):
    """What is sent and what comes back; msgspec writes bytes in base64."""

    text: bytes
    bound: bytes = b""


class KeyService(ThreadingHTTPServer):
    """Holds keys by name; `down` makes it answer as an overloaded one does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.keys: dict[str, FileWrapper] = {}
        self.down = False
        self.asked: list[str] = []


class _Asked(BaseHTTPRequestHandler):
    server: KeyService

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        asked = msgspec.json.decode(self.rfile.read(length), type=Text)
        _, name, act = self.path.split("/")
        self.server.asked.append(act)
        if self.server.down:
            self._say(503)
            return
        key = self.server.keys[name]
        try:
            said = {"wrap": key.wrap, "unwrap": key.unwrap}[act](asked.text, asked.bound)
        except WrapBroken:
            self._say(400)
            return
        self._say(200, said)

    def _say(self, status: int, text: bytes = b"") -> None:
        data = msgspec.json.encode(Text(text))
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class ServiceWrapper:
    """A key that never leaves the service: what stands in the place of a file."""

    def __init__(self, service: KeyService, name: str) -> None:
        self._at = service.server_address[:2]
        self.id = f"service/{name}"
        self._name = name

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        # WHY: a service gives back what is longer than ours, and says which version it is.
        return b"v1:" + self._ask("wrap", key, bound)

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        return self._ask("unwrap", wrapped.removeprefix(b"v1:"), bound)

    def _ask(self, act: str, text: bytes, bound: bytes) -> bytes:
        host, port = self._at
        connection = http.client.HTTPConnection(str(host), port, timeout=WAIT_S)
        try:
            connection.request(
                "POST", f"/{self._name}/{act}", msgspec.json.encode(Text(text, bound))
            )
            reply = connection.getresponse()
            data = reply.read()
        finally:
            connection.close()
        if reply.status == 400:
            raise WrapBroken("a wrapped key cannot be opened")
        if reply.status != 200:
            raise ConnectionError("the key service does not answer")
        return msgspec.json.decode(data, type=Text).text


@contextmanager
def key_service() -> Iterator[KeyService]:
    """A service that listens."""
    service = KeyService()
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        thread.join()
        service.server_close()
