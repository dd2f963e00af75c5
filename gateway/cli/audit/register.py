"""What the zones were, as the policies of the time describe them, and what was sent there."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from gateway.audit.facts import OUTCOMES
from gateway.cli.audit.counting import Counting, fields_of
from gateway.cli.audit.places import UNREADABLE, bundles_of, shown_regions
from gateway.cli.audit.question import Answer, Asked, Cell, day_of
from gateway.cli.audit.where import sql_of
from gateway.domain.zone import Zone

_NUMBERS = frozenset({"day", "rank"})
_SENT = Counting("outcomes", OUTCOMES.keys)
TRANSFERS = (
    "zone",
    "operator",
    "country",
    "regions",
    "basis",
    "agreement",
    "retention_days",
    "training",
    "evidence_until",
    "requests",
    "input_tokens",
    "first_day",
    "last_day",
    "labels",
)
REGIONS = ("zone", "offering", "declared", "observed", "attestation", "requests", "example")
RETAINED = ("zone", "operator", "retention_days", "label", "requests", "input_tokens", "until")


class _Sum(Struct):
    """What went to one zone while its facts were the same."""

    zone: Zone | None
    requests: int = 0
    tokens: int = 0
    first_day: int = 0
    last_day: int = 0
    labels: set[str] = set()


def transfers(asked: Asked) -> Answer:
    """Return the register: who got data, in which country, on what basis, under which agreement."""
    bundles = bundles_of(asked.ledger, "outcomes")
    columns = "policy, zone, label, SUM(requests), SUM(input_tokens), MIN(day), MAX(day)"
    sums: dict[tuple[Cell, ...], _Sum] = {}
    for policy, name, label, requests, tokens, first, last in _sent(asked, columns, 3):
        zone = bundles[policy].zone(name)
        told = sums.setdefault(_facts(name, zone), _Sum(zone, first_day=first, last_day=last))
        told.requests += requests
        told.tokens += tokens
        told.first_day, told.last_day = min(told.first_day, first), max(told.last_day, last)
        told.labels = told.labels | {label}
    rows = [
        (
            *facts,
            one.requests,
            one.tokens,
            str(day_of(one.first_day)),
            str(day_of(one.last_day)),
            ", ".join(sorted(one.labels)),
        )
        for facts, one in sorted(sums.items(), key=lambda pair: str(pair[0]))
    ]
    return Answer(TRANSFERS, rows)


def regions(asked: Asked) -> Answer:
    """Return where zones were declared, and where replies said that they were made."""
    bundles = bundles_of(asked.ledger, "outcomes")
    columns = "policy, zone, offering, observed_region, attestation, SUM(requests), MAX(example)"
    sums: dict[tuple[str, ...], tuple[int, str]] = {}
    for policy, zone, offering, observed, attestation, requests, example in _sent(
        asked, columns, 5
    ):
        declared = shown_regions(bundles[policy].zone(zone))
        key = (zone, offering, declared, observed, attestation or "own engine")
        known, latest = sums.get(key, (0, ""))
        sums[key] = (known + requests, max(latest, example))
    rows: list[tuple[Cell, ...]] = [(*key, *told) for key, told in sorted(sums.items())]
    differing = sum(told[0] for key, told in sums.items() if key[4] == "mismatch")
    notes = (f"{differing} replies told another place than the declared one",)
    return Answer(REGIONS, rows, notes, good=not differing)


def retention(asked: Asked) -> Answer:
    """Return what still lies at providers on the last day of the period, by label."""
    bundles = bundles_of(asked.ledger, "outcomes")
    until = _last_day(asked)
    columns = "policy, zone, label, day, SUM(requests), SUM(input_tokens)"
    sums: dict[tuple[str, str, int, str], list[int]] = {}
    for policy, name, label, day, requests, tokens in _sent(asked, columns, 4):
        zone = bundles[policy].zone(name)
        days = -1 if zone is None else zone.retention_days
        if day > until or (days >= 0 and day + days <= until):
            continue
        operator = UNREADABLE if zone is None else zone.operator
        told = sums.setdefault((name, operator, days, label), [0, 0, 0])
        told[0], told[1] = told[0] + requests, told[1] + tokens
        told[2] = max(told[2], day + max(days, 0))
    rows: list[tuple[Cell, ...]] = [
        (name, operator, days if days >= 0 else None, label, *told[:2], str(day_of(told[2])))
        for (name, operator, days, label), told in sorted(sums.items())
    ]
    return Answer(
        RETAINED, rows, (f"as of {day_of(until)}, by what the policies say of retention",)
    )


def _sent(asked: Asked, columns: str, grouped: int) -> Iterator[tuple[Any, ...]]:
    narrowed = sql_of(asked.where, fields_of(_SENT), _NUMBERS)
    by = ", ".join(map(str, range(1, grouped + 1)))
    statement = (
        f"SELECT {columns} FROM outcomes AS t WHERE day BETWEEN ? AND ? AND zone != ''"  # noqa: S608
        f"{narrowed.text} GROUP BY {by}"
    )
    values = (*asked.period.days, *narrowed.values)
    yield from asked.ledger.index.sql.execute(statement, values).fetchall()


def _facts(name: str, zone: Zone | None) -> tuple[Cell, ...]:
    if zone is None:
        return (name, *([UNREADABLE] * 5), None, UNREADABLE, None)
    evidence = zone.evidence
    return (
        name,
        zone.operator,
        zone.operator_jurisdiction,
        shown_regions(zone),
        "own premises" if zone.premises else zone.transfer_basis,
        zone.dpa_ref,
        zone.retention_days,
        zone.training,
        None if evidence is None else str(evidence.expires_on),
    )


def _last_day(asked: Asked) -> int:
    row = asked.ledger.index.sql.execute(
        "SELECT MAX(day) FROM days WHERE day BETWEEN ? AND ?", asked.period.days
    ).fetchone()
    known: int | None = row[0]
    return min(asked.period.last, known if known is not None else asked.period.last)
