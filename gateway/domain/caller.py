"""Who asks, and the repositories that policy knows."""

from msgspec import UNSET, Struct, UnsetType

from gateway.domain.folder import covers, steps_of
from gateway.domain.label import Label
from gateway.domain.repo_pattern import matches


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

    def has(self, address: str) -> bool:
        """Is this canonical address one of the repository's, written out or by a pattern?"""
        return address in self.addresses or any(matches(one, address) for one in self.patterns)


class RepoRegistry(Struct, frozen=True):
    """The repositories by id, and the label of one that is claimed but not registered."""

    repos: dict[str, Repo]
    unregistered: Label

    def by_address(self, address: str) -> tuple[Repo, ...]:
        """Return every repo that has this canonical address.

        INVARIANT: all of them count, and their labels are joined: an exact entry beside a pattern
        may raise, and never lowers.
        """
        return tuple(repo for repo in self.repos.values() if repo.has(address))

    def by_folder(self, folder: str) -> tuple[Repo, ...]:
        """Return every repo that has this folder, or one above it, among its paths."""
        steps = steps_of(folder)
        return tuple(
            repo for repo in self.repos.values() if any(covers(path, steps) for path in repo.paths)
        )
