"""A backend that asks for no credential."""

from gateway.domain.secret import Secret
from gateway.transport.credentials import Fields


def absent(secret: Secret | None) -> Fields:
    """Return no field; ValueError when a secret is configured that would never be sent."""
    if secret is not None:
        raise ValueError("this kind of backend takes no secret")
    return ()
