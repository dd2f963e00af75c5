"""Who asks, and the repositories that policy knows."""

from msgspec import Struct

from gateway.domain.folder import covers, steps_of
from gateway.domain.label import Label


class Caller(Struct, frozen=True):
    """The holder of a key, as the key file describes him.

    `label` is the written label floor of the key; `repos` are ids of the repo registry to which
    the key is bound. With `selects_repo` a claim may choose among them.
    """

    key_id: str
    subject: str
    team: str
    label: str | None = None
    repos: tuple[str, ...] = ()
    selects_repo: bool = False


class Repo(Struct, frozen=True):
    """A registered repository: its id, its label and its canonical addresses (`host/path`).

    `paths` are the folders in which people have it; see `domain.folder`.
    """

    id: str
    label: Label
    addresses: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()


class RepoRegistry(Struct, frozen=True):
    """The repositories by id, and the label of one that is claimed but not registered."""

    repos: dict[str, Repo]
    unregistered: Label

    def by_address(self, address: str) -> Repo | None:
        """Return the repo with exactly this canonical address."""
        return next((r for r in self.repos.values() if address in r.addresses), None)

    def by_folder(self, folder: str) -> tuple[Repo, ...]:
        """Return every repo that has this folder, or one above it, among its paths."""
        steps = steps_of(folder)
        return tuple(
            repo for repo in self.repos.values() if any(covers(path, steps) for path in repo.paths)
        )
