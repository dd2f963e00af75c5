"""Checkpoints outside: a witness that signs what only grew, and a bucket that nobody can empty."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from gateway.app.anchoring import Anchoring, anchors_of
from gateway.audit import checkpoint
from gateway.audit.canonical import decode
from gateway.audit.checkpoint import parse_vkey
from gateway.audit.cosignature import cosignatures, text_of
from gateway.audit.record import Admin
from gateway.audit.tree import consistency_proof, leaf_hash, root_of
from gateway.audit.verify import Verdict
from gateway.audit.witness import Submission, write_submission
from gateway.config.anchors import Anchors, ObjectLock
from gateway.config.anchors import Witness as WitnessSettings
from gateway.domain.secret import Secret
from gateway.export.static_log import write_static_log
from gateway.ledger import cosigned, frames, signing
from gateway.ledger.create import create
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from gateway.ledger.verify import verify_folder
from tests.doubles.ledgers import INCEPTION, a_boot, a_new_ledger, ledger_paths, serve
from tests.doubles.locked_storage import BUCKET, REGION, LockedStorage, a_locked_storage
from tests.doubles.records import NOW_US
from tests.doubles.static_logs import judged
from tests.doubles.witnesses import NAME, RunningWitness, a_witness

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ORIGIN = "perimeter.example/gw-0"


class Noon:
    def now(self) -> datetime:
        return NOW


class Records:
    """The Admin records that were asked for."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict]] = []

    async def record(self, what: str, facts) -> None:
        self.told.append((what, dict(facts)))


class Counted:
    def __init__(self) -> None:
        self.counts: list[tuple[str, bool]] = []

    def anchored(self, anchor: str, *, well: bool) -> None:
        self.counts.append((anchor, well))


@pytest.fixture
def paths(tmp_path: Path) -> LedgerPaths:
    return a_new_ledger(tmp_path / "gw")


async def grow(paths: LedgerPaths, requests: int = 3) -> int:
    async with a_boot(paths) as ledger:
        for _ in range(requests):
            await serve(ledger)
    return ledger.size


@pytest.fixture
def witness(paths: LedgerPaths, tmp_path: Path) -> Iterator[RunningWitness]:
    with a_witness(tmp_path / "witness", paths.folder.vkey.read_text()) as running:
        yield running


@pytest.fixture(scope="module")
def storage() -> Iterator[LockedStorage]:
    with a_locked_storage() as running:
        yield running


def anchoring(
    paths: LedgerPaths, records: Records, witness=None, storage=None, prefix: str = "perimeter"
) -> Anchoring:
    settings = Anchors(
        witnesses={}
        if witness is None
        else {"neighbour": WitnessSettings(url=witness.url, key=str(witness.cosigner))},
        object_locks={}
        if storage is None
        else {
            "vault": ObjectLock(
                url=storage.url, bucket=BUCKET, region=REGION, secret="s3", prefix=prefix
            )
        },
    )
    secrets = {"s3": Secret("" if storage is None else storage.secret)}
    anchors = dict(anchors_of(settings, secrets, Noon()))
    found = Anchoring(anchors, paths.folder, paths.ledger.parent / "marks", records)
    found.meters = Counted()
    return found


def sizes(records: Records) -> list[int]:
    return [facts["size"] for what, facts in records.told if what == "anchored"]


async def test_a_checkpoint_is_cosigned_kept_beside_the_log_and_recorded(
    paths: LedgerPaths, witness: RunningWitness
) -> None:
    records = Records()
    ours = anchoring(paths, records, witness)
    grew = [await grow(paths)]
    assert await ours.once()
    grew.append(await grow(paths))
    assert await ours.once()
    assert await ours.once()
    (_, first), (_, second) = records.told
    assert first["anchor"] == "neighbour"
    assert (first["kind"], first["witness"], second["size"]) == ("witness", NAME, sizes(records)[1])
    assert sizes(records) == sorted(sizes(records))
    kept = cosigned.cosigned_of(paths.folder)
    assert [size for size, _ in kept] == sizes(records)
    for _, note in kept:
        checkpoint.verify(note, parse_vkey(paths.folder.vkey.read_text()))
        assert [one.cosigner for one in cosignatures(note, [witness.cosigner])] == [NAME]
    assert ours.meters.counts == [("neighbour", True)] * 2


async def test_after_a_restart_of_either_side_the_log_grows_on(
    paths: LedgerPaths, tmp_path: Path
) -> None:
    vkey, records = paths.folder.vkey.read_text(), Records()
    for _ in range(3):
        await grow(paths)
        with a_witness(tmp_path / "witness", vkey) as running:
            assert await anchoring(paths, records, running).once()
    (paths.ledger.parent / "marks").unlink()
    await grow(paths)
    with a_witness(tmp_path / "witness", vkey) as running:
        assert await anchoring(paths, records, running).once()
    assert len(set(sizes(records))) == 4


