"""Which registered repository a caller's key, or his claim, means."""

import re

from msgspec import Struct

from gateway.domain.caller import Caller, Repo, RepoRegistry
from gateway.domain.errors import Malformed
from gateway.domain.repo_address import canonical
from gateway.domain.request import Claims

__all__ = [
    "RepoClaim",
    "Repos",
    "canonical",
    "claimed",
    "foldered",
    "hinted",
    "placed",
    "repos_of",
    "told",
]

REPO_ID_MAX = 64
FOLDERED_MAX = 16
MATCHED_MAX = 16
_ID = re.compile(r"[a-z0-9-]+")


class RepoClaim(Struct, frozen=True):
    """A repository that the client says it works on; `repo` is None when it is not registered."""

    repo: Repo | None


class Repos(Struct, frozen=True):
    """Repositories of one request, as registry ids.

    `known` are those that the key binds (or the one chosen among them), `claimed` those that
    only the client speaks of. A rule that permits asks `known`; a rule that denies asks both.
    `strange` says that the client speaks of one that nobody registered, which has no id.
    """

    known: frozenset[str] = frozenset()
    claimed: frozenset[str] = frozenset()
    strange: bool = False


def claimed(claims: Claims, registry: RepoRegistry) -> tuple[RepoClaim, ...]:
    """Return what the client claims, nothing without a claim; Malformed when it cannot be read.

    A claim is a clone URL or a registry id. An id that the registry lacks is Malformed, for it
    names nothing; a URL that the registry lacks is an unregistered repository. A URL may be that
    of several entries, of which all count.
    """
    if claims.repo is not None:
        return _read(claims.repo, registry)
    place = placed(claims, registry)
    return () if place is None else (place,)


def told(claims: Claims, registry: RepoRegistry) -> tuple[RepoClaim, ...]:
    """Return the repositories that the body's metadata names; Malformed as in `claimed`.

    INVARIANT: these never choose a repository: what chooses is the header, or the path.
    """
    return tuple(one for text in claims.told_repos for one in _read(text, registry))


def foldered(claims: Claims, registry: RepoRegistry) -> tuple[RepoClaim, ...]:
    """Return the repositories that have a folder in which the client's tool works.

    WHY: a folder that no repository lists says nothing; every machine has such folders.
    """
    found = dict.fromkeys(
        RepoClaim(repo) for folder in claims.folders for repo in registry.by_folder(folder)
    )
    # INVARIANT: of more than a record has room for, no label is left out for another of its kind.
    first = {claim.repo.label: claim for claim in reversed(found) if claim.repo is not None}
    return tuple(dict.fromkeys((*first.values(), *found)))[: max(FOLDERED_MAX, len(first))]


def placed(claims: Claims, registry: RepoRegistry) -> RepoClaim | None:
    """Return the repository that the path names, None without one; Malformed for an unknown id."""
    if claims.place_repo is None:
        return None
    repo = registry.repos.get(claims.place_repo)
    if repo is None:
        raise Malformed("The repository id in the path is not registered.")
    return RepoClaim(repo)


def hinted(claims: Claims, registry: RepoRegistry) -> tuple[RepoClaim, ...]:
    """Return what the client's tool tells of its workspaces.

    INVARIANT: a hint comes unasked, so it never refuses a request and never chooses a repository;
    one that is no address is a repository that nobody registered.
    """
    return tuple(one for url in claims.workspaces for one in _told(url, registry))


def repos_of(caller: Caller, claims: Claims, registry: RepoRegistry) -> Repos:
    """Return the repositories that rules may ask about; Malformed as in `claimed`."""
    claim = claimed(claims, registry)
    known = frozenset(caller.repos)
    hints = [
        *claim,
        *hinted(claims, registry),
        *told(claims, registry),
        *foldered(claims, registry),
        placed(claims, registry),
    ]
    named = {hint.repo.id for hint in hints if hint is not None and hint.repo is not None}
    chosen = frozenset(one.repo.id for one in claim if one.repo is not None) & known
    if caller.selects_repo and chosen:
        known = chosen
    strange = any(hint is not None and hint.repo is None for hint in hints)
    return Repos(known, frozenset(named - known), strange)


def _read(text: str, registry: RepoRegistry) -> tuple[RepoClaim, ...]:
    if _ID.fullmatch(text) and len(text) <= REPO_ID_MAX:
        repo = registry.repos.get(text)
        if repo is None:
            raise Malformed("The claimed repository id is not registered; send its clone URL.")
        return (RepoClaim(repo),)
    try:
        address = canonical(text)
    except ValueError as error:
        raise Malformed(f"The claimed repository cannot be read: {error}.") from None
    return _registered(address, registry)


def _told(url: str, registry: RepoRegistry) -> tuple[RepoClaim, ...]:
    try:
        return _registered(canonical(url), registry)
    except ValueError:
        return (RepoClaim(None),)


def _registered(address: str, registry: RepoRegistry) -> tuple[RepoClaim, ...]:
    """Return every repository of that address, or the one that nobody registered.

    INVARIANT: of more than a record has room for, no label is left out for another of its kind.
    """
    found = registry.by_address(address)
    labels = {repo.label: RepoClaim(repo) for repo in reversed(found)}
    claims = dict.fromkeys((*labels.values(), *map(RepoClaim, found)))
    return tuple(claims)[: max(MATCHED_MAX, len(labels))] or (RepoClaim(None),)
