"""A Bedrock that believes nobody: it checks path, signature and body as the real one would.

The signature is computed again by botocore over the raw path as it came, the body is held against
the service's own model, and botocore's serializer must lead to the same path.
"""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from tests.doubles.bedrock_vendor import params_of, serialized
from tests.doubles.compatible_bedrock import (
    PATHS,
    compatible_error,
    compatible_fault,
    compatible_stream,
    compatible_whole,
)
from tests.doubles.event_frames import event, fault
from tests.doubles.invoked_claude import claude_fault, claude_stream, claude_whole

REGION = "eu-central-1"
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEXAMPLE//////////wEaDtoken+with=signs"
API_KEY = "ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl"
WINDOW = timedelta(minutes=5)
OPERATIONS = {
    "converse": "Converse",
    "converse-stream": "ConverseStream",
    "count-tokens": "CountTokens",
}
COUNTED = 321
USAGE = {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17}


class FakeBedrock:
    """What was asked, and what to answer next; without an order it talks, and calls its tools."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        self.port: int = server.server_address[1]
        self.host = str(server.server_address[0])
        self.url = f"{scheme}://{self.host}:{self.port}"
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.refusals: list[str] = []
        self.next: list[tuple[int, str, str]] = []
        self.breaks_with = ""

    def judge(self, path: str, headers: dict[str, str], raw: bytes) -> tuple[int, str, str]:
        """Return 200, or the status, name and message of the error."""
        why = _signature_fault(path, headers, raw)
        if why:
            self.refusals.append(why)
            return 403, "AccessDeniedException", why
        body = msgspec.json.decode(raw)
        try:
            _assert_asked(path, headers, body)
        except AssertionError as error:
            self.refusals.append(str(error))
            return 400, "ValidationException", str(error)
        self.seen.append((path, headers, body))
        return self.next.pop(0) if self.next else (200, "", "")


def _assert_asked(path: str, headers: dict[str, str], body: dict[str, Any]) -> None:
    """Hold a call against its vendor's own words."""
    if path in PATHS:
        return compatible_fault(path, headers, body)
    _, model, name = path.removeprefix("/").split("/")
    if name.startswith("invoke"):
        return claude_fault(name, headers, body)
    op = OPERATIONS[name]
    params = params_of(body, unquote(model), op)
    assert serialized(params, op) == (path, body), "botocore would send another call"
    return None


def _signature_fault(path: str, headers: dict[str, str], raw: bytes) -> str:
    said = headers.get("authorization", "")
    if said == f"Bearer {API_KEY}":
        return ""
    if not said.startswith("AWS4-HMAC-SHA256 "):
        return "no signature"
    fields = dict(part.strip().split("=", 1) for part in said.partition(" ")[2].split(","))
    stamp = headers.get("x-amz-date", "")
    at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(datetime.now(UTC) - at) > WINDOW:  # noqa: TID251 - a server of its own
        return "the signature has expired"
    if not {"host", "x-amz-date"} <= set(fields["SignedHeaders"].split(";")):
        return "the host is not signed"
    if headers.get("x-amz-security-token", TOKEN) != TOKEN:
        return "the token is unknown"
    return _mismatch(fields, path, headers, raw)


def _mismatch(fields: dict[str, str], path: str, headers: dict[str, str], raw: bytes) -> str:
    """Return what differs from the signature that botocore computes."""
    names, stamp = fields["SignedHeaders"].split(";"), headers["x-amz-date"]
    request = AWSRequest(
        method="POST",
        url=f"http://{headers['host']}{path}",
        headers={name: headers[name] for name in names},
        data=raw,
    )
    request.context["timestamp"] = stamp
    auth = SigV4Auth(ReadOnlyCredentials(ACCESS_KEY, SECRET_KEY, None), "bedrock", REGION)
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    if fields["Credential"] != auth.scope(request):
        return "the credential is of another scope"
    matches = fields["Signature"] == auth.signature(to_sign, request)
    return "" if matches else "the signature does not match"