async def test_marks_that_lie_are_forgotten(paths: LedgerPaths, witness: RunningWitness) -> None:
    records = Records()
    await grow(paths)
    assert await anchoring(paths, records, witness).once()
    marks = paths.ledger.parent / "marks"
    text = marks.read_bytes()
    at = text.index(b'"frontier":["') + 13
    marks.write_bytes(text[:at] + b"AAAA" + text[at + 4 :])
    await grow(paths)
    assert await anchoring(paths, records, witness).once()
    marks.write_bytes(b"nothing")
    await grow(paths)
    assert await anchoring(paths, records, witness).once()


async def test_a_ledger_that_was_rolled_back_is_not_signed_and_that_is_recorded(
    paths: LedgerPaths, witness: RunningWitness, tmp_path: Path
) -> None:
    records = Records()
    await grow(paths)
    shutil.copytree(paths.ledger, tmp_path / "yesterday")
    await grow(paths)
    assert await anchoring(paths, records, witness).once()
    shutil.rmtree(paths.ledger)
    shutil.copytree(tmp_path / "yesterday", paths.ledger)
    ours = anchoring(paths, records, witness)
    assert not await ours.once()
    assert not await ours.once()
    (told,) = [facts for what, facts in records.told if what == "anchor_contradicted"]
    assert told["reason"] == "the witness knows a larger log than this one"
    assert ours.meters.counts == [("neighbour", False)] * 2


async def test_a_history_that_was_signed_anew_is_not_cosigned(
    paths: LedgerPaths, witness: RunningWitness
) -> None:
    """Whoever holds the signing key can write another log; the witness has seen the first one."""
    records = Records()
    await grow(paths)
    assert await anchoring(paths, records, witness).once()
    key = signing.load(paths.signing_key)
    entries = [stored.entry for stored in Reading(paths.folder)]
    forged = [leaf_hash(entry.replace(b"key-7", b"key-8")) for entry in entries]
    forged.append(leaf_hash(b"more"))
    note = checkpoint.sign(
        checkpoint.body(key.name, len(forged), root_of(forged)), key.name, key.private
    )
    proof = consistency_proof(forged, len(entries))
    reply = witness.post(write_submission(Submission(len(entries), proof, note)))
    assert reply.status_code == 422
    assert reply.content == b""


async def test_what_a_witness_remembers_convicts_a_history_that_was_signed_anew(
    paths: LedgerPaths, witness: RunningWitness, tmp_path: Path
) -> None:
    """The forger holds folder, store and key; what he wrote is whole, and the witness saw more."""
    await grow(paths)
    assert await anchoring(paths, Records(), witness).once()
    with sqlite3.connect(tmp_path / "witness" / "state.sqlite") as sql:
        ((kept,),) = sql.execute("SELECT note FROM logs").fetchall()
    key = signing.load(paths.signing_key)
    entries = [stored.entry for stored in Reading(paths.folder)]
    forged = [entry.replace(b"key-7", b"key-8") for entry in entries]
    for first in paths.folder.segments():
        paths.folder.segment(first).unlink()
    data = frames.header(0) + b"".join(frames.frame(entry, 0) for entry in forged)
    paths.folder.segment(0).write_bytes(data)
    paths.folder.index.unlink()
    root = root_of(map(leaf_hash, forged))
    text = checkpoint.body(key.name, len(forged), root)
    paths.folder.checkpoint.write_text(checkpoint.sign(text, key.name, key.private))
    assert verify_folder(paths.ledger).verdict is Verdict.WHOLE
    assert verify_folder(paths.ledger, kept=[kept]).verdict is Verdict.TAMPERED
    write_static_log(paths.folder, tmp_path / "static")
    (tmp_path / "kept").write_text(kept)
    vkey = str(key.vkey)
    assert judged(tmp_path / "static", vkey=vkey)["verdict"] == "whole"
    report = judged(tmp_path / "static", "--kept", tmp_path / "kept", vkey=vkey)
    assert report["verdict"] == "tampered"


async def test_nobody_at_home_is_a_failure_that_is_told_of_and_tried_again(
    paths: LedgerPaths, tmp_path: Path
) -> None:
    records = Records()
    await grow(paths)
    vkey = paths.folder.vkey.read_text()
    with a_witness(tmp_path / "witness", vkey) as running:
        pass
    ours = anchoring(paths, records, running)
    assert not await ours.once()
    assert records.told == []
    port = int(running.url.rpartition(":")[2])
    with a_witness(tmp_path / "witness", vkey, port=port):
        assert await ours.once()
    assert ours.meters.counts == [("neighbour", False), ("neighbour", True)]


