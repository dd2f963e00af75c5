"""Reading `catalog.yaml`: models, their aliases, and where each is offered."""

from collections.abc import Iterator, Mapping
from datetime import date

from msgspec import Struct

from gateway.config.backends import SCRIPTED, BackendSettings
from gateway.config.entries import decode_entries
from gateway.config.files import escape
from gateway.config.fleet_files import CatalogFile, ModelEntry, OfferingEntry
from gateway.config.nearest import guess
from gateway.config.prices import read_price
from gateway.domain.document import Document
from gateway.domain.errors import Problem
from gateway.domain.fleet import Offering
from gateway.domain.money import Price
from gateway.translation.fim import NONE, family_of

OLLAMA = "ollama"
CONTEXT_SETTING = "num_ctx"
CLOUD_ENDING = "cloud"
FILLS = "fim"
# What an engine of that kind does by itself: put a question into the template of its model.
BY_KIND = {OLLAMA: ("template",), SCRIPTED: ("template",)}


class Listed(Struct, frozen=True):
    """The offerings in order, the aliases of models, and the last days that offerings state."""

    offerings: tuple[Offering, ...]
    aliases: dict[str, str]
    ends: dict[str, date]


class _Place(Struct, frozen=True):
    """One entry of the catalogue and where it stands; `fim` is what the catalogue says of it."""

    model: str
    entry: OfferingEntry
    at: str
    fim: str | None = None


def read_offerings(
    document: Document,
    backends: Mapping[str, BackendSettings],
    declared: frozenset[str],
    problems: list[Problem],
) -> Listed:
    """Return what the catalogue lists.

    `backends` are those that could be read, `declared` the names of all that stand in their file:
    an offering at a backend that is itself wrong is not reported a second time.
    """
    models = decode_entries(document, CatalogFile, "models", ModelEntry, problems)
    places = list(_places(models))
    offerings: list[Offering] = []
    ends: dict[str, date] = {}
    for place in places:
        problems += _complaints(place, backends, declared, document)
        price = read_price(place.entry.price, document, f"{place.at}/price", problems)
        backend = backends.get(place.entry.backend)
        if price is not None and backend is not None:
            offering = _offering(place, backend, price)
            offerings.append(offering)
            if place.entry.end_of_life is not None:
                ends[offering.id] = place.entry.end_of_life
    problems += _repeated(places, document)
    problems += _alias_complaints(models, document)
    problems += _misread(models, declared, document)
    aliases = {alias: model for model, entry in models.items() for alias in entry.aliases}
    return Listed(tuple(offerings), aliases, ends)


def offering_id(model: str, backend: str) -> str:
    """Return the id of a model at a backend."""
    return f"{model}@{backend}"


def _places(models: Mapping[str, ModelEntry]) -> Iterator[_Place]:
    for model, entry in models.items():
        for number, offering in enumerate(entry.offerings):
            at = f"/models/{escape(model)}/offerings/{number}"
            yield _Place(model, offering, at, entry.fim)


def _offering(place: _Place, backend: BackendSettings, price: Price) -> Offering:
    entry = place.entry
    fim = _fim(place)
    more = (*((FILLS,) if fim else ()), *BY_KIND.get(backend.kind, ()))
    return Offering(
        id=offering_id(place.model, entry.backend),
        model=place.model,
        backend=entry.backend,
        zone=backend.zone,
        wire_model=entry.wire_model,
        context_tokens=entry.context_tokens,
        output_tokens_max=entry.output_tokens_max,
        capabilities=frozenset[str]((*entry.capabilities, *more)),
        price=price,
        settings=entry.settings,
        fim=fim,
    )


def _fim(place: _Place) -> str:
    """Return how the model fills in the middle, as the catalogue says or its names tell."""
    if place.fim is not None:
        return "" if place.fim == NONE else place.fim
    return family_of(place.model) or family_of(place.entry.wire_model)


def _complaints(
    place: _Place,
    backends: Mapping[str, BackendSettings],
    declared: frozenset[str],
    document: Document,
) -> Iterator[Problem]:
    entry, at = place.entry, place.at
    if entry.backend not in declared:
        hint = guess(entry.backend, declared)
        yield document.problem(f"{at}/backend", "no such backend", hint)
    if entry.output_tokens_max > entry.context_tokens:
        yield document.problem(f"{at}/output_tokens_max", "is more than context_tokens")
    backend = backends.get(entry.backend)
    if backend is not None and backend.kind == OLLAMA:
        yield from _ollama_complaints(place, document)


def _ollama_complaints(place: _Place, document: Document) -> Iterator[Problem]:
    entry, at = place.entry, place.at
    if entry.wire_model.lower().endswith(CLOUD_ENDING):
        what = "a name ending in `cloud` runs on Ollama's servers, not on ours"
        yield document.problem(f"{at}/wire_model", what)
    fixed = entry.settings.get(CONTEXT_SETTING)
    if not isinstance(fixed, int):
        what = f"an offering at Ollama states `{CONTEXT_SETTING}`"
        yield document.problem(at, what, f"write settings: {{{CONTEXT_SETTING}: 32768}}")
    elif entry.context_tokens > fixed:
        yield document.problem(f"{at}/context_tokens", f"is more than {CONTEXT_SETTING}")


def _repeated(places: list[_Place], document: Document) -> Iterator[Problem]:
    """Yield a problem for each offering that is listed twice, by id or by wire name."""
    ids: set[str] = set()
    wires: dict[tuple[str, str], str] = {}
    for place in places:
        entry = place.entry
        id_ = offering_id(place.model, entry.backend)
        if id_ in ids:
            what = f"`{place.model}` is listed twice at this backend"
            yield document.problem(f"{place.at}/backend", what)
            continue
        ids.add(id_)
        first = wires.setdefault((entry.backend, entry.wire_model), place.model)
        if first != place.model:
            what = f"`{first}` has the same wire model at this backend"
            yield document.problem(f"{place.at}/wire_model", what)


def _alias_complaints(models: Mapping[str, ModelEntry], document: Document) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for model, entry in models.items():
        for number, alias in enumerate(entry.aliases):
            at = f"/models/{escape(model)}/aliases/{number}"
            if alias in models:
                yield document.problem(at, "is the name of a model")
            if alias in owners:
                yield document.problem(at, f"is already an alias of `{owners[alias]}`")
            owners.setdefault(alias, model)


def _misread(
    models: Mapping[str, ModelEntry], declared: frozenset[str], document: Document
) -> Iterator[Problem]:
    """Yield a problem for each name that would read as `backend:wire_model`."""
    for model, entry in models.items():
        at = f"/models/{escape(model)}"
        for name, place in [(model, at), *((alias, f"{at}/aliases") for alias in entry.aliases)]:
            head, colon, _ = name.partition(":")
            if colon and head in declared:
                yield document.problem(place, f"a name may not begin with the backend `{head}:`")
