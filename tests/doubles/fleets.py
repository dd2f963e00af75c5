"""Builders of fleets and offerings."""

from datetime import date

from gateway.domain.fleet import Catalogue, Fleet, Offering
from gateway.domain.money import Price

FREE = Price(0, 0, "own hardware", date(2026, 11, 20))
PRICED = Price(2_000_000, 10_000_000, "a price list", date(2026, 11, 20), 100_000, 2_500_000)


def an_offering(
    model: str,
    backend: str,
    zone: str,
    *,
    wire_model: str = "",
    capabilities: frozenset[str] = frozenset({"tools", "images", "thinking"}),
    context_tokens: int = 100_000,
    price: Price = FREE,
) -> Offering:
    return Offering(
        id=f"{model}@{backend}",
        model=model,
        backend=backend,
        zone=zone,
        wire_model=wire_model or model,
        context_tokens=context_tokens,
        output_tokens_max=8192,
        capabilities=capabilities,
        price=price,
        settings={"num_ctx": 8192},
    )


def a_catalogue(
    *offerings: Offering,
    tasks: dict[str, tuple[str, ...]] | None = None,
    aliases: dict[str, str] | None = None,
) -> Catalogue:
    return Catalogue(tuple(offerings), aliases or {}, tasks or {})


def a_fleet(catalogue: Catalogue, **resting: str) -> Fleet:
    return Fleet(catalogue, {name.replace("_", "-"): why for name, why in resting.items()})
