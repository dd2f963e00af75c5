"""Prices: decimal US dollars in the file, whole micro US dollars everywhere else."""

import re

from gateway.config.fleet_files import Money, PriceEntry
from gateway.domain.document import Document
from gateway.domain.errors import Problem
from gateway.domain.money import Price

USD_MAX = 100_000
MICROUSD = 1_000_000
DECIMALS_MAX = 6
_USD = re.compile(r"(?P<whole>0|[1-9][0-9]{0,9})(?:\.(?P<part>[0-9]{1,6}))?")


class NotMoneyError(ValueError):
    """The value is not an exact number of micro US dollars within bounds."""


def microusd(written: Money) -> int:
    """Return US dollars as micro US dollars, exactly; NotMoneyError otherwise."""
    found = _USD.fullmatch(str(written))
    if found is None:
        raise NotMoneyError(f"must be US dollars such as 3 or '0.15', {DECIMALS_MAX} decimals")
    if int(found["whole"]) >= USD_MAX:
        raise NotMoneyError(f"must be less than {USD_MAX} US dollars")
    return int(found["whole"]) * MICROUSD + int((found["part"] or "").ljust(DECIMALS_MAX, "0"))


def read_price(
    entry: PriceEntry, document: Document, at: str, problems: list[Problem]
) -> Price | None:
    """Return the price, or None with its problems added.

    WHY: a cache price that is left out is that of input, so that no cost is told too low.
    """
    amounts: dict[str, int] = {}
    for name in ("input", "output", "cache_read", "cache_write"):
        written = getattr(entry, name)
        try:
            amounts[name] = microusd(entry.input if written is None else written)
        except NotMoneyError as error:
            if written is not None:
                problems.append(document.problem(f"{at}/{name}", str(error)))
    if len(amounts) < len(("input", "output", "cache_read", "cache_write")):
        return None
    return Price(
        input_microusd=amounts["input"],
        output_microusd=amounts["output"],
        source=entry.source,
        verified_on=entry.verified_on,
        cache_read_microusd=amounts["cache_read"],
        cache_write_microusd=amounts["cache_write"],
    )
