"""Whoever can write to the folder and has no key gets nothing signed by the next start."""

from pathlib import Path

import pytest

from gateway.audit.canonical import encode
from gateway.audit.record import Record
from gateway.domain.errors import ChainBroken
from gateway.ledger import frames, signing
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading, Stored
from tests.doubles.disks import MortalFiles
from tests.doubles.ledgers import (
    IDS,
    a_boot,
    a_new_ledger,
    a_request,
    check_log,
    kill,
    opened,
    serve,
)
from tests.doubles.records import (
    NOW_US,
    a_decided,
    a_decision,
    a_person,
    a_settled,
    an_admin,
    an_attempted,
)

pytestmark = pytest.mark.anyio
FOR_EVER = 10_000


def stored_in(paths: LedgerPaths) -> list[Stored]:
    return list(Reading(paths.folder))


def last_segment(paths: LedgerPaths) -> Path:
    return paths.folder.segment(paths.folder.segments()[-1])


def bytes_of(paths: LedgerPaths) -> dict[str, bytes]:
    """Return every file of the evidence, without the index and the lock."""
    found = [path for path in paths.ledger.rglob("*") if path.is_file()]
    names = ("index.sqlite", "lock")
    return {str(path): path.read_bytes() for path in found if not path.name.startswith(names)}


async def refused(paths: LedgerPaths, why: str) -> None:
    before = bytes_of(paths)
    kept = paths.checkpoints.read_bytes()
    with pytest.raises(ChainBroken, match=why):
        await opened(paths)
    assert bytes_of(paths) == before
    assert paths.checkpoints.read_bytes() == kept


def a_story(boot: str) -> list[Record]:
    name = IDS.record_id()
    return [
        an_admin("started", IDS.record_id(), boot=boot, facts={"after": 1, "open": 0}),
        a_decided(name, boot=boot, decision=a_decision("frontier")),
        an_attempted(name, boot=boot, zone="frontier", host="evil.example"),
        a_settled(name, boot=boot, zone="frontier"),
    ]


async def killed_after_a_request(paths: LedgerPaths) -> str:
    files = MortalFiles(FOR_EVER)
    ledger = await opened(paths, Options(files=files))
    before, _ = a_request(ledger, a_person())
    await ledger.append(before)
    await kill(ledger, files)
    return ledger.boot


async def test_frames_without_a_mac_are_not_adopted_after_a_clean_stop(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger, a_person())
    size = len(stored_in(paths))
    with last_segment(paths).open("ab") as file:
        for record in a_story(IDS.record_id()):
            file.write(frames.frame(encode(record), size))
    await refused(paths, "not written by a gateway of this log")


