"""Models, where they are offered, and which names a caller may ask for."""

from datetime import date

from msgspec import Struct

from gateway.domain.money import Price
from gateway.domain.request import Operation


def place(backend: str, wire_model: str) -> str:
    """Return the name under which health speaks of one model of a backend."""
    return f"{backend}/{wire_model}"


class Offering(Struct, frozen=True):
    """A model at one backend, in one zone, at one price.

    `wire_model` is the name that the backend knows. `zone` is that of the backend in the fleet
    file. `context_tokens` bounds prompt and reply together; `settings` are fixed by the catalogue
    (Ollama's `num_ctx`, for one). `fim` is the family by whose tokens the model fills in the
    middle, `native` where the engine knows, and empty where the model cannot.
    """

    id: str
    model: str
    backend: str
    zone: str
    wire_model: str
    context_tokens: int
    output_tokens_max: int
    capabilities: frozenset[str]
    price: Price
    settings: dict[str, int | str] = {}
    fim: str = ""

    @property
    def place(self) -> str:
        """The model at its backend, as health speaks of it."""
        return place(self.backend, self.wire_model)


class Catalogue(Struct, frozen=True):
    """All offerings by model, aliases of models, and tasks (a name for an ordered list of models).

    `aliases` maps a short name to a model. `tasks` maps a name to entries, each a model, an alias
    or `backend:wire_model`.
    """

    offerings: tuple[Offering, ...]
    aliases: dict[str, str]
    tasks: dict[str, tuple[str, ...]]

    @property
    def models(self) -> tuple[str, ...]:
        """The names of all models, in the order of the catalogue."""
        return tuple(dict.fromkeys(offering.model for offering in self.offerings))


class Fleet(Struct, frozen=True):
    """The catalogue and, at this moment, what cannot be used and why.

    `resting` holds names of backends, and `backend/wire_model` where one model alone is meant.
    `operations` says, by the id of an offering, what its backend does with it; an offering that
    does not stand there generates replies and nothing else. `ends` has the day on which a backend
    stops offering one, where that is known. `closed` holds the zones that a person has closed.
    """

    catalogue: Catalogue
    resting: dict[str, str] = {}
    operations: dict[str, frozenset[Operation]] = {}
    ends: dict[str, date] = {}
    closed: frozenset[str] = frozenset()

    def rests(self, offering: Offering) -> bool:
        """Can this offering not be used now?"""
        return (
            offering.backend in self.resting
            or offering.place in self.resting
            or offering.zone in self.closed
        )
