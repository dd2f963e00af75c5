"""A chain of shards is verified from its first key; whatever breaks it is named."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.audit import checkpoint
from gateway.audit.canonical import decode, encode
from gateway.audit.record import Admin, Decided
from gateway.audit.tree import leaf_hash, root_of
from gateway.audit.verify import Report, Verdict
from gateway.cli import main
from gateway.ledger import frames, signing
from gateway.ledger.paths import LedgerFolder, LedgerPaths
from gateway.ledger.reading import Reading
from gateway.ledger.shards import shards
from gateway.ledger.verify import verify_folder
from tests.doubles.chains import copied, lived, with_one_open
from tests.doubles.granted import a_grant

DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def chained(tmp_path_factory) -> LedgerPaths:
    return lived(tmp_path_factory.mktemp("chained"), with_one_open)


@pytest.fixture
def paths(chained: LedgerPaths, tmp_path: Path) -> LedgerPaths:
    return copied(chained, tmp_path)


def entries_of(folder: LedgerFolder) -> list[bytes]:
    return [stored.entry for stored in Reading(folder)]


def write_again(paths: LedgerPaths, folder: LedgerFolder, entries: list[bytes]) -> None:
    """Write a shard as the holder of its signing key could, checkpoint and all."""
    for first in folder.segments():
        folder.segment(first).unlink()
    data = frames.header(0) + b"".join(frames.frame(entry, 0) for entry in entries)
    folder.segment(0).write_bytes(data)
    folder.index.unlink(missing_ok=True)
    key = signing.load(paths.signing_key)
    name = folder.origin.read_text().strip()
    text = checkpoint.body(name, len(entries), root_of(map(leaf_hash, entries)))
    folder.checkpoint.write_text(checkpoint.sign(text, name, key.private))


def changed(entry: bytes, **facts: object) -> bytes:
    record = decode(entry)
    assert isinstance(record, Admin)
    record.facts.update(facts)
    return encode(record)


def gone(paths: LedgerPaths, chain: tuple[LedgerFolder, ...]) -> None:
    shutil.rmtree(chain[1].root)


def renamed(paths: LedgerPaths, chain: tuple[LedgerFolder, ...]) -> None:
    chain[2].root.rename(chain[2].root.with_name("0004-2026-11"))


def of_another_former(paths: LedgerPaths, chain: tuple[LedgerFolder, ...]) -> None:
    entries = entries_of(chain[1])
    record = decode(entries[0])
    former = record.facts["former"] | {"size": 3}
    write_again(paths, chain[1], [changed(entries[0], former=former), *entries[1:]])


def without_the_carried(paths: LedgerPaths, chain: tuple[LedgerFolder, ...]) -> None:
    entries = entries_of(chain[1])
    write_again(paths, chain[1], [entries[0], *entries[2:4]])


def with_a_longer_former(paths: LedgerPaths, chain: tuple[LedgerFolder, ...]) -> None:
    entries = entries_of(chain[0])
    write_again(paths, chain[0], [*entries, entries[-1].replace(b"-9000-", b"-9001-")])


def without_its_end(paths: LedgerPaths, chain: tuple[LedgerFolder, ...]) -> None:
    write_again(paths, chain[1], entries_of(chain[1])[:-1])


def with_a_closing_key(paths: LedgerPaths, chain: tuple[LedgerFolder, ...]) -> None:
    stranger = signing.SigningKey("perimeter.example/gw-0/0002-2026-11", _A_KEY)
    entries = entries_of(chain[0])
    write_again(paths, chain[0], [*entries[:-1], changed(entries[-1], vkey=str(stranger.vkey))])


def at_another_time(paths: LedgerPaths, chain: tuple[LedgerFolder, ...], by_us: int) -> None:
    entries = [decode(one) for one in entries_of(chain[2])]
    moved = [replace(one, ts_us=one.ts_us + by_us) for one in entries]
    write_again(paths, chain[2], [encode(one) for one in moved])


def a_year_earlier(paths: LedgerPaths, chain: tuple[LedgerFolder, ...]) -> None:
    at_another_time(paths, chain, -365 * DAY_US)


def an_hour_later(paths: LedgerPaths, chain: tuple[LedgerFolder, ...]) -> None:
    at_another_time(paths, chain, DAY_US // 24)


def with_an_unsigned_end(paths: LedgerPaths, chain: tuple[LedgerFolder, ...]) -> None:
    entries = entries_of(chain[1])
    write_again(paths, chain[1], entries[:-1])
    note = chain[1].checkpoint.read_text()
    write_again(paths, chain[1], entries)
    chain[1].checkpoint.write_text(note)


LASTING = a_grant("sha256:" + "9" * 64, until=datetime(2027, 1, 1, tzinfo=UTC))


def with_a_grant(paths: LedgerPaths, chain: tuple[LedgerFolder, ...]) -> None:
    """A grant of which neither this shard nor one before it tells."""
    entries = [decode(one) for one in entries_of(chain[2])]
    told = [replace(one, granted=LASTING) if isinstance(one, Decided) else one for one in entries]
    write_again(paths, chain[2], [encode(one) for one in told])


def with_a_request_of_the_first(paths: LedgerPaths, chain: tuple[LedgerFolder, ...]) -> None:
    """The request that the first shard decided and the second settled, decided once more."""
    known = next(one.id for one in map(decode, entries_of(chain[0])) if isinstance(one, Decided))
    entries = [decode(one) for one in entries_of(chain[2])]
    told = [one if isinstance(one, Admin) else replace(one, id=known) for one in entries]
    write_again(paths, chain[2], [encode(one) for one in told])


_A_KEY = signing.Ed25519PrivateKey.generate()
CHANGES: dict[str, tuple[Callable[..., None], str, int | None]] = {
    "a shard in the middle is gone": (gone, "follows none that was closed", None),
    "a shard has another number": (renamed, "follows none that was closed", None),
    "a shard names another former one": (of_another_former, "does not follow the shard", 0),
    "what was open is not carried over": (without_the_carried, "carry over", 1),
    "something follows the closing": (with_a_longer_former, "was closed before", 7),
    "a closed shard is not closed": (without_its_end, "follows none that was closed", None),
    "a shard begins before the one before it ended": (a_year_earlier, "its time is not", 0),
    "time is hidden between two shards": (an_hour_later, "its time is not", 0),
    "the end of a shard is not signed": (with_an_unsigned_end, "is not signed", None),
    "a decision names a grant of nobody": (with_a_grant, "with a grant that no record", 4),
    "a request is decided in two shards": (with_a_request_of_the_first, "its request already", 4),
    "the next key was never announced": (with_a_closing_key, "never announced", 6),
}


@pytest.mark.parametrize("how", CHANGES)
def test_whatever_breaks_the_chain_is_named(paths: LedgerPaths, how: str) -> None:
    """Each is done by somebody who holds the signing key, and nobody's checkpoint is asked."""
    change, why, first_bad = CHANGES[how]
    change(paths, shards(paths.folder))
    report = verify_folder(paths.ledger)
    assert report.verdict is Verdict.TAMPERED, report
    assert why in report.reason
    assert report.first_bad == first_bad


