"""Of what only hashes are left: how many records, and which records say so."""

from collections.abc import Sequence

from msgspec import Struct

from gateway.ledger.facts import FactsIndex, Part, pruned_in
from gateway.ledger.pruning import is_pruned

TOLD_MAX = 24
_PRUNED_BY = (
    "SELECT MAX(position), json_extract(facts, '$.origin') FROM changes"
    " WHERE what = 'pruned' GROUP BY 2 ORDER BY 1"
)


class Gone(Struct, frozen=True):
    """How many records of closed shards were pruned, and the numbers of those that tell of it.

    One that tells of a shard may have been pruned itself; it is not among them then.
    """

    records: int = 0
    told_by: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Return it in words; empty where nothing is gone."""
        if not self.records:
            return ""
        told = ", ".join(f"record {position}" for position in self.told_by[:TOLD_MAX])
        more = " and others" if len(self.told_by) > TOLD_MAX else ""
        by = f", as {told}{more} says" if told else ""
        return f"{self.records} of them pruned: only their hashes are left{by}"


def gone_of(parts: Sequence[Part], index: FactsIndex) -> Gone:
    """Return what is gone of these shards, as far as the index knows who says so."""
    origins = {one.checkpoint.origin for one in parts if is_pruned(one.folder)}
    if not origins:
        return Gone()
    rows = index.sql.execute(_PRUNED_BY)
    told = tuple(position for position, origin in rows if origin in origins)
    return Gone(pruned_in(parts), told)
