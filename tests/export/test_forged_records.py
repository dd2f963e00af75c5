"""What the holder of the key writes and signs: grants and times that no gateway would tell."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import checkpoint
from gateway.audit.canonical import encode
from gateway.audit.checkpoint import vkey_of
from gateway.audit.verify import verify
from gateway.cli.verify import lines
from gateway.domain.grant import Grant
from tests.doubles.granted import a_grant
from tests.doubles.records import NOW_US, a_decided, an_admin
from tests.doubles.static_logs import (
    ALONE,
    CREATED,
    KEY,
    ORIGIN,
    STARTED,
    VKEY,
    head_of,
    judged,
    many,
    note_of,
    write_log,
)

S = 1_000_000
DIGEST = "sha256:" + "9" * 64
SMALL = list(many(20))
FRESH = Ed25519PrivateKey.from_private_bytes(b"2" * 32)


def at_times(begins_s: int, until_s: int) -> Grant:
    now = datetime.fromtimestamp(NOW_US // S, UTC)
    begins, until = (now + timedelta(seconds=one) for one in (begins_s, until_s))
    return a_grant(DIGEST, begins=begins, until=until)


GRANT = at_times(-9, 9)
SIGNED = {
    "approval": DIGEST,
    "action": "waiver",
    "from_us": NOW_US - 9 * S,
    "until_us": NOW_US + 9 * S,
}


def of_both(tmp_path: Path, *records) -> tuple[str, int | None]:
    """Return what both verifiers say of a log that was signed, which must be the same."""
    entries = [encode(record) for record in (CREATED, STARTED, *records)]
    note = write_log(tmp_path / "log", entries)
    report, own = judged(tmp_path / "log"), verify(entries, note, VKEY)
    shutil.rmtree(tmp_path / "log")
    said = (report["verdict"], report["first_bad"])
    assert said == (str(own.verdict), own.first_bad), (report, own)
    return said


def at_mono(after_s: int, mono_s: int, name: str = "b", what: str = "heartbeat"):
    return an_admin(what, name, ts_us=NOW_US + after_s * S, mono_us=mono_s * S)


def test_both_hold_the_time_against_the_clock_that_nobody_sets(tmp_path: Path, capsys) -> None:
    one = at_mono(10, 100)
    assert of_both(tmp_path, one, at_mono(20, 39, "c")) == ("tampered", 3)
    stories = {
        0: [one, at_mono(20, 110, "c")],
        90: [one, at_mono(110, 110, "c")],
        5: [one, at_mono(-900, 110, "c", "clock_stepped"), at_mono(-885, 120, "d")],
    }
    for apart_s, told in stories.items():
        entries = [encode(record) for record in (CREATED, STARTED, *told)]
        note = write_log(tmp_path / str(apart_s), entries)
        report, own = judged(tmp_path / str(apart_s)), verify(entries, note, VKEY)
        assert (report["apart_s"], own.apart_us) == (apart_s, apart_s * S), report
        assert ALONE.main([str(tmp_path / str(apart_s)), "--vkey", VKEY]) == 0
        line = "the clock moved 90 s against the machine's own within a run, of which no record"
        assert (line in capsys.readouterr().out) == (apart_s == 90)
        assert any(line in one for one in lines(own)) == (apart_s == 90)


def test_a_grant_needs_a_record_before_it_that_tells_who_signed_it(tmp_path: Path) -> None:
    used = an_admin("approval_used", facts=SIGNED)
    other = an_admin("approval_used", facts=SIGNED | {"approval": DIGEST[:-1] + "8"})
    granted = a_decided("r", granted=GRANT)
    assert of_both(tmp_path, used, granted) == ("whole", None)
    assert of_both(tmp_path, granted) == ("tampered", 2)
    assert of_both(tmp_path, other, granted) == ("tampered", 3)
    assert of_both(tmp_path, granted, used) == ("tampered", 2)


@pytest.mark.parametrize(
    ("begins_s", "until_s", "is_whole"),
    [(-9, 9, True), (0, 0, True), (61, 99, False), (-99, -60, False), (-10, 9, False)],
    ids=["in effect", "a little late", "not begun", "ended", "longer than was signed"],
)
def test_a_grant_counts_while_it_was_signed_for(tmp_path, begins_s, until_s, is_whole) -> None:
    grant = at_times(begins_s, until_s)
    times = {"from_us": NOW_US + begins_s * S, "until_us": NOW_US + until_s * S}
    told = SIGNED | (times if begins_s != -10 else {})
    used = an_admin("approval_used", facts=told)
    said = ("whole", None) if is_whole else ("tampered", 3)
    assert of_both(tmp_path, used, a_decided("r", granted=grant)) == said


def test_a_grant_that_was_ended_before_its_time_counts_no_longer(tmp_path: Path) -> None:
    used = an_admin("approval_used", facts=SIGNED)
    grant = at_times(-9, 900)
    used = an_admin("approval_used", facts=SIGNED | {"until_us": NOW_US + 900 * S})
    ended = an_admin("waiver_ended", facts={"approval": DIGEST, "reason": "revoked"})
    near, late = (a_decided("r", ts_us=NOW_US + after * S, granted=grant) for after in (59, 60))
    assert of_both(tmp_path, used, late) == ("whole", None)
    assert of_both(tmp_path, used, ended, near) == ("whole", None)
    assert of_both(tmp_path, used, ended, late) == ("tampered", 4)


TAKEN_OUT = {
    "key_rotated": {"vkey": str(vkey_of(ORIGIN, FRESH))},
    "wrapping_key_rotated": {"keys": 3},
    "audit_queried": {"question": "boundary", "by": "uid:1000"},
    "waiver_ended": {"approval": DIGEST},
    "pruned": {"origin": "perimeter.example/a", "size": 9, "root": "ab" * 32},
}


@pytest.mark.parametrize("what", TAKEN_OUT)
def test_a_record_that_was_taken_out_again_is_missed_by_whoever_kept_a_checkpoint(
    tmp_path: Path, what: str
) -> None:
    """The former key signs a history without it: with that key alone nobody can tell."""
    told = [CREATED, STARTED, an_admin(what, facts=TAKEN_OUT[what]), an_admin("heartbeat", "b")]
    honest = [encode(record) for record in told]
    forged = [*honest[:2], *honest[3:], encode(an_admin("heartbeat", "c"))]
    head = head_of(honest)
    text = checkpoint.body(ORIGIN, head.size, head.root)
    note = checkpoint.sign(text, ORIGIN, KEY, FRESH)
    (tmp_path / "kept").write_text(note)
    write_log(tmp_path / "honest", honest, note)
    assert judged(tmp_path / "honest", "--kept", tmp_path / "kept")["verdict"] == "whole"
    again = write_log(tmp_path / "forged", forged)
    assert judged(tmp_path / "forged")["verdict"] == verify(forged, again, VKEY).verdict == "whole"
    assert judged(tmp_path / "forged", "--kept", tmp_path / "kept")["verdict"] == "tampered"
    assert verify(forged, again, VKEY, [head]).verdict == "tampered"


def test_a_heartbeat_that_lies_about_its_time_is_named(tmp_path: Path) -> None:
    beats = [an_admin("heartbeat", f"b{n}", ts_us=NOW_US + n * 60 * S) for n in range(1, 6)]
    assert of_both(tmp_path, *beats) == ("whole", None)
    back = an_admin("heartbeat", "back", ts_us=NOW_US + 3 * 60 * S)
    assert of_both(tmp_path, *beats, back) == ("tampered", 7)
    ahead = [*beats[:2], beats[4], beats[2]]
    assert of_both(tmp_path, *ahead) == ("tampered", 5)


def test_a_heartbeat_that_was_put_in_later_does_not_grow_from_what_was_kept(tmp_path) -> None:
    """Without a key it fits no checkpoint; with it, none that somebody kept."""
    beat = encode(an_admin("heartbeat", "forged"))
    forged = [*SMALL[:2], beat, *SMALL[2:]]
    write_log(tmp_path / "without", forged, note_of(head_of(SMALL)))
    assert judged(tmp_path / "without")["verdict"] == "tampered"
    write_log(tmp_path / "with", forged)
    assert judged(tmp_path / "with")["verdict"] == "whole"
    (tmp_path / "kept").write_text(note_of(head_of(SMALL[:9])))
    assert judged(tmp_path / "with", "--kept", tmp_path / "kept")["verdict"] == "tampered"
