"""Checkpoints come in time, by count and by clock, and only the store goes before them."""

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.checkpoint import parse_vkey, verify
from gateway.ledger import sealer
from gateway.ledger.checkpoints import NOTHING_YET, CheckpointStore
from gateway.ledger.entry import Entry, Opened
from gateway.ledger.ledger import Ledger
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Place
from gateway.ledger.sealer import Sealer
from gateway.ledger.signers import Signers
from gateway.ledger.signing import SigningKey
from tests.doubles.disks import TracedFiles
from tests.doubles.ledgers import ORIGIN, a_boot, a_new_ledger, check_log, ledger_paths, serve

END = Place(0, 100)


class HandClock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def a_sealer(root: Path) -> tuple[Sealer, HandClock, CheckpointStore, LedgerPaths]:
    paths = ledger_paths(root)
    paths.ledger.mkdir()
    store = CheckpointStore.make(root / "store.sqlite")
    store.begin(ORIGIN)
    key = SigningKey(ORIGIN, Ed25519PrivateKey.generate())
    paths.folder.vkey.write_text(str(key.vkey))
    made = Sealer(Signers(key), store, paths.folder, TracedFiles())
    made.resume(NOTHING_YET, {})
    clock = HandClock()
    made._now_s = clock
    return made, clock, store, paths


def published(paths: LedgerPaths) -> int:
    vkey = parse_vkey(paths.folder.vkey.read_text())
    return verify(paths.folder.checkpoint.read_text(), vkey).size


def test_a_checkpoint_is_due_a_second_after_the_first_unsealed_record(tmp_path: Path) -> None:
    made, clock, store, paths = a_sealer(tmp_path)
    assert made.wait_s is None
    assert not made.is_due
    made.add(Entry(b"one", 1))
    clock.now_s += 0.75
    made.add(Entry(b"two", 2))
    assert made.wait_s == 0.25
    assert not made.is_due
    clock.now_s += 0.25
    assert made.is_due
    made.seal(END)
    assert made.wait_s is None
    assert published(paths) == 2
    store.close()


def test_a_checkpoint_is_due_after_so_many_records(tmp_path: Path) -> None:
    made, _, store, paths = a_sealer(tmp_path)
    for number in range(sealer.UNSEALED_ENTRIES_MAX):
        assert not made.is_due
        made.add(Entry(b"%d" % number, number))
    assert made.is_due
    made.seal(END)
    assert not made.is_due
    assert published(paths) == sealer.UNSEALED_ENTRIES_MAX
    store.close()


def test_the_store_has_a_checkpoint_before_anybody_sees_it(tmp_path: Path, monkeypatch) -> None:
    made, _, store, paths = a_sealer(tmp_path)
    made.add(Entry(b"one", 1, opens="r"))

    def publish(_path: Path, _data: bytes) -> None:
        kept = store.latest(ORIGIN)
        assert kept is not None
        assert kept.head.size == 1
        raise OSError(5, "planted")

    monkeypatch.setattr(made._files, "publish", publish)
    with pytest.raises(OSError, match="planted"):
        made.seal(END)
    assert store.open_requests(ORIGIN) == {"r": Opened(0)}
    monkeypatch.undo()
    made.seal(END)
    assert published(paths) == 1
    made.add(Entry(b"two", 2, closes="r"))
    made.seal(END)
    assert store.open_requests(ORIGIN) == {}
    assert made.latest_us == 2
    store.close()


async def published_after(paths: LedgerPaths, ledger: Ledger) -> bool:
    for _ in range(500):
        if published(paths) == ledger.size:
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.mark.anyio
async def test_an_open_ledger_seals_by_itself(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sealer, "UNSEALED_S_MAX", 0.01)
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
        assert await published_after(paths, ledger)
        assert check_log(paths).unsealed == 0
        monkeypatch.setattr(sealer, "UNSEALED_S_MAX", 1_000.0)
        monkeypatch.setattr(sealer, "UNSEALED_ENTRIES_MAX", 3)
        await serve(ledger)
        await serve(ledger)
        assert published(paths) > 5
        assert check_log(paths).unsealed < 6


@pytest.mark.anyio
async def test_a_log_beside_a_running_gateway_verifies(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:

        async def caller() -> None:
            for _ in range(30):
                await serve(ledger)

        working = asyncio.gather(*(caller() for _ in range(8)))
        while not working.done():
            await asyncio.to_thread(check_log, paths)
        await working
    assert check_log(paths).decided == 240
