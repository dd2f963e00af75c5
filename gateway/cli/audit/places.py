"""What the policies of a log say of zones and levels: read from the documents beside it."""

from typing import Any

from msgspec import Struct

from gateway.cli.audit.question import Ledger
from gateway.cli.audit.where import refused
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, GatewayError
from gateway.domain.label import Level
from gateway.domain.zone import Zone
from gateway.ledger import documents
from gateway.policy.compile import compile_bundle
from gateway.policy.regions import ISO, KNOWN_SETS

WORLD = "world"
UNREADABLE = "unknown"


class Bundle(Struct, frozen=True):
    """One policy as it was: its zones and levels; None where it cannot be read any more."""

    digest: str
    zones: dict[str, Zone] | None
    levels: tuple[str, ...]

    def zone(self, name: str) -> Zone | None:
        """Return a zone of that name."""
        return None if self.zones is None else self.zones.get(name)

    def has(self, level: Level) -> bool:
        """Does this policy have that level, at that rank? A record could say any."""
        return level in map(Level, range(len(self.levels)), self.levels)


def bundle_of(ledger: Ledger, digest: str) -> Bundle:
    """Return the policy of that digest.

    INVARIANT: one that is missing, was changed, or cannot be compiled has no zone at all, so that
    nothing counts as cleared by it.
    """
    try:
        plain = documents.load(ledger.folder, digest)
        levels = tuple(plain["policy"]["levels"])
        named = {name: Document(f"{name}.yaml", value) for name, value in plain.items()}
        return Bundle(digest, compile_bundle(named, digest).require().zones, levels)
    except (ConfigError, GatewayError, OSError, KeyError, TypeError, AttributeError):
        return Bundle(digest, None, _levels(ledger, digest))


def bundles_of(ledger: Ledger, table: str) -> dict[str, Bundle]:
    """Return every policy that the rows of a table name, by digest."""
    found = ledger.index.sql.execute(f"SELECT DISTINCT policy FROM {table}")  # noqa: S608
    return {digest: bundle_of(ledger, digest) for (digest,) in found.fetchall()}


def learn_ranks(ledger: Ledger) -> None:
    """Let statements compare levels by the policy of each row."""
    sql = ledger.index.sql
    sql.execute("PRAGMA temp_store = MEMORY")
    sql.execute("CREATE TEMP TABLE IF NOT EXISTS ranks (policy TEXT, level TEXT, rank INTEGER)")
    found = sql.execute("SELECT DISTINCT policy FROM decisions").fetchall()
    rows = (
        (digest, level, rank)
        for (digest,) in found
        for rank, level in enumerate(_levels(ledger, digest))
    )
    sql.executemany("INSERT INTO temp.ranks VALUES (?, ?, ?)", rows)


def _levels(ledger: Ledger, digest: str) -> tuple[str, ...]:
    try:
        plain: dict[str, Any] = documents.load(ledger.folder, digest)
        return tuple(map(str, plain["policy"]["levels"]))
    except (GatewayError, OSError, KeyError, TypeError, AttributeError):
        return ()


def regions_of(zone: Zone | None) -> frozenset[str] | None:
    """Return where a zone processes and stores; None for the world, and for what nobody knows."""
    if zone is None or zone.processing_regions is None or zone.storage_regions is None:
        return None
    return (zone.processing_regions | zone.storage_regions) or None


def shown_regions(zone: Zone | None) -> str:
    """Return the places of a zone in one text."""
    if zone is None:
        return UNREADABLE
    regions = regions_of(zone)
    return WORLD if regions is None else ",".join(sorted(regions))


def places_within(words: str) -> frozenset[str]:
    """Return the places that `EU`, `EEA`, or codes joined by commas stand for; ConfigError."""
    found: set[str] = set()
    for word in words.split(","):
        if word in KNOWN_SETS:
            found |= KNOWN_SETS[word]
        elif word in ISO:
            found.add(word)
        else:
            raise refused("--within takes EU, EEA, or ISO 3166-1 codes joined by commas")
    return frozenset(found)
