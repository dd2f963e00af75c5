"""What the verifier that stands alone refuses to read: other fields, other times, endless files."""

import os
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.audit import checkpoint
from gateway.audit.canonical import encode
from gateway.audit.cosignature import cosigner_of, with_signatures
from gateway.audit.verify import verify
from tests.doubles.records import NOW_US, an_admin
from tests.doubles.static_logs import (
    ALONE,
    CREATED,
    KEY,
    ORIGIN,
    STARTED,
    VKEY,
    WITNESS,
    WITNESS_KEY,
    head_of,
    judged,
    many,
    note_of,
    write_log,
)

SMALL = list(many(20))
S = 1_000_000


def both(entries: list[bytes], tmp_path: Path) -> list[tuple[str, int | None]]:
    """Return what both verifiers say of a log that its key signed."""
    note = write_log(tmp_path / "log", entries)
    report, own = judged(tmp_path / "log"), verify(entries, note, VKEY)
    shutil.rmtree(tmp_path / "log")
    return [(report["verdict"], report["first_bad"]), (str(own.verdict), own.first_bad)]


def after(entry: bytes, name: bytes, more: bytes) -> bytes:
    at = entry.index(name) + len(name)
    return entry[:at] + more + entry[at:]


BENT = {
    "a field of a decision": lambda e: after(e[2], b'"boundary":["on_prem"],', b'"bound":1,'),
    "a field of a record": lambda e: e[2].replace(b'"demo":false', b'"demo":false,"demp":false'),
    "a field less": lambda e: e[2].replace(b'"demo":false,', b""),
    "a field of a decision less": lambda e: e[2].replace(b',"reason":"permitted"', b""),
    "a version that is no number": lambda e: e[2].replace(b'"v":1', b'"v":true'),
    "a type of no record": lambda e: e[2].replace(b'"type":"decided"', b'"type":"decision"'),
    "a type that is a list": lambda e: e[2].replace(b'"type":"decided"', b'"type":[]'),
    "an id that is a number": lambda e: e[2].replace(
        b'"id":"019aa000-0000-7000-9000-000000000001"', b'"id":7'
    ),
}


@pytest.mark.parametrize("how", BENT)
def test_what_no_record_has_is_refused_by_both(tmp_path: Path, how: str) -> None:
    bent = BENT[how](SMALL)
    assert bent != SMALL[2]
    entries = [*SMALL[:2], bent, *SMALL[3:]]
    assert both(entries, tmp_path) == [("tampered", 2)] * 2


@pytest.mark.parametrize("depth", [40, 20_000])
def test_what_is_nested_without_end_is_named_and_stalls_nobody(tmp_path: Path, depth: int) -> None:
    entry = encode(an_admin("quarantined", facts={"x": 7}))
    deep = entry.replace(b"7}", b"[" * depth + b"]" * depth + b"}")
    assert both([*SMALL[:2], deep], tmp_path) == [("tampered", 2)] * 2


def cosigned(note: str, time_s: int) -> str:
    """Return the note with a signature of a witness at that time, which ours would not make."""
    text = note.partition("\n\n")[0] + "\n"
    message = f"cosignature/v1\ntime {time_s}\n{text}".encode()
    key_id = cosigner_of(WITNESS, WITNESS_KEY).key_id
    data = key_id + time_s.to_bytes(8) + WITNESS_KEY.sign(message)
    line = f"— {WITNESS} {checkpoint.b64encode(data).decode()}\n"
    return with_signatures(note, [line])


@pytest.mark.parametrize(("time_s", "verdict"), [(2**63 - 1, "whole"), (2**63, "tampered")])
def test_a_time_that_no_witness_signs_is_no_cosignature(tmp_path: Path, time_s, verdict) -> None:
    write_log(tmp_path, SMALL, cosigned(note_of(head_of(SMALL)), time_s))
    report = judged(tmp_path, "--cosigner", cosigner_of(WITNESS, WITNESS_KEY))
    assert report["verdict"] == verdict


def beat(after_s: float, what: str = "heartbeat", **more) -> bytes:
    at = NOW_US + int(after_s * S)
    return encode(an_admin(what, f"{what}/{after_s}", ts_us=at, **more))


def test_silences_of_a_running_gateway_are_counted_as_ours_counts_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started = encode(replace(STARTED, facts={"heartbeat_s": 60}))
    stepped = beat(100, "clock_stepped", facts={"from_us": NOW_US})
    again = beat(9_000, "started", boot="again", facts={"heartbeat_s": 60})
    patient = encode(replace(STARTED, facts={"heartbeat_s": 10**9}))
    note = write_log(tmp_path / "patient", [encode(CREATED), patient, beat(9_000)])
    assert judged(tmp_path / "patient")["gaps"] == 1, note
    stories = {
        0: [beat(60), beat(125), beat(185)],
        1: [beat(91), beat(95)],
        2: [beat(60), beat(200), beat(201), beat(400), stepped, beat(160)],
        3: [
            beat(300),
            beat(301, "stopped"),
            again,
            beat(9_300, boot="again"),
            beat(9_600, boot="again"),
        ],
    }
    for gaps, told in stories.items():
        entries = [encode(CREATED), started, *told]
        note = write_log(tmp_path / str(gaps), entries)
        report, own = judged(tmp_path / str(gaps)), verify(entries, note, VKEY)
        assert (report["gaps"], own.gaps) == (gaps, gaps), report
        assert report["silence_s"] == own.silence_us // S
        assert ALONE.main([str(tmp_path / str(gaps)), "--vkey", VKEY]) == 0
        said = capsys.readouterr().out
        assert (f"{gaps} were longer than its heartbeats allow" in said) == bool(gaps)
    assert report["silent_before"] == [2, 5, 6]


def test_a_checkpoint_of_more_records_than_there_are_stalls_nobody(tmp_path: Path) -> None:
    head = head_of(SMALL)
    size = 9_000_000_000_000_000_000
    text = checkpoint.body(ORIGIN, size, head.root)
    write_log(tmp_path, SMALL, checkpoint.sign(text, ORIGIN, KEY))
    report = judged(tmp_path)
    assert (report["verdict"], report["first_bad"]) == ("tampered", 0)


def test_a_pipe_in_place_of_any_file_of_a_bundle_stalls_nobody(tmp_path: Path) -> None:
    write_log(tmp_path / "log", SMALL)
    for name in ("records.jsonl", "MANIFEST.json", "MANIFEST.sig", "last", "SHARDS.json"):
        place = tmp_path / "log" / name
        os.mkfifo(place)
        assert judged(tmp_path / "log")["verdict"] != "whole", name
        place.unlink()
    assert judged(tmp_path / "log")["verdict"] == "whole"
