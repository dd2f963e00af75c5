from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.canonical import encode
from gateway.audit.checkpoint import body, sign, vkey_of
from gateway.audit.tree import Head, leaf_hash, root_of
from gateway.audit.unsealed import UNSEALED_RECORDS_MAX, UNSEALED_SPAN_US_MAX
from gateway.audit.verify import Report, Verdict, verify
from gateway.domain.route import OutcomeKind
from tests.doubles.granted import a_grant
from tests.doubles.records import NOW_US, a_decided, a_settled, an_admin, an_attempted, an_id

ORIGIN = "perimeter.example/gw-0"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
VKEY = str(vkey_of(ORIGIN, KEY))
RECORDS = [
    an_admin("created", boot="", facts={"origin": ORIGIN}),
    an_admin("started"),
    a_decided("one"),
    an_attempted("one"),
    a_decided("two"),
    a_settled("one"),
    an_admin("started", "again", boot="later"),
    a_settled("two", boot="later", outcome=OutcomeKind.LOST),
    a_decided("three", boot="later"),
    an_admin("quarantined", boot="later", facts={"backend": "a"}),
    an_admin("quarantined", "other", boot="later", facts={"backend": "b"}),
]
ENTRIES = [encode(record) for record in RECORDS]
OTHER, THIRD = an_id("other").encode(), an_id("third").encode()
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def checkpoint_of(entries: list[bytes]) -> str:
    root = root_of(leaf_hash(entry) for entry in entries)
    return sign(body(ORIGIN, len(entries), root), ORIGIN, KEY)


NOTE = checkpoint_of(ENTRIES)


def read(entries, **known) -> Report:
    return verify(entries, NOTE, VKEY, **known)


def test_a_whole_log_is_whole_and_counted() -> None:
    report = read(ENTRIES)
    assert report.verdict is Verdict.WHOLE
    assert (report.reason, report.first_bad) == ("", None)
    assert (report.records, report.size, report.unsealed) == (11, 11, 0)
    assert (report.decided, report.attempted, report.settled, report.admin) == (3, 1, 2, 5)
    assert (report.open, report.lost, report.origin) == (1, 1, ORIGIN)


def test_records_after_the_checkpoint_are_counted_as_unsealed() -> None:
    report = verify(ENTRIES, checkpoint_of(ENTRIES[:6]), VKEY)
    assert (report.verdict, report.size, report.unsealed) == (Verdict.WHOLE, 6, 5)


def test_what_breaks_a_rule_after_the_checkpoint_is_named_too() -> None:
    report = verify([*ENTRIES, ENTRIES[2]], NOTE, VKEY)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 11)


def edited(at: int) -> list[bytes]:
    changed = ENTRIES[at].replace(b"1795262400000000", b"1795262400000001")
    assert changed != ENTRIES[at]
    return [*ENTRIES[:at], changed, *ENTRIES[at + 1 :]]


def swapped(at: int) -> list[bytes]:
    there = (at + 1) % len(ENTRIES)
    changed = list(ENTRIES)
    changed[at], changed[there] = changed[there], changed[at]
    return changed


TAMPERINGS = {
    "edited": edited,
    "deleted": lambda at: [*ENTRIES[:at], *ENTRIES[at + 1 :]],
    "swapped": swapped,
    "inserted": lambda at: [*ENTRIES[:at], ENTRIES[at], *ENTRIES[at:]],
    "cut off": lambda at: ENTRIES[:at],
}


@pytest.mark.parametrize("how", TAMPERINGS)
@pytest.mark.parametrize("at", range(len(ENTRIES)))
def test_any_tampering_is_noticed_and_the_first_bad_record_named(how: str, at: int) -> None:
    changed = TAMPERINGS[how](at)
    report = read(changed, leaves=LEAVES)
    first = next(
        (i for i, (a, b) in enumerate(zip(changed, ENTRIES, strict=False)) if a != b),
        min(len(changed), len(ENTRIES)),
    )
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, first), report
    assert str(first) in report.reason
    assert read(changed).verdict is Verdict.TAMPERED


def test_without_leaves_a_kept_root_narrows_the_place() -> None:
    known = [Head(size, root_of(LEAVES[:size])) for size in (9, 10)]
    report = read(edited(9), known=known)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 9)
    report = read(edited(10), known=known[:1])
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, None)
    assert "records 9 to 10" in report.reason


def test_leaves_that_do_not_give_the_signed_root_are_not_believed() -> None:
    lying = [leaf_hash(entry) for entry in edited(5)]
    report = read(edited(9), leaves=lying)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, None)
    assert "one of the records 0 to 10" in report.reason
    assert read(ENTRIES, leaves=lying).verdict is Verdict.WHOLE


def test_a_broken_rule_tells_more_than_a_root_that_differs() -> None:
    removed = [*ENTRIES[:4], *ENTRIES[5:], ENTRIES[-1].replace(OTHER, THIRD)]
    report = read(removed)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 6)
    assert "root differs" in report.reason
    assert "not decided" in report.reason


def test_the_earlier_of_two_faults_is_named() -> None:
    known = [Head(size, root_of(LEAVES[:size])) for size in (5, 6)]
    report = read([*edited(5)[:7], ENTRIES[5], *ENTRIES[8:]], known=known)
    assert report.first_bad == 5


def test_a_history_that_was_signed_again_is_convicted_by_an_older_checkpoint() -> None:
    forged = edited(9)
    note = checkpoint_of(forged)
    assert verify(forged, note, VKEY).verdict is Verdict.WHOLE
    anchored = [Head(10, root_of(LEAVES[:10]))]
    report = verify(forged, note, VKEY, anchored, [leaf_hash(entry) for entry in forged])
    assert report.verdict is Verdict.TAMPERED
    assert "records 0 to 9" in report.reason


