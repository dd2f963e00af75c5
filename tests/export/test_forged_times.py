"""What an exporter of a time, who has the key, could leave out or put in, and what he cannot."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.audit.canonical import encode
from gateway.audit.record import Record
from gateway.domain.decision import Effect
from gateway.domain.route import OutcomeKind
from gateway.export.bundle import About, Source, seal_bundle, write_bundle
from gateway.export.selection import Asked
from gateway.ledger.signing import SigningKey
from tests.doubles.records import (
    NOW_US,
    a_decided,
    a_decision,
    a_settled,
    an_admin,
    an_attempted,
    an_id,
)
from tests.doubles.static_logs import CREATED, KEY, ORIGIN, STARTED, judged, write_journal

S = 1_000_000
HOUR = 3_600 * S
LATER = "later"
ABOUT = About("sha256:ada", NOW_US, "perimeter 0")
# The time of every export here: the second boot lies inside it, the first one before it.
ASKED = Asked(NOW_US + HOUR, NOW_US + 3 * HOUR)


# What a record of the second boot has beside its own fields.
WITHIN: dict[str, Any] = {"boot": LATER, "ts_us": NOW_US + 2 * HOUR}
BOOTED: tuple[Record, ...] = (
    CREATED,
    STARTED,
    a_decided("early"),
    an_admin("stopped"),
    an_admin("started", "again", boot=LATER, ts_us=NOW_US + HOUR + S),
)
AFTER = an_admin("heartbeat", boot=LATER, ts_us=NOW_US + 4 * HOUR)
INSIDE = len(BOOTED)
LATE = an_id("late")
DOCUMENT = "sha256:" + "a" * 64
# What is said where nothing else is wrong: no document is beside these records.
MISSING = f"record {INSIDE}: the document {DOCUMENT} is missing"


def exported(root: Path, records: Iterable[Record], run: tuple[int, int] | None = None) -> dict:
    """Return the verdict on an export of the time; `run` is what its exporter says it holds."""
    folder = write_journal(root / "ledger", map(encode, records))
    source = Source(folder, SigningKey(ORIGIN, KEY))
    manifest = write_bundle(source, ASKED, ABOUT, root / "out")
    if run is not None:
        path = root / "out/records.jsonl"
        lines, first = path.read_bytes().splitlines(keepends=True), manifest.selection.first
        kept = lines[max(0, run[0] - first) : max(0, run[1] + 1 - first)] if run[1] >= 0 else []
        path.write_bytes(b"".join(kept))
        told = replace(manifest.selection, first=run[0], last=run[1])
        manifest = replace(manifest, selection=told, records=len(kept))
    seal_bundle(source, manifest, root / "out")
    return judged(root / "out")


def of_the_second_boot(*records: Record) -> list[Record]:
    return [*BOOTED, *records, AFTER]


A_REQUEST = of_the_second_boot(
    a_decided("r", **WITHIN),
    an_attempted("r", **WITHIN),
    a_settled("r", **WITHIN),
)


@pytest.mark.parametrize("run", [(0, -1), (4, 3), (8, 7), (7, 2)])
def test_a_time_of_which_no_record_is_here_is_not_shown_to_be_empty(tmp_path: Path, run) -> None:
    report = exported(tmp_path, A_REQUEST, run)
    assert (report["verdict"], "no record" in report["reason"]) == ("tampered", True), report


def test_an_attempt_that_nobody_decided_is_named_by_its_boot_that_began_in_that_time(
    tmp_path: Path,
) -> None:
    never = an_attempted("never", zone="us_cloud", **WITHIN)
    report = exported(tmp_path / "tried", of_the_second_boot(never))
    assert (report["verdict"], report["first_bad"]) == ("tampered", INSIDE), report
    ended = a_settled("never", **WITHIN)
    report = exported(tmp_path / "ended", of_the_second_boot(ended))
    assert (report["verdict"], report["first_bad"]) == ("tampered", INSIDE), report


def test_a_silence_within_that_time_counts_also_of_a_boot_that_had_started_before(
    tmp_path: Path,
) -> None:
    before = an_admin("heartbeat", "before", ts_us=NOW_US + HOUR - S)
    late = [an_admin("heartbeat", str(n), ts_us=NOW_US + HOUR + n * HOUR // 2) for n in range(4)]
    honest = [CREATED, STARTED, before, *late[:3], an_admin("heartbeat", ts_us=NOW_US + 3 * HOUR)]
    report = exported(tmp_path / "honest", honest)
    assert (report["verdict"], report["gaps"]) == ("whole", 0), report
    report = exported(tmp_path / "silent", [*honest[:4], honest[-1]])
    assert (report["verdict"], report["gaps"]) == ("whole", 1), report


@pytest.mark.parametrize(
    ("run", "first_bad"), [((2, 7), None), ((4, 7), 4), ((2, 5), 5), ((2, 6), 6)]
)
def test_no_record_near_an_end_of_the_time_is_left_out_for_it_came_late(
    tmp_path: Path, run: tuple[int, int], first_bad: int | None
) -> None:
    """Records may lie a minute before earlier ones: those beside the time are not its ends."""
    begin_us, end_us = ASKED.from_us or 0, ASKED.to_us or 0
    times = [begin_us - HOUR, begin_us + 5 * S, begin_us - 5 * S, end_us, end_us - S, end_us + HOUR]
    beats = [an_admin("heartbeat", f"beat/{one}", ts_us=one) for one in times]
    report = exported(tmp_path, [CREATED, STARTED, *beats, replace(beats[-1], id=LATE)], run)
    verdict = "whole" if first_bad is None else "tampered"
    assert (report["verdict"], report["first_bad"]) == (verdict, first_bad), report


def test_a_request_of_an_earlier_boot_is_lost_in_that_time(tmp_path: Path) -> None:
    lost = a_settled("early", outcome=OutcomeKind.LOST, **WITHIN)
    report = exported(tmp_path, of_the_second_boot(lost))
    assert (report["verdict"], report["begun_earlier"]) == ("whole", 1), report


def test_a_decision_of_that_time_says_by_which_documents_as_the_others_do(tmp_path: Path) -> None:
    named = a_decided("r", documents={"policy": DOCUMENT}, **WITHIN)
    none = a_decided("s", **WITHIN)
    report = exported(tmp_path / "none", of_the_second_boot(named, none))
    assert (report["verdict"], report["first_bad"]) == ("tampered", INSIDE + 1), report
    report = exported(tmp_path / "first", of_the_second_boot(none, named))
    assert (report["verdict"], report["first_bad"]) == ("tampered", INSIDE), report
    assert "by which documents" in report["reason"]
    before = a_decided("s", decision=a_decision(effect=Effect.REFUSED), **WITHIN)
    report = exported(tmp_path / "refused", of_the_second_boot(named, before))
    assert (report["verdict"], report["reason"]) == ("tampered", MISSING), report
