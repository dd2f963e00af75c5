"""A client that does not read holds up the engine's bytes, and not the gateway's memory."""

import http.client
import socket
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from tests.doubles.running_gateway import RunningGateway
from tests.live.engine import LOGPROBS_MAX
from tests.live.node import CLIENT_SECONDS_MAX, POLL_SECONDS, said
from tests.live.overheard import Exchange, Overheard
from tests.live.questions import Json

MIB = 1024 * 1024
GROWTH_BYTES_MAX = 4 * MIB
# WHY: the kernel holds some of it, and the gateway's own heap has some MiB that are free already;
# so much more than the bound is sent, or a gateway that keeps everything would not be noticed.
REPLY_BYTES_MIN = 20 * MIB
WINDOW_BYTES = 32 * 1024
STILL_POLLS = 50
TOKENS = 800
BODY: Json = {
    "model": "tiny-overheard",
    "messages": said(),
    "stream": True,
    "n": 2,
    "max_tokens": TOKENS,
    "ignore_eos": True,
    "logprobs": True,
    "top_logprobs": LOGPROBS_MAX,
}


class NarrowConnection(http.client.HTTPConnection):
    """A connection with a small window."""

    def connect(self) -> None:
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)
        self.sock.settimeout(self.timeout)
        self.sock.connect((self.host, self.port))


def opened(gateway: RunningGateway, **fields: object) -> http.client.HTTPConnection:
    """Send the request; nothing of the reply is read."""
    address = urlsplit(gateway.url)
    connection = NarrowConnection(address.hostname or "", address.port, timeout=CLIENT_SECONDS_MAX)
    headers = {
        "content-type": "application/json",
        "authorization": f"Bearer {gateway.keys['website']}",
    }
    body = msgspec.json.encode(BODY | fields)
    connection.request("POST", "/v1/chat/completions", body, headers)
    return connection


def resident_bytes(gateway: RunningGateway) -> int:
    assert gateway.process is not None
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def until_nothing_moves(heard: Exchange) -> None:
    """Wait until the engine has said everything, and the gateway takes no more of it."""
    deadline = time.monotonic() + CLIENT_SECONDS_MAX
    still, taken = 0, -1
    while not heard.is_whole or still < STILL_POLLS:
        still = still + 1 if heard.taken_bytes == taken else 0
        taken = heard.taken_bytes
        assert time.monotonic() < deadline, "the engine never came to its end"
        time.sleep(POLL_SECONDS)


def test_a_slow_reader_does_not_grow_the_gateway(gateway: RunningGateway, post: Overheard) -> None:
    with closing(opened(gateway, max_tokens=16)) as connection:
        assert connection.getresponse().read().endswith(b"data: [DONE]\n\n")
    before = resident_bytes(gateway)
    asked = len(post.exchanges)

    with closing(opened(gateway)) as connection:
        while len(post.exchanges) == asked:
            time.sleep(POLL_SECONDS)
        heard = post.exchanges[-1]
        until_nothing_moves(heard)
        held = resident_bytes(gateway) - before
        left = len(heard.answered) - heard.taken_bytes
        reply = connection.getresponse()
        received = reply.read()

    assert len(received) >= REPLY_BYTES_MIN
    assert held < GROWTH_BYTES_MAX
    assert left > 0
    assert received.endswith(b"data: [DONE]\n\n")
    assert resident_bytes(gateway) - before < GROWTH_BYTES_MAX
    record = gateway.record(reply.headers["x-perimeter-record"])
    assert record["outcome"]["kind"] == "completed"
    assert record["outcome"]["usage"]["output_tokens"] == 2 * TOKENS
