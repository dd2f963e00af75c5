"""A bearer token in the Authorization field (RFC 6750)."""

from gateway.domain.secret import Secret
from gateway.transport.credentials import Fields


def optional(secret: Secret | None) -> Fields:
    """Return the field if there is a secret."""
    return () if secret is None else (("authorization", f"Bearer {secret.reveal()}"),)


def required(secret: Secret | None) -> Fields:
    """Return the field; ValueError without a secret."""
    if secret is None:
        raise ValueError("this kind of backend needs a secret")
    return optional(secret)
