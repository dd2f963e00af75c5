"""Amazon's givers of credentials on loopback: STS, instance metadata of version 2, a pod's agent.

STS computes the signature again with botocore, holds what is asked against the service's own model,
and answers in a form that botocore's parser reads.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.validate import ParamValidator

GIVEN_KEY = "ASIAGIVENEXAMPLE0001"
GIVEN_SECRET = "given+Secret/key0000000000000000000000EX"
GIVEN_TOKEN = "IQoJb3JpZ2luEXAMPLE+given/token=="
ASSUMED_KEY = "ASIAASSUMEDEXAMPLE01"
ASSUMED_SECRET = "assumed+Secret/key00000000000000000000EX"
ASSUMED_TOKEN = "FwoGZXIvYXdzEXAMPLE+assumed/token=="
SECRETS = (GIVEN_SECRET, GIVEN_TOKEN, ASSUMED_SECRET, ASSUMED_TOKEN)
METADATA_TOKEN = "AQAEAexampleMetadataToken=="
POD_TOKEN = "eyJhbGciOi.pod.token"
ROLE = "bedrock-caller"
REGION = "eu-central-1"
LIFE = timedelta(hours=1)
_STS = ServiceModel(Loader().load_service_model("sts", "service-2"))


class FakeAws:
    """What was asked, and what goes wrong next."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://{server.server_address[0]}:{server.server_address[1]}"
        self.asked: list[tuple[str, str]] = []
        self.forms: list[dict[str, str]] = []
        self.life = LIFE
        self.refuses = ""
        self.signed_by: dict[str, tuple[str, str]] = {
            GIVEN_KEY: (GIVEN_SECRET, GIVEN_TOKEN),
        }

    def expiry(self) -> str:
        at = datetime.now(UTC) + self.life  # noqa: TID251 - a server of its own
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")

    def sts(self, headers: dict[str, str], raw: bytes) -> tuple[int, bytes]:
        form = dict(parse_qsl(raw.decode()))
        self.forms.append(form)
        name = form.pop("Action")
        assert form.pop("Version") == "2011-06-15"
        op = _STS.operation_model(name)
        report = ParamValidator().validate(form, op.input_shape).generate_report()
        why = self.refuses or ("ValidationError" if report else "")
        if not why and name == "AssumeRole":
            why = self._unsigned(headers, raw)
        if why:
            return 403, _error(why)
        body = _credentials(name, self.expiry())
        read = create_parser("query").parse(
            {"status_code": 200, "headers": {}, "body": body}, op.output_shape
        )
        assert read["Credentials"]["AccessKeyId"] == ASSUMED_KEY
        return 200, body

    def _unsigned(self, headers: dict[str, str], raw: bytes) -> str:
        said = headers.get("authorization", "").removeprefix("AWS4-HMAC-SHA256 ")
        fields = dict(part.strip().split("=", 1) for part in said.split(","))
        key, _, region, service, _ = fields["Credential"].split("/")
        secret, token = self.signed_by.get(key, ("", ""))
        if (region, service) != (REGION, "sts") or headers.get("x-amz-security-token", "") != token:
            return "SignatureDoesNotMatch"
        names = fields["SignedHeaders"].split(";")
        request = AWSRequest(
            method="POST",
            url=f"{self.url}/",
            headers={name: headers[name] for name in names},
            data=raw,
        )
        request.context["timestamp"] = headers["x-amz-date"]
        auth = SigV4Auth(ReadOnlyCredentials(key, secret, None), "sts", REGION)
        to_sign = auth.string_to_sign(request, auth.canonical_request(request))
        ok = auth.signature(to_sign, request) == fields["Signature"]
        return "" if ok else "SignatureDoesNotMatch"

    def given(self) -> bytes:
        return msgspec.json.encode(
            {
                "Code": "Success",
                "LastUpdated": "2026-11-27T00:00:00Z",
                "Type": "AWS-HMAC",
                "AccessKeyId": GIVEN_KEY,
                "SecretAccessKey": GIVEN_SECRET,
                "Token": GIVEN_TOKEN,
                "Expiration": self.expiry(),
            }
        )


def _credentials(name: str, expiry: str) -> bytes:
    return (
        f'<{name}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{name}Result>'
        f"<Credentials><AccessKeyId>{ASSUMED_KEY}</AccessKeyId>"
        f"<SecretAccessKey>{ASSUMED_SECRET}</SecretAccessKey>"
        f"<SessionToken>{ASSUMED_TOKEN}</SessionToken><Expiration>{expiry}</Expiration>"
        f"</Credentials></{name}Result><ResponseMetadata><RequestId>1</RequestId>"
        f"</ResponseMetadata></{name}Response>"
    ).encode()


def _error(code: str) -> bytes:
    return (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
        f"<Type>Sender</Type><Code>{code}</Code><Message>{GIVEN_SECRET}</Message></Error>"
        "<RequestId>1</RequestId></ErrorResponse>"
    ).encode()


class _Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeAws

    def do_PUT(self) -> None:
        self._noted()
        life = self.headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
        ok = self.path == "/latest/api/token" and life.isdecimal() and 1 <= int(life) <= 21600
        self._answer(200 if ok else 400, METADATA_TOKEN.encode() if ok else b"")

    def do_GET(self) -> None:
        self._noted()
        if self.path == "/v1/credentials":
            ok = self.headers.get("authorization") == POD_TOKEN
            self._answer(200 if ok else 401, self.fake.given() if ok else b"")
            return
        if self.headers.get("x-aws-ec2-metadata-token") != METADATA_TOKEN:
            self._answer(401, b"")
            return
        roles = "/latest/meta-data/iam/security-credentials/"
        known = {roles: ROLE.encode(), roles + ROLE: self.fake.given()}
        self._answer(200 if self.path in known else 404, known.get(self.path, b""))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        self._noted()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._answer(*self.fake.sts(headers, raw))

    def _noted(self) -> None:
        self.fake.asked.append((self.command, self.path))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def fake_aws(host: str = "127.0.2.11") -> Iterator[FakeAws]:
    """A running fake."""
    talk = type("_Answers", (_Talk,), {})
    server = ThreadingHTTPServer((host, 0), talk)
    server.daemon_threads = True
    talk.fake = FakeAws(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield talk.fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
