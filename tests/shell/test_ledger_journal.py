"""The bytes of the journal: frames, torn tails at every byte, damage that is no torn tail."""

from pathlib import Path
from typing import BinaryIO

import pytest

from gateway.domain.errors import ChainBroken
from gateway.ledger import frames
from gateway.ledger import reading as reading_module
from gateway.ledger.files import Files
from gateway.ledger.frames import FRAME_HEADER_BYTES, HEADER_BYTES
from gateway.ledger.journal import Journal
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerFolder, is_segment
from gateway.ledger.reading import START, DamageKind, Place, Reading
from tests.doubles.disks import MortalFiles
from tests.doubles.ledgers import (
    a_boot,
    a_new_ledger,
    a_request,
    check_log,
    kill,
    opened,
    serve,
)


def a_journal(root: Path, bytes_max: int = 10_000) -> tuple[LedgerFolder, Journal]:
    folder = LedgerFolder(root)
    folder.journal.mkdir(parents=True)
    return folder, Journal(folder, Files(), 0, START, bytes_max)


def entries_of(folder: LedgerFolder) -> list[bytes]:
    return [stored.entry for stored in Reading(folder)]


def test_what_is_written_in_groups_is_read_in_order(tmp_path: Path) -> None:
    folder, journal = a_journal(tmp_path)
    journal.write([b"a", b"bb"])
    journal.write([b"ccc"])
    journal.close()
    stored = list(Reading(folder))
    assert [one.entry for one in stored] == [b"a", b"bb", b"ccc"]
    assert [one.index for one in stored] == [0, 1, 2]
    again = list(Reading(folder, stored[1].index, stored[1].place))
    assert again == stored[1:]
    assert journal.size == 3


def test_segments_follow_one_another(tmp_path: Path) -> None:
    folder, journal = a_journal(tmp_path, bytes_max=60)
    for number in range(9):
        journal.write([b"entry %d" % number])
    journal.close()
    assert folder.segments() == [0, 2, 4, 6, 8]
    assert entries_of(folder) == [b"entry %d" % number for number in range(9)]


@pytest.mark.parametrize("cut", range(1, 2 * FRAME_HEADER_BYTES + 6))
def test_a_tail_torn_at_any_byte_is_seen_as_torn(tmp_path: Path, cut: int) -> None:
    folder, journal = a_journal(tmp_path)
    journal.write([b"first", b"second"])
    size = folder.segment(0).stat().st_size
    journal.write([b"third"])
    journal.write([b"fourth"])
    journal.close()
    data = folder.segment(0).read_bytes()
    folder.segment(0).write_bytes(data[: size + cut])
    reading = Reading(folder)
    entries = [stored.entry for stored in reading]
    third = FRAME_HEADER_BYTES + len(b"third")
    assert entries == [b"first", b"second", b"third"][: 2 if cut < third else 3]
    if cut == third:
        assert reading.damage is None
    else:
        assert reading.damage is not None
        assert reading.damage.kind is DamageKind.TORN
        assert reading.damage.index == len(entries)


def test_a_bad_frame_before_a_later_group_is_no_torn_tail(tmp_path: Path) -> None:
    folder, journal = a_journal(tmp_path)
    journal.write([b"first", b"second"])
    journal.write([b"third"])
    journal.close()
    data = bytearray(folder.segment(0).read_bytes())
    for at in range(HEADER_BYTES, len(data) - FRAME_HEADER_BYTES - len(b"third")):
        bent = bytearray(data)
        bent[at] ^= 0x40
        folder.segment(0).write_bytes(bent)
        reading = Reading(folder)
        list(reading)
        assert reading.damage is not None
        assert reading.damage.kind is DamageKind.BROKEN, at
        assert reading.damage.index == (0 if at < HEADER_BYTES + FRAME_HEADER_BYTES + 5 else 1)


def test_a_frame_of_the_last_group_may_be_torn_though_the_next_one_is_whole(
    tmp_path: Path,
) -> None:
    folder, journal = a_journal(tmp_path)
    journal.write([b"first"])
    journal.write([b"second", b"third"])
    journal.close()
    data = bytearray(folder.segment(0).read_bytes())
    data[data.index(b"second")] ^= 1
    folder.segment(0).write_bytes(data)
    reading = Reading(folder)
    assert [stored.entry for stored in reading] == [b"first"]
    assert reading.damage is not None
    assert reading.damage.kind is DamageKind.TORN


def test_damage_in_a_segment_that_is_not_the_last_is_no_torn_tail(tmp_path: Path) -> None:
    folder, journal = a_journal(tmp_path, bytes_max=30)
    journal.write([b"first"])
    journal.write([b"second"])
    journal.close()
    assert folder.segments() == [0, 1]
    first = folder.segment(0)
    whole = first.read_bytes()
    for damaged in (whole[:-1], whole + b"x", whole[:10], b""):
        first.write_bytes(damaged)
        reading = Reading(folder)
        list(reading)
        assert reading.damage is not None
        assert reading.damage.kind is DamageKind.BROKEN


def test_a_missing_segment_is_noticed(tmp_path: Path) -> None:
    folder, journal = a_journal(tmp_path, bytes_max=30)
    for number in range(3):
        journal.write([b"entry %d" % number])
    journal.close()
    folder.segment(1).unlink()
    reading = Reading(folder)
    assert [stored.index for stored in reading] == [0]
    assert reading.damage is not None
    assert "record 2" in reading.damage.reason
    folder.segment(0).unlink()
    reading = Reading(folder)
    assert list(reading) == []
    assert reading.damage is not None
    assert reading.damage.kind is DamageKind.BROKEN


