"""Who asks, and the repositories that policy knows."""

from functools import cached_property

from msgspec import UNSET, Struct, UnsetType

from gateway.domain.folder import covers, steps_of
from gateway.domain.label import Label
from gateway.domain.repo_pattern import host_of, matches, stem


class Allowance(Struct, frozen=True):
    """What a caller may at the most, beside what policy permits; UNSET sets no limit of that kind.

    `names` are tasks and models that he may ask for, `zones` those that his requests may reach.
    `clearances` are written labels: he may handle what their join dominates, and nothing above.
    INVARIANT: it only ever takes away from what policy permits.
    """

    names: frozenset[str] | UnsetType = UNSET
    zones: frozenset[str] | UnsetType = UNSET
    clearances: tuple[str, ...] | UnsetType = UNSET


NO_LIMITS = Allowance()


class Caller(Struct, frozen=True):
    """The holder of a key, as the key file describes him, or whom a token or certificate names.

    `label` is the written label floor of the key, `floors` are further ones; `repos` are ids of
    the repo registry to which the key is bound. With `selects_repo` a claim may choose among them.
    `may` names what few may do. `known_by` says how he is known where it is not by a key;
    `on_behalf_of` is the person for whom a service acts.
    """

    key_id: str
    subject: str
    team: str
    label: str | None = None
    repos: tuple[str, ...] = ()
    selects_repo: bool = False
    floors: tuple[str, ...] = ()
    allowance: Allowance = NO_LIMITS
    may: frozenset[str] = frozenset()
    known_by: str = ""
    on_behalf_of: str = ""


class Repo(Struct, frozen=True):
    """A registered repository: its id, its label and its canonical addresses (`host/path`).

    `patterns` are those of addresses; see `domain.repo_pattern`. `paths` are the folders in which
    people have it; see `domain.folder`.
    """

    id: str
    label: Label
    addresses: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


class RepoRegistry(Struct, frozen=True, dict=True):
    """The repositories by id, and the label of one that is claimed but not registered."""

    repos: dict[str, Repo]
    unregistered: Label

    def by_address(self, address: str) -> tuple[Repo, ...]:
        """Return every repo that has this canonical address.

        INVARIANT: all of them count, and their labels are joined: an exact entry beside a pattern
        may raise, and never lowers.
        """
        found = [*self._written.get(address, ())]
        for begins in (stem(address), host_of(address)):
            listed = self._patterned.get(begins, ())
            found += (repo for pattern, repo in listed if matches(pattern, address))
        return tuple({repo.id: repo for repo in found}.values())

    @cached_property
    def _written(self) -> dict[str, list[Repo]]:
        """The repositories by each address that is written out."""
        found: dict[str, list[Repo]] = {}
        for repo in self.repos.values():
            for address in repo.addresses:
                found.setdefault(address, []).append(repo)
        return found

    @cached_property
    def _patterned(self) -> dict[str, list[tuple[str, Repo]]]:
        """Every pattern with its repository, by what it begins with before its first star."""
        found: dict[str, list[tuple[str, Repo]]] = {}
        for repo in self.repos.values():
            for pattern in repo.patterns:
                found.setdefault(stem(pattern), []).append((pattern, repo))
        return found

    def by_folder(self, folder: str) -> tuple[Repo, ...]:
        """Return every repo that has this folder, or one above it, among its paths."""
        steps = steps_of(folder)
        return tuple(
            repo for repo in self.repos.values() if any(covers(path, steps) for path in repo.paths)
        )
