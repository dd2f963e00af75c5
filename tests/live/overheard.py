"""A post between the gateway and the engine that hands everything on, and keeps a copy.

It takes what the engine says at once, and gives it to the gateway as fast as the gateway takes it.
"""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOST = "127.0.1.9"
PIECE_BYTES_MAX = 16 * 1024
ENGINE_SECONDS_MAX = 120.0


class Exchange:
    """What the engine was asked, what it answered, and how much of it the gateway took."""

    def __init__(self, path: str, asked: bytes) -> None:
        self.path = path
        self.asked = asked
        self.answered = bytearray()
        self.taken_bytes = 0
        self.is_whole = False
        self._news = threading.Condition()

    def hear(self, reply: http.client.HTTPResponse) -> None:
        """Take everything that the engine says."""
        while piece := reply.read1(PIECE_BYTES_MAX):
            with self._news:
                self.answered += piece
                self._news.notify()
        with self._news:
            self.is_whole = True
            self._news.notify()

    def next_piece(self) -> bytes:
        """Return what the gateway has not taken yet, waiting for it; empty at the end."""
        with self._news:
            self._news.wait_for(
                lambda: self.is_whole or len(self.answered) > self.taken_bytes, ENGINE_SECONDS_MAX
            )
            return bytes(self.answered[self.taken_bytes :][:PIECE_BYTES_MAX])


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

    def setup(self) -> None:
        # WHY: what the kernel holds for the gateway counts as taken; so it shall hold little.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE_BYTES_MAX)
        super().setup()

    def do_GET(self) -> None:
        connection = http.client.HTTPConnection(*self.server.engine, timeout=ENGINE_SECONDS_MAX)
        with closing(connection):
            connection.request("GET", self.path)
            reply = connection.getresponse()
            body = reply.read()
        self.send_response(reply.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

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
            listening = threading.Thread(target=heard.hear, args=(reply,))
            listening.start()
            while piece := heard.next_piece():
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                heard.taken_bytes += len(piece)
            self.wfile.write(b"0\r\n\r\n")
            listening.join()

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
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
