"""A client that sends exactly the bytes that it is given, well-formed or not."""

import socket
import ssl
import struct
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

# WHY: a machine that does much else beside may take that long over a body of 32 MiB.
WAIT_S = 60.0
HEAD_LINES_MAX = 200


class Gone(Exception):
    """The other side closed the connection, or reset it."""


class Heard(Struct, frozen=True):
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def record(self) -> str:
        return self.headers.get("x-perimeter-record", "")


class Line:
    """One connection. `source` is the loopback address that it comes from."""

    def __init__(
        self, url: str, source: str = "", tls: ssl.SSLContext | None = None, small: bool = False
    ) -> None:
        address = urlsplit(url)
        self.host = address.netloc
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(WAIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if small:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((address.hostname, address.port))
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="gateway.test")
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise Gone from None

    def head(self) -> tuple[int, dict[str, str]]:
        """Read a status line and the header fields."""
        try:
            first = self._file.readline()
        except ConnectionResetError:
            raise Gone from None
        if not first:
            raise Gone
        headers: dict[str, str] = {}
        for _ in range(HEAD_LINES_MAX):
            line = self._file.readline().decode("latin-1").rstrip("\r\n")
            if not line:
                break
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return int(first.split(b" ")[1]), headers

    def chunks(self) -> Iterator[bytes]:
        """Yield the chunks of a chunked body."""
        while size := int(self._file.readline().strip() or b"0", 16):
            yield self._file.read(size)
            self._file.readline()
        self._file.readline()

    def hear(self, method: str = "POST") -> Heard:
        """Read one response."""
        status, headers = self.head()
        if method == "HEAD" or status in {204, 304}:
            return Heard(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            return Heard(status, headers, b"".join(self.chunks()))
        return Heard(status, headers, self._file.read(int(headers.get("content-length", "0"))))

    def is_closed(self) -> bool:
        """Wait for the other side to close; False when it says something or WAIT_S passed."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def reset(self) -> None:
        """Close as a process that dies does: with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


Field = tuple[str, str | bytes]


def request(
    method: str, path: str, body: bytes | None = None, fields: tuple[Field, ...] = ()
) -> bytes:
    """Return the bytes of a request; the length is stated where a body is given."""
    lines = [f"{method} {path} HTTP/1.1\r\nhost: gateway.test\r\n".encode()]
    for name, value in fields:
        raw = value if isinstance(value, bytes) else value.encode("latin-1")
        lines.append(name.encode("latin-1") + b": " + raw + b"\r\n")
    if body is not None:
        lines.append(b"content-length: %d\r\n" % len(body))
    return b"".join([*lines, b"\r\n", body or b""])


def chunked(parts: list[bytes], trailers: bytes = b"") -> bytes:
    """Return parts as a chunked body."""
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part)
    return framed + b"0\r\n" + trailers + b"\r\n"


def ask(url: str, data: bytes, method: str = "POST", source: str = "") -> Heard:
    """Send the bytes on a connection of their own and read the response."""
    with Line(url, source) as line:
        line.send(data)
        return line.hear(method)
