"""Google's givers of tokens on loopback: OAuth, STS, IAM credentials and the metadata server.

An assertion is verified with google-auth's own `jwt`, and every answer is in the vendor's form.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import CertificateBuilder, Name, NameAttribute
from cryptography.x509.oid import NameOID
from google.auth import jwt

TOKEN = "ya29.c.service-account-EXAMPLE"
FEDERATED = "ya29.d.federated-EXAMPLE"
IMPERSONATED = "ya29.c.impersonated-EXAMPLE"
MACHINE = "ya29.c.machine-EXAMPLE"
TOKENS = (TOKEN, FEDERATED, IMPERSONATED, MACHINE)
ACCOUNT = "caller@project.iam.gserviceaccount.com"
SUBJECT = "eyJ.subject.token"


@cache
def key_pair() -> tuple[str, bytes]:
    """Return a private key as PEM, and a certificate of its public half."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    name = Name([NameAttribute(NameOID.COMMON_NAME, ACCOUNT)])
    now = datetime.now(UTC)  # noqa: TID251 - a test outside the house
    certificate = (
        CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    return pem, certificate.public_bytes(serialization.Encoding.PEM)


TOKEN_URI = "https://oauth2.googleapis.com/token"
TOKEN_URL = "https://sts.googleapis.com/v1/token"


def service_account(token_uri: str = TOKEN_URI) -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "key-1",
        "private_key": key_pair()[0],
        "client_email": ACCOUNT,
        "client_id": "1",
        "token_uri": token_uri,
    }


def federation(credential_source: dict[str, Any], token_url: str = TOKEN_URL) -> dict[str, Any]:
    pool = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q"
    return {
        "type": "external_account",
        "audience": pool,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": token_url,
        "credential_source": credential_source,
    }


class FakeGoogle:
    """What was asked, and how long its tokens live."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://{server.server_address[0]}:{server.server_address[1]}"
        self.asked: list[str] = []
        self.life_s = 3_599
        self.refuses = 0

    def post(self, path: str, headers: dict[str, str], raw: bytes) -> tuple[int, Any]:
        if self.refuses:
            return self.refuses, {"error": "invalid_grant", "error_description": TOKEN}
        if path == "/token":
            form = dict(parse_qsl(raw.decode()))
            claims = jwt.decode(form["assertion"], certs=key_pair()[1], verify=True)
            assert claims["iss"] == ACCOUNT
            return 200, {"access_token": TOKEN, "expires_in": self.life_s, "token_type": "Bearer"}
        if path == "/v1/token":
            form = dict(parse_qsl(raw.decode()))
            assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
            assert form["scope"]
            return 200, {
                "access_token": FEDERATED,
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "token_type": "Bearer",
                "expires_in": self.life_s,
            }
        if path.endswith(":generateAccessToken"):
            assert headers["authorization"] in {f"Bearer {TOKEN}", f"Bearer {FEDERATED}"}
            at = datetime.now(UTC) + timedelta(seconds=self.life_s)  # noqa: TID251 - its own clock
            return 200, {"accessToken": IMPERSONATED, "expireTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
        return 404, {}

    def get(self, path: str, headers: dict[str, str]) -> tuple[int, Any]:
        if path == "/subject":
            return 200, SUBJECT
        if headers.get("metadata-flavor") != "Google":
            return 403, {}
        known = path == "/computeMetadata/v1/instance/service-accounts/default/token"
        given = {"access_token": MACHINE, "expires_in": self.life_s, "token_type": "Bearer"}
        return (200, given) if known else (404, {})


class _Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeGoogle

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.fake.asked.append(self.path)
        self._answer(*self.fake.get(self.path, headers))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.fake.asked.append(self.path)
        self._answer(*self.fake.post(self.path, headers, raw))

    def _answer(self, status: int, said: Any) -> None:
        body = said.encode() if isinstance(said, str) else msgspec.json.encode(said)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("metadata-flavor", "Google")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def fake_google(host: str = "127.0.2.12") -> Iterator[FakeGoogle]:
    """A running fake."""
    talk = type("_Answers", (_Talk,), {})
    server = ThreadingHTTPServer((host, 0), talk)
    server.daemon_threads = True
    talk.fake = FakeGoogle(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield talk.fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
