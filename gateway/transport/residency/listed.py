"""The pairs of model and location for which Vertex promises to process where it is asked.

The table is dated data; a pair that is not in it is promised nothing. Whoever has read more on the
provider's page says so in the fleet file, with the day on which it was read.
"""

import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct, convert

from gateway.domain.fleet import Offering
from gateway.transport.credentials import Settings

LISTED_MODELS = "listed_models"
LISTED_ON = "listed_on"
LISTED_DAYS_MAX = 92
KNOWN = frozenset({LISTED_MODELS, LISTED_ON})
TABLE = Path(__file__).parent / "data" / "vertex_locations.toml"


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """What was read, where and when, and until when it is believed: models by location."""

    source: str
    read_on: date
    expires_on: date
    locations: Mapping[str, frozenset[str]]


@cache
def shipped() -> Table:
    """Return the table that ships with the gateway."""
    told: Any = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    table: Table = convert(told, Table, strict=True)
    return table


def unlisted(offering: Offering, settings: Settings, today: date, table: Table) -> str:
    """Return why nobody promises where that offering runs; empty where somebody does."""
    model, location = offering.wire_model.partition("@")[0], str(settings.get("location", ""))
    if model in str(settings.get(LISTED_MODELS, "")).split():
        read_on = date.fromisoformat(str(settings.get(LISTED_ON)))
        if read_on <= today <= read_on + timedelta(days=LISTED_DAYS_MAX):
            return ""
        return f"{LISTED_ON} is no day of the last {LISTED_DAYS_MAX}"
    if model not in table.locations.get(location, frozenset()):
        return "the pair of model and location is not listed"
    if today > table.expires_on:
        return f"the table of pairs is believed until {table.expires_on}"
    return ""


def faults(settings: Settings) -> list[str]:
    """Return what is wrong with what the fleet file says was read."""
    if not KNOWN & settings.keys():
        return []
    if not all(isinstance(settings.get(name), str) for name in KNOWN):
        return [f"{LISTED_MODELS} and {LISTED_ON} are text, and belong together"]
    try:
        date.fromisoformat(str(settings[LISTED_ON]))
    except ValueError:
        return [f"{LISTED_ON} is a day, such as 2026-11-27"]
    return []
