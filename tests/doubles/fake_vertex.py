"""A Vertex that believes nobody: the vendor's own client must lead to the same path and body.

What is asked of Claude is held against what `anthropic.AnthropicVertex` itself sends for the same
words; what it answers is read by the vendor's own types before it goes out.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anthropic
import httpx2
import msgspec
import openai.types.chat

from tests.doubles import gemini_answers
from tests.doubles.fake_google import MACHINE

PROJECT = "a-project-1"
LOCATION = "europe-west1"
AT = f"/v1/projects/{PROJECT}/locations/{LOCATION}"
SAID = "Hello from Vertex, é."
USAGE = {"input_tokens": 12, "output_tokens": 5}


class FakeVertex:
    """What was asked, and what to answer next."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://{server.server_address[0]}:{server.server_address[1]}"
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.next: list[tuple[int, Any]] = []

    def judge(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if headers.get("authorization") != f"Bearer {MACHINE}":
            return 401, google_error(401, "UNAUTHENTICATED", "no token")
        if not path.startswith(AT):
            return 404, google_error(404, "NOT_FOUND", "no such path")
        if "/publishers/anthropic/" in path:
            model = path.rpartition("/")[2].partition(":")[0]
            sent = as_the_vendor_sends(model, body)
            assert sent == (path, body), f"the vendor would have sent {sent}"
        if "/publishers/google/" in path:
            gemini_answers.assert_asked_as_google_documents(path, body)
        self.seen.append((path, headers, body))
        return self.next.pop(0) if self.next else (200, None)


def as_the_vendor_sends(model: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return path and body of AnthropicVertex for the same words."""
    sent: list[tuple[str, dict[str, Any]]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        path = request.url.raw_path.decode()
        sent.append((path, msgspec.json.decode(request.content)))
        return httpx2.Response(400, json={"type": "error", "error": {"message": "enough"}})

    client = anthropic.AnthropicVertex(
        region=LOCATION,
        project_id=PROJECT,
        access_token="none",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer), trust_env=False),
    )
    version = {"anthropic_version": body["anthropic_version"]}
    said = {name: value for name, value in body.items() if name not in version}
    try:
        if model == "count-tokens":
            client.messages.count_tokens(**said, extra_body=version)
        else:
            client.messages.create(model=model, **said, extra_body=version)
    except anthropic.APIStatusError:
        pass
    return sent[0]


def google_error(code: int, status: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status}}


def message(model: str) -> dict[str, Any]:
    said = {
        "id": "msg_vrtx_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": SAID}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    }
    anthropic.types.Message.model_validate(said, strict=True)
    return said


def events(model: str) -> Iterator[bytes]:
    begun = {**message(model), "content": [], "stop_reason": None}
    yield _event("vertex_event") + _event("message_start", message=begun)
    yield _event("ping")
    text = {"type": "text", "text": ""}
    yield _event("content_block_start", index=0, content_block=text)
    for word in (SAID[:7], SAID[7:]):
        delta = {"type": "text_delta", "text": word}
        yield _event("content_block_delta", index=0, delta=delta)
    yield _event("content_block_stop", index=0)
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    yield _event("message_delta", delta=stop, usage=USAGE)
    yield _event("message_stop")


def completion(model: str) -> dict[str, Any]:
    said = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": SAID},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
    }
    openai.types.chat.ChatCompletion.model_validate(said)
    return said


def chunks(model: str) -> Iterator[bytes]:
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": model}
    usage = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
    for delta, stop in (({"role": "assistant", "content": SAID}, None), ({"content": ""}, "stop")):
        choice = {"index": 0, "delta": delta, "finish_reason": stop}
        said = {**head, "choices": [choice], **({"usage": usage} if stop else {})}
        openai.types.chat.ChatCompletionChunk.model_validate(said)
        yield b"data: " + msgspec.json.encode(said) + b"\n\n"
    yield b"data: [DONE]\n\n"


def _event(name: str, **fields: Any) -> bytes:
    data = msgspec.json.encode({"type": name, **fields})
    return f"event: {name}\ndata: ".encode() + data + b"\n\n"


class _Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeVertex

    def do_POST(self) -> None:
        body = msgspec.json.decode(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, said = self.fake.judge(self.path, headers, body)
        model = self.path.rpartition("/")[2].partition(":")[0]
        if said is not None:
            self._whole(status, said)
        elif self.path.endswith("/count-tokens:rawPredict"):
            self._whole(200, {"input_tokens": 12})
        elif self.path.endswith(":countTokens"):
            self._whole(200, {"totalTokens": 12})
        elif "/publishers/google/" in self.path:
            self._reply(
                gemini_answers.reply(model, SAID, body),
                gemini_answers.pieces(model, SAID, body),
                streams=self.path.endswith(":streamGenerateContent?alt=sse"),
            )
        elif "/anthropic/" in self.path:
            self._reply(message(model), events(model), streams=bool(body.get("stream")))
        else:
            name = body["model"]
            self._reply(completion(name), chunks(name), streams=bool(body.get("stream")))

    def _reply(self, whole: dict[str, Any], parts: Iterator[bytes], *, streams: bool) -> None:
        if not streams:
            self._whole(200, whole)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for part in parts:
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def _whole(self, status: int, said: Any) -> None:
        body = msgspec.json.encode(said)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def fake_vertex(host: str = "127.0.2.13") -> Iterator[FakeVertex]:
    """A running fake."""
    talk = type("_Answers", (_Talk,), {})
    server = ThreadingHTTPServer((host, 0), talk)
    server.daemon_threads = True
    talk.fake = FakeVertex(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield talk.fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