def test_a_kept_root_of_a_longer_log_convicts_a_shorter_one() -> None:
    note = checkpoint_of(ENTRIES[:5])
    report = verify(ENTRIES[:5], note, VKEY, [Head(11, root_of(LEAVES))])
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 5)
    assert "has 11 records" in report.reason


def test_two_roots_of_one_size_cannot_both_be_right() -> None:
    assert read(ENTRIES, known=[Head(11, root_of(LEAVES[:3]))]).verdict is Verdict.TAMPERED
    assert read(ENTRIES, known=[Head(0, LEAVES[0])]).verdict is Verdict.TAMPERED


def test_a_checkpoint_of_another_key_or_log_is_tampering() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    report = verify(ENTRIES, NOTE, str(vkey_of(ORIGIN, other)))
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, None)
    report = verify(ENTRIES, "nonsense", VKEY)
    assert report.verdict is Verdict.TAMPERED


def test_a_log_of_another_origin_is_tampering() -> None:
    entries = [encode(an_admin("created", boot="", facts={"origin": "another/log"}))]
    report = verify(entries, checkpoint_of(entries), VKEY)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 0)


def test_a_key_that_cannot_be_read_verifies_nothing() -> None:
    assert verify(ENTRIES, NOTE, "no key").verdict is Verdict.UNREADABLE


def test_an_entry_that_is_no_record_is_named() -> None:
    entries = [*ENTRIES, b"{}"]
    report = verify(entries, checkpoint_of(entries), VKEY)
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 11)
    assert "no record" in report.reason


def tail_of(*records) -> Report:
    """Verify a log whose public checkpoint of one record was put back."""
    entries = [encode(record) for record in (RECORDS[0], RECORDS[1], *records)]
    return verify(entries, checkpoint_of(entries[:1]), VKEY)


def requests(count: int, **fields) -> list:
    return [a_decided(f"r{number}", **fields) for number in range(count)]


def test_more_records_than_a_writer_leaves_without_a_checkpoint_are_tampering() -> None:
    report = tail_of(*requests(UNSEALED_RECORDS_MAX))
    assert (report.verdict, report.unsealed) == (Verdict.WHOLE, UNSEALED_RECORDS_MAX + 1)
    report = tail_of(*requests(UNSEALED_RECORDS_MAX + 1))
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, UNSEALED_RECORDS_MAX + 2)
    assert "more records" in report.reason


def test_more_time_than_a_writer_leaves_without_a_checkpoint_is_tampering() -> None:
    end = NOW_US + UNSEALED_SPAN_US_MAX
    assert tail_of(a_decided("r", ts_us=end)).verdict is Verdict.WHOLE
    report = tail_of(a_decided("r", ts_us=end + 1))
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 2)
    assert "more time" in report.reason


def test_starts_that_fail_before_a_checkpoint_are_no_tampering() -> None:
    starts = [
        an_admin("started", f"s{number}", boot=f"b{number}", ts_us=NOW_US + number * 10_000_000)
        for number in range(UNSEALED_RECORDS_MAX + 9)
    ]
    assert tail_of(*starts).verdict is Verdict.WHOLE


def test_a_clock_that_steps_spans_no_time() -> None:
    stepped = an_admin("clock_stepped", ts_us=NOW_US - 10 * UNSEALED_SPAN_US_MAX)
    assert tail_of(stepped, a_decided("r", ts_us=stepped.ts_us)).verdict is Verdict.WHOLE


def test_what_a_kept_checkpoint_covers_is_proven() -> None:
    entries = [encode(record) for record in (*RECORDS[:2], *requests(UNSEALED_RECORDS_MAX + 1))]
    kept = [Head(len(entries) - 5, root_of(map(leaf_hash, entries[:-5])))]
    report = verify(entries, checkpoint_of(entries[:1]), VKEY, kept)
    assert (report.verdict, report.size, report.unsealed) == (Verdict.WHOLE, 1, 5)


def test_a_grant_of_which_no_record_before_tells_names_the_first_decision() -> None:
    now = datetime.fromtimestamp(NOW_US // 1_000_000, UTC)
    times = {"from_us": NOW_US, "until_us": NOW_US + 9_000_000}
    told = an_admin("approval_used", facts={"approval": "sha256:one", **times})
    one, two = (
        a_grant(f"sha256:{name}", begins=now, until=now + timedelta(seconds=9))
        for name in ("one", "two")
    )
    granted = [a_decided("one", granted=one), a_decided("two", granted=two)]
    for records, first_bad in (
        ((told, granted[0]), None),
        ((told, *granted), 4),
        ((granted[1], granted[0], told), 2),
    ):
        entries = [encode(record) for record in (*RECORDS[:2], *records)]
        report = verify(entries, checkpoint_of(entries), VKEY)
        whole = Verdict.WHOLE if first_bad is None else Verdict.TAMPERED
        assert (report.verdict, report.first_bad) == (whole, first_bad), report
    former = {"origin": "x", "size": 1, "root": "00"}
    created = an_admin("created", boot="", facts={"origin": ORIGIN, "former": former})
    entries = [encode(record) for record in (created, RECORDS[1], *granted)]
    report = verify(entries, checkpoint_of(entries), VKEY)
    assert report.verdict is Verdict.WHOLE
    signed = [(one.id, *times.values()) for one in (one, two)]
    assert report.granted == {signed[0]: 2, signed[1]: 3}
    assert (report.began_us, report.latest_us, report.approved) == (NOW_US, NOW_US, frozenset())