async def test_a_bucket_keeps_each_checkpoint_until_its_day(
    paths: LedgerPaths, storage: LockedStorage
) -> None:
    """moto checks the signature of every call, and the lock at every removal."""
    records = Records()
    size = await grow(paths)
    assert await anchoring(paths, records, storage=storage).once()
    (what, facts) = records.told[0]
    assert (what, facts["kind"], facts["bucket"]) == ("anchored", "object_lock", BUCKET)
    assert facts["object"] == f"perimeter/{ORIGIN}/{facts['size']:020d}"
    assert facts["size"] > size - 3
    found = storage.client.get_object(Bucket=BUCKET, Key=facts["object"])
    assert found["Body"].read() == paths.folder.checkpoint.read_bytes()
    assert found["ObjectLockMode"] == "COMPLIANCE"
    until = NOW + timedelta(days=400)
    assert found["ObjectLockRetainUntilDate"] == until
    assert facts["kept_until"] == until.strftime("%Y-%m-%dT%H:%M:%SZ")
    with pytest.raises(ClientError, match="AccessDenied"):
        storage.client.delete_object(
            Bucket=BUCKET, Key=facts["object"], VersionId=found["VersionId"]
        )


async def test_what_is_there_already_is_compared(
    paths: LedgerPaths, storage: LockedStorage
) -> None:
    records = Records()
    await grow(paths)
    assert await anchoring(paths, records, storage=storage, prefix="again").once()
    assert await anchoring(paths, records, storage=storage, prefix="again").once()
    assert records.told[1][1]["kept_until"] == "as before"
    note = paths.folder.checkpoint.read_text()
    lines = text_of(note).split("\n")
    other = "\n".join([lines[0], lines[1], lines[2][::-1].replace("=", "A", 1)])
    key = f"fork/{ORIGIN}/{int(lines[1]):020d}"
    storage.client.put_object(Bucket=BUCKET, Key=key, Body=other.encode())
    assert not await anchoring(paths, records, storage=storage, prefix="fork").once()
    assert records.told[-1][0] == "anchor_contradicted"


async def test_a_key_that_the_storage_refuses_is_a_failure(
    paths: LedgerPaths, storage: LockedStorage
) -> None:
    records = Records()
    await grow(paths)
    wrong = LockedStorage(storage.url, storage.secret[:-4] + "AAAA", None)
    ours = anchoring(paths, records, storage=wrong, prefix="wrong")
    assert not await ours.once()
    assert (records.told, ours.meters.counts) == ([], [("vault", False)])


async def test_one_place_that_fails_leaves_the_other_alone(
    paths: LedgerPaths, witness: RunningWitness, storage: LockedStorage
) -> None:
    records = Records()
    await grow(paths)
    wrong = LockedStorage(storage.url, "AKIAAAAAAAAAAAAAAAAA:" + "b" * 40, None)
    ours = anchoring(paths, records, witness, wrong, prefix="both")
    assert not await ours.once()
    assert [facts["anchor"] for _, facts in records.told] == ["neighbour"]


async def test_what_was_anchored_stands_in_the_log_that_goes_on(
    paths: LedgerPaths, witness: RunningWitness
) -> None:
    async with a_boot(paths) as ledger:
        await serve(ledger)
        await asyncio.sleep(1.2)
        ours = anchoring(paths, ledger, witness)  # type: ignore[arg-type]
        assert await ours.once()
    told = [decode(stored.entry) for stored in Reading(paths.folder)]
    (one,) = [record for record in told if isinstance(record, Admin) and record.what == "anchored"]
    assert one.facts["witness"] == NAME


async def test_the_last_checkpoint_of_a_closed_shard_goes_out_before_the_next_shard(
    paths: LedgerPaths, tmp_path: Path
) -> None:
    shard = f"{ORIGIN}/0002-2026-12"
    apart = ledger_paths(tmp_path / "apart")
    later = LedgerPaths(
        ledger=paths.ledger / "shards" / "0002-2026-12",
        signing_key=apart.signing_key,
        checkpoints=apart.checkpoints,
        subject_keys=apart.subject_keys,
    )
    records = Records()
    await grow(paths)
    create(later, shard, NOW_US, INCEPTION)
    vkeys = [one.folder.vkey.read_text() for one in (paths, later)]
    shutil.move(paths.ledger / "shards", tmp_path / "shards")
    with a_witness(tmp_path / "witness", *vkeys) as running:
        ours = anchoring(paths, records, running)
        assert await ours.once()
        last = await grow(paths)
        shutil.move(tmp_path / "shards", paths.ledger / "shards")
        assert await ours.once()
        assert await ours.once()
    told = [facts for _, facts in records.told]
    assert [one["size"] for one in told[1:]] == [last, 1]
    assert [size for size, _ in cosigned.cosigned_of(later.folder)] == [1]
    assert last in [size for size, _ in cosigned.cosigned_of(paths.folder)]
