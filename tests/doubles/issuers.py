"""An issuer of tokens: keys of each kind, its JWK Set, and tokens that are right or wrong."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

ISSUER = "https://idp.test/realms/main"
AUDIENCE = "perimeter"
NOW_S = 1_796_126_400  # 2026-12-01
MADE = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65_537, key_size=2_048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


class TestIssuer:
    """Signs what it is told to; `jwks` is what it publishes."""

    __test__ = False

    def __init__(self, *kinds: str) -> None:
        self.keys: dict[str, tuple[str, Any]] = {}
        for kind in kinds or tuple(MADE):
            self.add(kind)

    def add(self, kind: str, kid: str = "") -> str:
        """Make a key more, and return its id."""
        kid = kid or f"{kind.lower()}-{len(self.keys)}"
        self.keys[kid] = (kind, MADE[kind]())
        return kid

    def kid(self, kind: str) -> str:
        return next(kid for kid, (made, _) in self.keys.items() if made == kind)

    def public_pem(self, kid: str) -> bytes:
        public = self.keys[kid][1].public_key()
        return public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def jwk(self, kid: str, /, **more: Any) -> dict[str, Any]:
        kind, key = self.keys[kid]
        algorithm = get_default_algorithms()[kind]
        shown = algorithm.to_jwk(key.public_key(), as_dict=True)  # type: ignore[call-overload]
        shown.pop("key_ops", None)
        return {**shown, "kid": kid, "use": "sig", "alg": kind, **more}

    def jwks(self, *more: dict[str, Any]) -> bytes:
        return msgspec.json.encode({"keys": [*map(self.jwk, self.keys), *more]})

    def token(self, kind: str = "RS256", **changed: Any) -> str:
        """Return a token; `kid`, `header` and any claim can be another, None leaves it out."""
        kid = changed.pop("kid", self.kid(kind))
        header = {"kid": kid, **changed.pop("header", {})}
        key = changed.pop("key", None) or self.keys[self.kid(kind)][1]
        algorithm = changed.pop("algorithm", kind)
        claims = {**self.claims(), **changed}
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            key,
            algorithm=algorithm,
            headers={name: value for name, value in header.items() if value is not None},
        )

    def claims(self, now_s: int = NOW_S) -> dict[str, Any]:
        return {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "ada@example.com",
            "team": "payments",
            "iat": now_s,
            "nbf": now_s,
            "exp": now_s + 300,
        }


class Desk:
    """An HTTP server that publishes a JWK Set; what it answers can be changed while it runs."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.status = 200
        self.headers: dict[str, str] = {}
        self.heard: list[bytes] = []
        self.url = ""


@contextmanager
def a_desk(body: bytes, host: str = "127.0.0.1") -> Iterator[Desk]:
    desk = Desk(body)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            desk.heard.append(self.requestline.encode() + b"\n" + bytes(self.headers))
            self.send_response(desk.status)
            for name, value in desk.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(desk.body)))
            self.end_headers()
            self.wfile.write(desk.body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer((host, 0), Handler)
    desk.url = f"http://{host}:{server.server_address[1]}/certs"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield desk
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