def blocks_for(body: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Return what is answered: calls of every tool, until there is a result; then words."""
    last = body["messages"][-1]["content"]
    tools = body.get("toolConfig", {}).get("tools", [])
    if tools and not any("toolResult" in block for block in last):
        calls = [
            {"toolUse": {"toolUseId": f"tooluse_{at}", "name": tool["toolSpec"]["name"],
                         "input": {"path": f"é-{at}"}}}
            for at, tool in enumerate(tools)
        ]  # fmt: skip
        return [{"text": "I will call."}, *calls], "tool_use"
    return [{"text": "Hello from Bedrock, é."}], "end_turn"


def whole_of(body: dict[str, Any]) -> bytes:
    blocks, stop = blocks_for(body)
    message = {"role": "assistant", "content": blocks}
    reply = {"output": {"message": message}, "stopReason": stop, "usage": USAGE,
             "metrics": {"latencyMs": 1}}  # fmt: skip
    return msgspec.json.encode(reply)


def stream_of(body: dict[str, Any], breaks_with: str = "") -> Iterator[bytes]:
    blocks, stop = blocks_for(body)
    yield event("messageStart", role="assistant")
    for at, block in enumerate(blocks):
        yield from _block(at, block)
        if breaks_with:
            yield fault(breaks_with, "broken in the middle")
            return
    yield event("messageStop", stopReason=stop)
    yield event("metadata", usage=USAGE, metrics={"latencyMs": 1})


def _block(at: int, block: dict[str, Any]) -> Iterator[bytes]:
    call = block.get("toolUse")
    said, kind = block.get("text", ""), "text"
    if call is not None:
        start = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
        yield event("contentBlockStart", contentBlockIndex=at, start=start)
        said, kind = msgspec.json.encode(call["input"]).decode(), "toolUse"
    for cut in range(0, len(said), 6):
        piece = said[cut : cut + 6]
        delta = {"toolUse": {"input": piece}} if kind == "toolUse" else {"text": piece}
        yield event("contentBlockDelta", contentBlockIndex=at, delta=delta)
    yield event("contentBlockStop", contentBlockIndex=at)


def error_of(path: str, status: int, name: str, said: str) -> bytes:
    """Return an error as that path has it; who may not come in is told so by the front of all."""
    if path in PATHS and status != 403:
        return compatible_error(path, status, name, said)
    return msgspec.json.encode({"message": said})


class _Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeBedrock

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, name, said = self.fake.judge(self.path, headers, raw)
        if status != 200:
            self._whole(status, error_of(self.path, status, name, said), name)
            return
        body, breaks = msgspec.json.decode(raw), self.fake.breaks_with
        if self.path in PATHS:
            self._compatible(body, breaks)
            return
        match self.path.rpartition("/")[2]:
            case "converse":
                self._whole(200, whole_of(body))
            case "count-tokens":
                self._whole(200, msgspec.json.encode({"inputTokens": COUNTED}))
            case "invoke":
                self._whole(200, claude_whole(body))
            case "invoke-with-response-stream":
                self._stream(claude_stream(body, breaks))
            case _:
                self._stream(stream_of(body, breaks))

    def _compatible(self, body: dict[str, Any], breaks: str) -> None:
        if body.get("stream"):
            frames = compatible_stream(self.path, body, breaks)
            self._stream(frames, "text/event-stream; charset=utf-8")
        else:
            self._whole(200, compatible_whole(self.path, body))

    def _whole(self, status: int, body: bytes, name: str = "") -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if name:
            self.send_header("x-amzn-errortype", f"{name}:http://internal.amazon.com/coral/")
        self.end_headers()
        self.wfile.write(body)

    def _stream(
        self, frames: Iterator[bytes], kind: str = "application/vnd.amazon.eventstream"
    ) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for frame in frames:
            half = len(frame) // 2
            for part in (frame[:half], frame[half:]):
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def fake_bedrock(
    host: str = "127.0.2.9", tls: ssl.SSLContext | None = None
) -> Iterator[FakeBedrock]:
    """A running fake."""
    talk = type("_Answers", (_Talk,), {})
    server = ThreadingHTTPServer((host, 0), talk)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    talk.fake = FakeBedrock(server, "https" if tls else "http")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield talk.fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
