"""An engine of somebody else, in TLS on loopback: it answers chat, and can change its key."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gateway.transport.call import Address
from tests.doubles import engine_bytes
from tests.doubles.certificates import TestAuthority

HOST = "127.0.2.33"
NAME = "far.test"


class FarEngine:
    """Where it is, the prompts that it has read, and with which certificate it answers."""

    def __init__(self, address: Address, tls: ssl.SSLContext) -> None:
        self.address = address
        self.tls = tls
        self.bodies: list[bytes] = []


class _Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: FarEngine

    def do_GET(self) -> None:
        self._say(b"{}")

    def do_POST(self) -> None:
        self.engine.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self._say(engine_bytes.chat_whole())

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        # Each question has a handshake of its own.
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def far_engine(authority: TestAuthority, host: str = HOST) -> Iterator[FarEngine]:
    talk = type("_Answers", (_Talk,), {})
    server = ThreadingHTTPServer((host, 0), talk)
    server.daemon_threads = True
    tls = authority.server(NAME)
    engine = talk.engine = FarEngine(Address(host, server.server_address[1]), tls)

    def choose(connection: ssl.SSLSocket, _name: str, _context: ssl.SSLContext) -> None:
        connection.context = engine.tls

    tls.sni_callback = choose
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield engine
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
