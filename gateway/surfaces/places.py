"""Labels and repositories that a client tells in the path, where a base URL is all it can set.

`/r/<registry-id>/v1/...` and `/l/<label>/v1/...`, each at most once, in either order.
"""

import re

from msgspec import Struct

from gateway.domain.caller import RepoRegistry
from gateway.domain.errors import Malformed
from gateway.domain.vocabulary import UnknownLabelError, Vocabulary

ID_CHARS_MAX = 64
_PLACE = re.compile(r"/(?P<kind>[rl])(?:/(?P<id>[^/]*))?(?P<rest>/.*)?")
_ID = re.compile(rf"[a-z0-9-]{{1,{ID_CHARS_MAX}}}")


class Place(Struct, frozen=True):
    """What the path claims, and the path without it; `fault` says what is wrong with it."""

    path: str
    repo: str | None = None
    label: str | None = None
    fault: str = ""

    def require(self) -> None:
        """Raise Malformed when the path claims something that cannot be read."""
        if self.fault:
            raise Malformed(self.fault)


PLACE = "perimeter.place"


def require_known(place: Place, registry: RepoRegistry, vocabulary: Vocabulary) -> None:
    """Raise Malformed unless repository and label of the path are known, where it names any."""
    place.require()
    if place.repo is not None and place.repo not in registry.repos:
        raise Malformed("The repository id in the path is not registered.")
    if place.label is not None:
        try:
            vocabulary.parse(place.label)
        except UnknownLabelError as error:
            raise Malformed(f"The label in the path cannot be used: {error}.") from None


def cut(raw_path: str) -> Place:
    """Return the path without the claims before it."""
    told: dict[str, str] = {}
    path = raw_path
    fault = ""
    # WHY: what is wrong once is refused, so a path of a thousand claims is not read to its end.
    while not fault and (found := _PLACE.fullmatch(path)) is not None:
        kind, identity = found["kind"], found["id"] or ""
        if kind in told:
            fault = "The path claims a repository or a label twice."
        elif not _ID.fullmatch(identity):
            fault = "What the path claims must be 1 to 64 of a-z, 0-9 and hyphens."
        told[kind] = identity
        path = found["rest"] or "/"
    return Place(path, told.get("r"), told.get("l"), fault)
