"""An answer over several shards stands on the key of the first, and on what hands over from it."""

import asyncio
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import checkpoint
from gateway.audit.canonical import decode, encode
from gateway.audit.tree import leaf_hash, root_of
from gateway.ledger import frames, pruning
from gateway.ledger.files import Files
from gateway.ledger.paths import LedgerFolder, LedgerPaths
from gateway.ledger.reading import Reading
from gateway.ledger.shards import shards
from tests.doubles.chains import copied, lived, one_in_each, told_pruned
from tests.doubles.gateway_folders import Ran, ran
from tests.doubles.ledgers import a_boot

STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)


@pytest.fixture(scope="module")
def chained(tmp_path_factory) -> LedgerPaths:
    return lived(tmp_path_factory.mktemp("chained"), one_in_each)


@pytest.fixture
def paths(chained: LedgerPaths, tmp_path: Path) -> LedgerPaths:
    return copied(chained, tmp_path)


def asked(paths: LedgerPaths, *words: str) -> Ran:
    vkey = paths.folder.vkey.read_text().strip()
    ledger = str(paths.ledger)
    return ran("audit", "requests", "--copy", "--ledger", ledger, "--vkey", vkey, *words)


def forge(folder: LedgerFolder) -> None:
    """Write a later shard as somebody does who has no key of the log, and brings his own."""
    name = folder.origin.read_text().strip()
    vkey = str(checkpoint.vkey_of(name, STRANGER))
    entries = [stored.entry for stored in Reading(folder)]
    created = decode(entries[0])
    created.facts["vkey"] = vkey
    entries = [encode(created), *(one.replace(b"key-7", b"key-8") for one in entries[1:])]
    for first in folder.segments():
        folder.segment(first).unlink()
    data = frames.header(0) + b"".join(frames.frame(entry, 0) for entry in entries)
    folder.segment(0).write_bytes(data)
    folder.vkey.write_text(f"{vkey}\n")
    text = checkpoint.body(name, len(entries), root_of(map(leaf_hash, entries)))
    folder.checkpoint.write_text(checkpoint.sign(text, name, STRANGER))


@pytest.mark.parametrize("was_counted", [False, True])
@pytest.mark.parametrize("number", [1, 2])
def test_a_later_shard_under_a_key_that_nobody_announced_answers_nothing(
    paths: LedgerPaths, number: int, was_counted: bool
) -> None:
    if was_counted:
        assert asked(paths).code == 0
    forge(shards(paths.folder)[number])
    for words in ((), ("--prove",)):
        told = asked(paths, *words)
        assert told.code == 1, told
        assert "key-8" not in told.out


def test_a_last_shard_that_was_taken_away_is_missed(paths: LedgerPaths) -> None:
    shutil.rmtree(shards(paths.folder)[2].root)
    for words in ((), ("--prove",)):
        told = asked(paths, *words)
        assert (told.code, "0003-2026-11" in told.err) == (1, True), told


def test_a_pruned_shard_still_hands_over(paths: LedgerPaths) -> None:
    async def prune() -> None:
        async with a_boot(paths) as ledger:
            first = shards(paths.folder)[0]
            await told_pruned(ledger, first)
            pruning.drop(first, Files())

    asyncio.run(prune())
    told = asked(paths)
    assert told.code == 0, told
    forge(shards(paths.folder)[1])
    assert asked(paths).code == 1