async def test_frames_without_a_mac_are_not_adopted_after_a_kill(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    boot = await killed_after_a_request(paths)
    size = len(stored_in(paths))
    with last_segment(paths).open("ab") as file:
        for record in a_story(IDS.record_id())[1:]:
            file.write(
                frames.frame(encode(record).replace(record.boot.encode(), boot.encode()), size)
            )
    await refused(paths, "not written by a gateway of this log")


async def test_a_changed_record_of_the_tail_is_not_adopted(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    await killed_after_a_request(paths)
    path = last_segment(paths)
    data = frames.header(paths.folder.segments()[-1])
    for stored in stored_in(paths):
        if stored.place.segment == paths.folder.segments()[-1]:
            bent = stored.entry.replace(b"key-7", b"key-8")
            data += frames.frame(bent, stored.group, stored.mac)
    path.write_bytes(data)
    await refused(paths, "not written by a gateway of this log")


async def test_a_record_of_the_tail_moved_to_another_index_is_not_adopted(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    await killed_after_a_request(paths)
    last = stored_in(paths)[-1]
    with last_segment(paths).open("ab") as file:
        file.write(frames.frame(last.entry, last.group, last.mac))
    await refused(paths, "not written by a gateway of this log")


async def test_a_record_of_another_log_or_key_is_not_adopted(tmp_path: Path) -> None:
    paths, other = a_new_ledger(tmp_path / "one"), a_new_ledger(tmp_path / "two")
    async with a_boot(paths) as ledger:
        await serve(ledger)
    entry = encode(an_admin("quarantined", IDS.record_id(), boot=IDS.record_id()))
    size = len(stored_in(paths))
    key = signing.load(other.signing_key)
    with last_segment(paths).open("ab") as file:
        file.write(frames.frame(entry, size, key.mac(size, size, entry)))
    await refused(paths, "not written by a gateway of this log")
    mine = signing.load(paths.signing_key)
    renamed = signing.SigningKey("another/log", mine.private)
    assert renamed.mac(1, 1, entry) != mine.mac(1, 1, entry)


async def test_what_the_gateway_wrote_before_a_kill_is_adopted(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    await killed_after_a_request(paths)
    async with a_boot(paths) as ledger:
        await serve(ledger)
    report = check_log(paths)
    assert (report.lost, report.settled, report.open) == (1, 2, 0)


def signed_tail(paths: LedgerPaths, records: list[Record]) -> None:
    signed(paths, [encode(record) for record in records])


def signed(paths: LedgerPaths, entries: list[bytes]) -> None:
    """Append entries as a gateway with a fault would: with the key, against the rules."""
    key = signing.load(paths.signing_key)
    group = len(stored_in(paths))
    with last_segment(paths).open("ab") as file:
        for index, entry in enumerate(entries, group):
            file.write(frames.frame(entry, group, key.mac(index, group, entry)))


def started(boot: str, ts_us: int = NOW_US) -> Record:
    return an_admin("started", IDS.record_id(), boot=boot, ts_us=ts_us)


BOOT = "019aa000-0000-7000-9000-00000000b009"
NAME = "019aa000-0000-7000-9000-00000000c009"
AGAINST_THE_RULES = {
    "settled without being decided": ([started(BOOT), a_settled(NAME, boot=BOOT)], "not decided"),
    "no boot": ([a_decided(NAME, boot=BOOT)], "no gateway had started"),
    "outside the boundary": (
        [started(BOOT), a_decided(NAME, boot=BOOT), an_attempted(NAME, boot=BOOT, zone="mars")],
        "boundary",
    ),
    "an unknown document": (
        [started(BOOT), a_decided(NAME, boot=BOOT, documents={"p": "sha256:" + "0" * 64})],
        "not stored before",
    ),
    "time goes back": ([started(BOOT, NOW_US - 3_600_000_000)], "time"),
    "created again": ([an_admin("created", IDS.record_id(), boot="")], "created once"),
}


@pytest.mark.parametrize("name", AGAINST_THE_RULES)
async def test_a_tail_that_breaks_a_rule_is_not_signed(tmp_path: Path, name: str) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
    records, why = AGAINST_THE_RULES[name]
    signed_tail(paths, records)
    await refused(paths, why)


@pytest.mark.parametrize("ts_us", [2**63, 2**64, 10**18, -1])
async def test_a_time_that_no_clock_shows_is_not_signed(tmp_path: Path, ts_us: int) -> None:
    paths = a_new_ledger(tmp_path)
    entry = encode(started(BOOT))
    signed(paths, [entry.replace(b"%d" % NOW_US, b"%d" % ts_us)])
    await refused(paths, "no clock shows|cannot be read")


async def test_the_rules_go_on_where_the_last_checkpoint_was(tmp_path: Path) -> None:
    """A request that is open at the checkpoint is tried and settled in the tail."""
    paths = a_new_ledger(tmp_path)
    files = MortalFiles(FOR_EVER)
    ledger = await opened(paths, Options(files=files))
    policy = await ledger.store_document({"version": 1})
    before, after = a_request(ledger)
    decided = a_decided(before[0][0].id, boot=ledger.boot, documents={"policy": policy})
    await ledger.append([(decided, None)])
    ledger._parts.sealer._due_s = 0.0
    another = a_decided(IDS.record_id(), boot=ledger.boot, documents={"policy": policy})
    await ledger.append([(another, None)])
    await ledger.append([before[1]])
    await ledger.append(after)
    await kill(ledger, files)
    async with a_boot(paths):
        pass
    report = check_log(paths)
    assert (report.decided, report.settled, report.lost) == (2, 2, 1)
    boundary = a_settled(another.id, boot=ledger.boot)
    signed_tail(paths, [started(BOOT), an_attempted(another.id, boot=BOOT), boundary])
    await refused(paths, "not decided before|settled already")


async def test_a_boundary_that_was_decided_before_the_checkpoint_holds_after_it(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path)
    files = MortalFiles(FOR_EVER)
    ledger = await opened(paths, Options(files=files))
    before, _ = a_request(ledger)
    await ledger.append(before[:1])
    size = ledger.size
    while ledger._parts.sealer._sealed.size < size:
        ledger._parts.sealer._due_s = 0.0
        await ledger.record("quarantined", {})
    await kill(ledger, files)
    name = before[0][0].id
    signed_tail(paths, [an_attempted(name, boot=ledger.boot, zone="frontier")])
    await refused(paths, "outside the boundary")