def test_a_last_shard_that_was_taken_away_is_missed(paths: LedgerPaths, capsys) -> None:
    chain = shards(paths.folder)
    kept = chain[2].checkpoint.read_text()
    shutil.rmtree(chain[2].root)
    assert main(["verify", str(paths.ledger)]) == 1
    assert "its next shard" in capsys.readouterr().err
    for report in (
        verify_folder(paths.ledger),
        verify_folder(paths.ledger, None, paths.checkpoints),
        verify_folder(paths.ledger, None, None, [kept]),
    ):
        assert report.verdict is Verdict.TAMPERED
        assert "0003-2026-11" in report.reason


def test_a_checkpoint_kept_of_any_shard_convicts_a_forged_one(paths: LedgerPaths) -> None:
    chain = shards(paths.folder)
    kept = [folder.checkpoint.read_text() for folder in chain]
    assert verify_folder(paths.ledger, None, paths.checkpoints, kept).verdict is Verdict.WHOLE
    entries = entries_of(chain[2])
    write_again(paths, chain[2], [one.replace(b"key-7", b"key-8") for one in entries])
    assert verify_folder(paths.ledger).verdict is Verdict.WHOLE
    report = verify_folder(paths.ledger, None, None, kept)
    assert (report.verdict, report.shard) == (Verdict.TAMPERED, "0003-2026-11")
    strange = kept[2].replace("0003-2026-11", "0009-2026-11")
    assert verify_folder(paths.ledger, None, None, [strange]).verdict is Verdict.UNREADABLE


def whole(report: Report) -> bool:
    return report.verdict is Verdict.WHOLE


def test_every_shard_is_verified_from_the_key_of_inception(paths: LedgerPaths, capsys) -> None:
    vkey = paths.folder.vkey.read_text()
    assert whole(verify_folder(paths.ledger, vkey, paths.checkpoints))
    assert main(["verify", str(paths.ledger), "--vkey", vkey]) == 0
    assert "in 3 shards, each following the one before" in capsys.readouterr().out


def test_a_later_shard_alone_is_not_taken_for_a_whole_ledger(paths: LedgerPaths) -> None:
    report = verify_folder(shards(paths.folder)[1].root)
    assert "not the first shard" in report.reason


def test_an_edited_record_of_a_later_shard_is_named_with_its_shard(paths, capsys) -> None:
    folder = shards(paths.folder)[1]
    note = folder.checkpoint.read_text()
    entries = entries_of(folder)
    write_again(paths, folder, [*entries[:3], entries[3].replace(b'"v":1', b'"v":2'), *entries[4:]])
    folder.checkpoint.write_text(note)
    assert main(["verify", str(paths.ledger)]) == 1
    assert "tampered at record 3 of shard 0002-2026-11" in capsys.readouterr().err
