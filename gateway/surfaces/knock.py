"""What identity is shown of an ASGI request: its head, exactly as it came."""

from collections.abc import Callable, MutableMapping
from typing import Any
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


def sent_of(scope: Scope, address_of: Callable[[Scope], str]) -> Sent:
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
        address=address_of(scope),
    )
