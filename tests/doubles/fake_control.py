"""Bedrock's control plane on loopback: it checks the signature and tells of inference profiles."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from tests.doubles.fake_bedrock import ACCESS_KEY, REGION, SECRET_KEY

_MODEL = ServiceModel(Loader().load_service_model("bedrock", "service-2"))
OPERATION = _MODEL.operation_model("GetInferenceProfile")
RETENTION = _MODEL.operation_model("GetAccountDataRetention")
ACCOUNT = "123456789012"


class FakeControl:
    """The profiles by id or ARN, each with its destinations, and what was asked."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.host = str(server.server_address[0])
        self.port: int = server.server_address[1]
        self.url = f"http://{self.host}:{self.port}"
        self.profiles: dict[str, list[str]] = {}
        self.seen: list[str] = []
        self.refusals: list[str] = []
        self.status = "ACTIVE"
        self.fails_with = 0
        self.keys = {ACCESS_KEY: SECRET_KEY}
        self.mode = "none"

    def believes(self, key: str, secret: str) -> None:
        """Believe one more key, whatever session token comes with it."""
        self.keys[key] = secret

    def judge(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        if not _is_signed(path, headers, self.keys):
            self.refusals.append(path)
            return 403, b'{"message":"the signature does not match"}'
        if path == RETENTION.http["requestUri"]:
            self.seen.append(path)
            return self.kept()
        name = unquote(path.removeprefix("/inference-profiles/"))
        params = {"inferenceProfileIdentifier": name}
        sent = create_serializer("rest-json").serialize_to_request(params, OPERATION)
        assert sent["url_path"] == path, "botocore would have asked elsewhere"
        self.seen.append(name)
        if self.fails_with or name not in self.profiles:
            return self.fails_with or 404, b'{"message":"no such profile"}'
        return 200, self.profile(name)

    def kept(self) -> tuple[int, bytes]:
        """What the account keeps in this region."""
        if self.fails_with:
            return self.fails_with, b'{"message":"not allowed"}'
        body = msgspec.json.encode({"mode": self.mode, "updatedAt": "2026-11-01T08:00:00Z"})
        reply = {"status_code": 200, "headers": {}, "body": body}
        read = create_parser("rest-json").parse(reply, RETENTION.output_shape)
        assert read["mode"] == self.mode
        return 200, body

    def profile(self, name: str) -> bytes:
        arn = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:inference-profile/{name.rpartition('/')[2]}"
        said: dict[str, Any] = {
            "inferenceProfileName": "a profile",
            "inferenceProfileArn": arn,
            "inferenceProfileId": name.rpartition("/")[2],
            "models": [
                {"modelArn": f"arn:aws:bedrock:{region}::foundation-model/anthropic.claude"}
                for region in self.profiles[name]
            ],
            "status": self.status,
            "type": "SYSTEM_DEFINED",
        }
        body = msgspec.json.encode(said)
        reply = {"status_code": 200, "headers": {}, "body": body}
        read = create_parser("rest-json").parse(reply, OPERATION.output_shape)
        assert len(read["models"]) == len(self.profiles[name])
        return body


def _is_signed(path: str, headers: dict[str, str], keys: dict[str, str]) -> bool:
    said = headers.get("authorization", "").partition(" ")[2]
    fields = dict(part.strip().split("=", 1) for part in said.split(",") if "=" in part)
    names = fields.get("SignedHeaders", "").split(";")
    request = AWSRequest(
        method="GET",
        url=f"http://{headers['host']}{path}",
        headers={name: headers.get(name, "") for name in names},
    )
    request.context["timestamp"] = headers.get("x-amz-date", "")
    key = fields.get("Credential", "").partition("/")[0]
    secret = keys.get(key, "")
    auth = SigV4Auth(ReadOnlyCredentials(key, secret, None), "bedrock", REGION)
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    return fields.get("Signature") == auth.signature(to_sign, request)


class _Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeControl

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, body = self.fake.judge(self.path, headers)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def fake_control(host: str = "127.0.2.14") -> Iterator[FakeControl]:
    """A running fake."""
    talk = type("_Answers", (_Talk,), {})
    server = ThreadingHTTPServer((host, 0), talk)
    server.daemon_threads = True
    talk.fake = FakeControl(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield talk.fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
