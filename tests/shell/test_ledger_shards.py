"""A ledger is a chain of shards: read in order, whatever else lies beside them."""

from pathlib import Path

import pytest

from gateway.domain.errors import ChainBroken
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.shards import name_of, number_of, shards, size_of
from tests.doubles.ledgers import a_new_ledger


def test_a_ledger_without_a_hand_over_is_one_shard(tmp_path: Path) -> None:
    folder = a_new_ledger(tmp_path).folder
    assert shards(folder) == (folder,)
    assert size_of(folder) == 1


def test_shards_come_in_the_order_of_their_numbers_and_nothing_else_is_one(tmp_path: Path) -> None:
    folder = a_new_ledger(tmp_path).folder
    for name in ("0010-2027-08", "0002-2026-12", "0003-2026", "0004-2026-12.new", "notes", "11-x"):
        (folder.shards / name).mkdir(parents=True)
    assert [one.root.name for one in shards(folder)] == [
        folder.root.name,
        "0002-2026-12",
        "0003-2026",
        "0010-2027-08",
    ]
    assert number_of(folder.shards / "0010-2027-08") == 10


@pytest.mark.parametrize(("number", "period"), [(10_000, "2026-12"), (2, "December")])
def test_a_shard_has_no_other_name(number: int, period: str) -> None:
    assert name_of(2, "2026-12") == "0002-2026-12"
    with pytest.raises(ChainBroken, match="no shard of this name"):
        name_of(number, period)


@pytest.mark.parametrize("note", ["", "no note", "a\nb\nc\n\n", "\xff"])
def test_a_shard_whose_checkpoint_cannot_be_read_has_no_size(tmp_path: Path, note: str) -> None:
    folder = LedgerFolder(tmp_path)
    folder.checkpoint.write_bytes(note.encode("latin-1"))
    with pytest.raises(ChainBroken, match="cannot be read"):
        size_of(folder)
