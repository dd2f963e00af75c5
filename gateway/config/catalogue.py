"""Reading `models/`: the catalogue, the backends, and the tasks, checked against one another."""

from datetime import date
from pathlib import Path

from msgspec import Struct

from gateway.config.backends import BackendSettings, Known, read_backends
from gateway.config.offerings import read_offerings
from gateway.config.tasks import names_in, read_tasks
from gateway.config.version import check_version
from gateway.domain.document import Document
from gateway.domain.errors import Problem
from gateway.domain.fleet import Catalogue

VERIFIED_DAYS_MAX = 60


class Models(Struct, frozen=True):
    """All that `models/` says, and what is wrong with it.

    `ends` has the last day of the offerings that state one, by offering id. With problems, the
    catalogue holds what could be read and must not be used.
    """

    catalogue: Catalogue
    backends: dict[str, BackendSettings]
    problems: tuple[Problem, ...]
    ends: dict[str, date] = {}

    def asked_of(self, backend: str) -> tuple[str, ...]:
        """Return the names by which the backend is asked for its models, each once."""
        offered = (one for one in self.catalogue.offerings if one.backend == backend)
        return tuple(dict.fromkeys(one.wire_model for one in offered))


def read_models(documents: dict[str, Document], known: Known, folder: Path) -> Models:
    """Read the documents `catalog`, `backends` and `tasks`; paths are relative to the folder."""
    problems: list[Problem] = []
    backends_file = check_version(documents["backends"], problems)
    catalog_file = check_version(documents["catalog"], problems)
    tasks_file = check_version(documents["tasks"], problems, required=False)
    backends = read_backends(backends_file, known, folder, problems)
    declared = _declared(backends_file, "backends")
    listed = read_offerings(catalog_file, backends, declared, problems)
    names = names_in(catalog_file, declared)
    tasks = read_tasks(tasks_file, names, problems)
    catalogue = Catalogue(listed.offerings, listed.aliases, tasks)
    return Models(catalogue, backends, _sorted(problems), listed.ends)


def notices(models: Models, today: date) -> tuple[str, ...]:
    """Return what has aged: prices verified long ago or in the future, offerings past their end."""
    found: list[str] = []
    for offering in models.catalogue.offerings:
        end = models.ends.get(offering.id)
        if end is not None and end <= today:
            found.append(f"{offering.id}: reached its end of life on {end}")
        days = (today - offering.price.verified_on).days
        if days < 0:
            found.append(f"{offering.id}: its price was verified in the future")
        if days > VERIFIED_DAYS_MAX:
            found.append(f"{offering.id}: its price was verified {days} days ago")
    return tuple(found)


def _declared(document: Document, key: str) -> frozenset[str]:
    """Return the names that a file declares, whether their entries are right or not."""
    value = document.value.get(key) if isinstance(document.value, dict) else None
    return frozenset(value) if isinstance(value, dict) else frozenset()


def _sorted(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.file, problem.line, problem.path)))
