"""A server on loopback that keeps each request byte for byte and refuses it."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

REPLY = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b'content-length: 16\r\n\r\n{"message":"no"}'
)
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Eavesdropper:
    """Where it listens, and what it has heard."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.heard: list[bytes] = []


@contextmanager
def eavesdropper() -> Iterator[Eavesdropper]:
    class Ear(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline()
                if not line:
                    return
                head += line
            found = _LENGTH.search(head)
            here.heard.append(head + self.rfile.read(int(found[1]) if found else 0))
            self.wfile.write(REPLY)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Ear) as server:
        here = Eavesdropper(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()
