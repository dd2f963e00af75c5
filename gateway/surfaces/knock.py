"""What identity is shown of an ASGI request: its head, exactly as it came."""

from collections.abc import Callable, MutableMapping
from typing import Any, Protocol
from urllib.parse import unquote

from gateway.identity.sent import Sent
from gateway.surfaces.headers import as_mapping
from gateway.surfaces.places import PLACE, Place

Scope = MutableMapping[str, Any]
AS_SENT = "perimeter.raw_path"


def placed(scope: Scope, place: Place) -> Scope:
    """Return the scope with the path that is left when the claims before it are cut off.

    INVARIANT: the path as it was sent stays beside it, for that is what the client signed.
    """
    if place.repo is None and place.label is None:
        return scope
    cut = {"path": unquote(place.path), "raw_path": place.path.encode("latin-1")}
    return {**scope, **cut, AS_SENT: scope["raw_path"], PLACE: place}


class Gatehouse(Protocol):
    """What is known of whoever stands behind a connection."""

    @property
    def address_of(self) -> Callable[[Scope], str]:
        """The address that is recorded."""

    @property
    def subjects_of(self) -> Callable[[Scope], tuple[str, ...]]:
        """The subjects of the client's certificate; Malformed when they are not clear."""


def sent_of(scope: Scope, gate: Gatehouse) -> Sent:
    """Return the head of the request; Malformed when a credential is given twice."""
    headers = scope["headers"]
    peer = scope.get("client")
    return Sent(
        method=scope["method"],
        path=scope.get(AS_SENT, scope.get("raw_path", b"")),
        query=scope.get("query_string", b""),
        headers=tuple((name.decode("latin-1").lower(), value) for name, value in headers),
        fields=as_mapping(headers),
        peer=peer[0] if peer else "",
        address=gate.address_of(scope),
        subjects=gate.subjects_of(scope),
    )
