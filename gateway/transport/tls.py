"""Whom we believe: TLS towards backends, from a CA file, pins, and nothing else."""

import hashlib
import re
import ssl
from typing import Any

PIN_PREFIX = "sha256:"
PINS_MAX = 8
_PIN = re.compile(r"sha256:[0-9a-f]{64}")


class PinRefused(ssl.SSLCertVerificationError):
    """The certificate holds another key than those that are pinned."""


def is_pin(text: str) -> bool:
    """Is it `sha256:` and the SHA-256 of a public key (SubjectPublicKeyInfo in DER), as hex?"""
    return _PIN.fullmatch(text) is not None


def context(ca_file: str | None = None, pins: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return a context that trusts that CA file, or the public CAs of `certifi` without one.

    TLS 1.2 or later; the certificate and the host's name are always verified, and its public key is
    one of `pins` where there are any. Raises OSError when the file cannot be read and ssl.SSLError
    when it holds no certificate.
    """
    if ca_file is None:
        import certifi

        ca_file = certifi.where()
    # WHY: ssl.create_default_context reads SSL_CERT_FILE, SSL_CERT_DIR and SSLKEYLOGFILE from the
    # environment; whom we trust and who reads along is stated in the fleet file alone.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    made.load_verify_locations(cafile=ca_file)
    if pins:
        made.sslobject_class = _pinned(frozenset(pins))
    return made


def pin_of(certificate: bytes) -> str:
    """Return the pin of a certificate in DER; ValueError for what is none."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_der_x509_certificate(certificate).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PIN_PREFIX + hashlib.sha256(spki).hexdigest()


def _pinned(pins: frozenset[str]) -> type[ssl.SSLObject]:
    class Pinned(ssl.SSLObject):
        """A handshake that ends only with a pinned key.

        INVARIANT: it fails before the handshake is over, so that no client has a connection on
        which a byte of a request could be written.
        """

        def do_handshake(self) -> None:
            super().do_handshake()
            if not _holds(self, pins):
                raise PinRefused(1, "the certificate holds another key than those that are pinned")

    return Pinned


def _holds(connection: Any, pins: frozenset[str]) -> bool:  # noqa: ANN401 - an SSLObject
    certificate = connection.getpeercert(binary_form=True)
    try:
        return certificate is not None and pin_of(certificate) in pins
    except ValueError:
        return False
