"""From the name in a request to offerings in order of preference."""

from difflib import get_close_matches

from msgspec import Struct

from gateway.domain.errors import UnknownModel
from gateway.domain.fleet import Catalogue, Offering

NAME_CHARACTERS_MAX = 256
SHOWN_MAX = 40
LATEST = ":latest"


class Named(Struct, frozen=True):
    """What a name stands for: a task or not, and its offerings, best first.

    `asked` is the name as the catalogue has it, so without a tag that a client put behind it.
    """

    asked: str
    task: str | None
    offerings: tuple[Offering, ...]


def resolve(name: str, catalogue: Catalogue) -> Named:
    """Return the offerings of a task, model, alias or `backend:wire_model`.

    UnknownModel lists what may be asked for. A name never creates an offering.
    """
    found = _exactly(name, catalogue)
    # WHY: clients of Ollama put its usual tag behind every name that they read in a list.
    if not found.offerings and name.endswith(LATEST):
        found = _exactly(name.removesuffix(LATEST), catalogue)
    if not found.offerings:
        raise UnknownModel(_unknown(name, catalogue))
    return found


def _exactly(name: str, catalogue: Catalogue) -> Named:
    """Return what stands under exactly that name, which may be nothing."""
    entries = catalogue.tasks.get(name, (name,))
    offerings: list[Offering] = []
    for entry in entries:
        offerings += [o for o in _offerings(entry, catalogue) if o not in offerings]
    return Named(name, name if name in catalogue.tasks else None, tuple(offerings))


def askable(catalogue: Catalogue) -> tuple[str, ...]:
    """Return every name that may be asked for: tasks, aliases, models."""
    return (*catalogue.tasks, *catalogue.aliases, *catalogue.models)


def _offerings(entry: str, catalogue: Catalogue) -> list[Offering]:
    model = catalogue.aliases.get(entry, entry)
    found = [o for o in catalogue.offerings if o.model == model]
    if found or ":" not in entry:
        return found
    backend, _, wire_model = entry.partition(":")
    return [o for o in catalogue.offerings if (o.backend, o.wire_model) == (backend, wire_model)]


def _unknown(name: str, catalogue: Catalogue) -> str:
    names = askable(catalogue)
    near = get_close_matches(name[:NAME_CHARACTERS_MAX], names, n=1)
    guess = f" Did you mean {near[0]}?" if near else ""
    listed = ", ".join(names[:SHOWN_MAX])
    return f"No task or model has that name.{guess} You may ask for: {listed}."