def test_a_place_beyond_the_end_is_noticed(tmp_path: Path) -> None:
    folder, journal = a_journal(tmp_path)
    journal.write([b"first"])
    journal.close()
    reading = Reading(folder, 1, Place(0, 4_000))
    assert list(reading) == []
    assert reading.damage is not None
    assert reading.damage.kind is DamageKind.BROKEN


@pytest.mark.parametrize("left", range(HEADER_BYTES))
def test_a_segment_that_had_only_begun_is_a_torn_tail(tmp_path: Path, left: int) -> None:
    folder, journal = a_journal(tmp_path)
    journal.write([b"first"])
    journal.close()
    folder.segment(1).write_bytes(frames.header(1)[:left])
    reading = Reading(folder)
    assert [stored.entry for stored in reading] == [b"first"]
    assert reading.damage is not None
    assert reading.damage.kind is DamageKind.TORN
    assert reading.last == Place(0, HEADER_BYTES + FRAME_HEADER_BYTES + 5)


def test_a_header_lost_before_a_later_group_is_no_torn_tail(tmp_path: Path) -> None:
    folder, journal = a_journal(tmp_path, bytes_max=30)
    journal.write([b"first"])
    journal.write([b"second"])
    journal._bytes_max = 10_000
    journal.write([b"third"])
    journal.close()
    data = folder.segment(1).read_bytes()
    folder.segment(1).write_bytes(bytes(HEADER_BYTES) + data[HEADER_BYTES:])
    reading = Reading(folder)
    list(reading)
    assert reading.damage is not None
    assert reading.damage.kind is DamageKind.BROKEN


@pytest.mark.parametrize("cut", [3, HEADER_BYTES - 1, HEADER_BYTES + 30, HEADER_BYTES + 60])
def test_what_is_still_being_written_is_read_on_the_second_look(
    tmp_path: Path, monkeypatch, cut: int
) -> None:
    """A writer completes the segment between the first look and the second."""
    folder, journal = a_journal(tmp_path)
    for entry in (b"first", b"second", b"third"):
        journal.write([entry])
    journal.close()
    path = folder.segment(0)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    look = reading_module.look

    def overtaken(file: BinaryIO, offset: int, index: int) -> object:
        found = look(file, offset, index)
        path.write_bytes(whole)
        return found

    monkeypatch.setattr(reading_module, "look", overtaken)
    reading = Reading(folder)
    assert [stored.entry for stored in reading] == [b"first", b"second", b"third"]
    assert reading.damage is None


def test_a_journal_that_is_not_hurt_has_nothing_to_heal(tmp_path: Path) -> None:
    folder, journal = a_journal(tmp_path)
    journal.write([b"first"])
    journal.heal()
    assert not journal.wounded
    journal.close()
    assert entries_of(folder) == [b"first"]


def test_only_segments_are_read_as_segments(tmp_path: Path) -> None:
    folder, journal = a_journal(tmp_path)
    journal.write([b"first"])
    journal.close()
    (folder.journal / "notes.txt").write_text("x")
    (folder.journal / "1.seg").write_text("x")
    assert entries_of(folder) == [b"first"]
    assert not is_segment("00000000000000000000")
    assert not is_segment("0000000000000000000x.seg")


@pytest.mark.anyio
@pytest.mark.parametrize("cut", [1, 100, 250])
async def test_a_torn_journal_tail_is_cut_and_recorded(tmp_path: Path, cut: int) -> None:
    paths = a_new_ledger(tmp_path)
    files = MortalFiles(10_000)
    ledger = await opened(paths, Options(files=files))
    await ledger.append(a_request(ledger)[0])
    await kill(ledger, files)
    path = paths.folder.segment(paths.folder.segments()[-1])
    path.write_bytes(path.read_bytes()[:-cut])
    async with a_boot(paths):
        pass
    report = check_log(paths)
    assert (report.decided, report.attempted, report.lost) == (1, 0, 1)
    text = b"".join(stored.entry for stored in Reading(paths.folder))
    assert b'"cut_bytes":' in text
    assert text.count(b'"recovered"') == 1


@pytest.mark.anyio
async def test_what_lies_below_the_checkpoint_is_never_cut(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
    path = paths.folder.segment(paths.folder.segments()[-1])
    whole = path.read_bytes()
    for size in (len(whole) - 1, HEADER_BYTES, 3, 0):
        path.write_bytes(whole[:size])
        with pytest.raises(ChainBroken):
            await opened(paths)
        assert path.read_bytes() == whole[:size]
    path.unlink()
    with pytest.raises(ChainBroken):
        await opened(paths)
    path.write_bytes(whole)
    async with a_boot(paths):
        pass
    check_log(paths)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("tail", "why"),
    [
        (frames.frame(b"{}", 0), "not written by a gateway of this log"),
        (frames.frame(b"{}", 0)[:-1] + frames.frame(b"{}", 99), "written later"),
    ],
)
async def test_a_tail_that_no_crash_leaves_is_refused(
    tmp_path: Path, tail: bytes, why: str
) -> None:
    paths = a_new_ledger(tmp_path)
    with paths.folder.segment(0).open("ab") as file:
        file.write(tail)
    with pytest.raises(ChainBroken, match=why):
        await opened(paths)
