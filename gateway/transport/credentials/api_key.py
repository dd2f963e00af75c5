"""A key in a header field of its own."""

from gateway.domain.secret import Secret
from gateway.transport.credentials import Fields


def x_api_key(secret: Secret | None) -> Fields:
    """Return the `x-api-key` field; ValueError without a secret."""
    if secret is None:
        raise ValueError("this kind of backend needs a secret")
    return (("x-api-key", secret.reveal()),)
