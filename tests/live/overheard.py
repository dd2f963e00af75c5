"""A post between the gateway and the engine that hands everything on, and keeps a copy."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOST = "127.0.1.9"
PIECE_BYTES_MAX = 64 * 1024
ENGINE_SECONDS_MAX = 120.0


@dataclass
class Exchange:
    """What the engine was asked, and what it answered."""

    path: str
    asked: bytes
    answered: bytearray = field(default_factory=bytearray)


class Overheard(ThreadingHTTPServer):
    """Listens in front of an engine."""

    daemon_threads = True

    def __init__(self, engine_host: str, engine_port: int) -> None:
        super().__init__((HOST, 0), _Post)
        self.engine = (engine_host, engine_port)
        self.exchanges: list[Exchange] = []

    @property
    def url(self) -> str:
        """The address that takes the engine's place."""
        return f"http://{HOST}:{self.server_address[1]}"


class _Post(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Overheard

    def do_GET(self) -> None:
        self.send_response(http.HTTPStatus.OK)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        heard = Exchange(self.path, self.rfile.read(int(self.headers["content-length"])))
        self.server.exchanges.append(heard)
        connection = http.client.HTTPConnection(*self.server.engine, timeout=ENGINE_SECONDS_MAX)
        with closing(connection):
            headers = {"content-type": "application/json"}
            connection.request("POST", self.path, heard.asked, headers)
            reply = connection.getresponse()
            self.send_response(reply.status)
            self.send_header("content-type", reply.headers["content-type"])
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            while piece := reply.read1(PIECE_BYTES_MAX):
                heard.answered += piece
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def overheard(engine_host: str, engine_port: int) -> Iterator[Overheard]:
    """A post in front of that engine."""
    with Overheard(engine_host, engine_port) as post:
        thread = threading.Thread(target=post.serve_forever, daemon=True)
        thread.start()
        try:
            yield post
        finally:
            post.shutdown()
            thread.join()
