"""The verifier that goes with every export: alone, of its own code, and of one mind with ours."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.audit.canonical import encode
from gateway.audit.cosignature import cosign, cosigner_of, with_signatures
from gateway.audit.tiles import ENTRIES, Tile, tile_of, tiles_of
from gateway.audit.tree import Head, leaf_hash
from gateway.audit.verify import Report, verify
from gateway.export.static_log import write_static_log
from gateway.ledger.verify import verify_folder
from tests.audit.test_tree import ENTRIES as ENTRIES_OF_CT
from tests.audit.test_tree import ROOTS as ROOTS_OF_CT
from tests.doubles.broken_stories import BEGINNING, BROKEN
from tests.doubles.records import an_admin
from tests.doubles.static_logs import (
    ALONE,
    CREATED,
    ORIGIN,
    STARTED,
    VERIFIER,
    VKEY,
    WITNESS,
    WITNESS_KEY,
    head_of,
    judged,
    many,
    note_of,
    write_ledger,
    write_log,
)

SMALL = list(many(20))
TIME_S = 1_795_262_400


def ours(entries: list[bytes], note: str, leaves: list[bytes] | None = None) -> Report:
    return verify(entries, note, VKEY, (), leaves or ())


def of_one_mind(report: dict, own: Report) -> None:
    assert (report["verdict"], report["first_bad"]) == (str(own.verdict), own.first_bad), (
        report,
        own,
    )


def test_it_imports_the_standard_library_and_cryptography_and_nothing_else() -> None:
    tree = ast.parse(VERIFIER.read_text())
    named = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert named - sys.stdlib_module_names == {"cryptography"}


def test_it_runs_alone_from_a_folder_where_nothing_of_ours_can_be_found(tmp_path: Path) -> None:
    write_log(tmp_path / "log", SMALL)
    alone = shutil.copy(VERIFIER, tmp_path / "verify.py")
    program = (
        "import runpy, sys\n"
        "class Nothing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('gateway', 'msgspec'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Nothing())\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    words = [sys.executable, "-I", "-c", program, alone, tmp_path / "log", "--vkey", VKEY]
    said = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith(f"whole: {ORIGIN}, 20 records of a log of 20\n")


@pytest.mark.parametrize("size", range(len(ENTRIES_OF_CT) + 1))
def test_its_tree_has_the_published_roots_of_certificate_transparency(
    tmp_path: Path, size: int
) -> None:
    tile = tmp_path / f"tile/0/000.p/{len(ENTRIES_OF_CT)}"
    tile.parent.mkdir(parents=True)
    tile.write_bytes(b"".join(map(ALONE.leaf, ENTRIES_OF_CT)))
    assert ALONE.Tiles(tmp_path, len(ENTRIES_OF_CT)).root(size).hex() == ROOTS_OF_CT[size]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 600])
def test_a_whole_log_is_whole_for_both(tmp_path: Path, size: int) -> None:
    entries = list(many(size))
    note = write_log(tmp_path, entries)
    report, own = judged(tmp_path), ours(entries, note)
    of_one_mind(report, own)
    assert report["verdict"] == "whole"
    counts = ("records", "decided", "attempted", "settled", "admin", "open", "lost", "size")
    assert {name: report[name] for name in counts} == {name: getattr(own, name) for name in counts}


@pytest.mark.parametrize("records", [1, 256, pytest.param(65_536, marks=pytest.mark.exhaustive)])
def test_a_ledger_on_the_disk_and_its_tiles_are_whole_for_both_commands(
    tmp_path: Path, records: int
) -> None:
    folder = write_ledger(tmp_path / "ledger", records)
    own = verify_folder(folder.root, VKEY)
    write_static_log(folder, tmp_path / "static")
    report = judged(tmp_path / "static")
    of_one_mind(report, own)
    assert (report["verdict"], report["records"], own.records) == ("whole", records, records)
    index = records // 2 // 256 * 256
    bent = tmp_path / "static" / tile_of(ENTRIES, index // 256, records).path
    bent.write_bytes(bent.read_bytes().replace(b'"v":1', b'"v":2', 1))
    report = judged(tmp_path / "static")
    assert (report["verdict"], report["first_bad"]) == ("tampered", index)


def edited(entries: list[bytes], at: int) -> list[bytes]:
    bent = entries[at].replace(b'"v":1', b'"v":2', 1)
    return [*entries[:at], bent, *entries[at + 1 :]]


def swapped(entries: list[bytes], at: int) -> list[bytes]:
    there = at + 1 if at + 1 < len(entries) else at - 1
    changed = list(entries)
    changed[at], changed[there] = changed[there], changed[at]
    return changed


FORGED = encode(an_admin("quarantined", "forged"))
CHANGES: dict[str, Callable[[list[bytes], int], list[bytes]]] = {
    "edited": edited,
    "deleted": lambda entries, at: [*entries[:at], *entries[at + 1 :]],
    "swapped": swapped,
    "inserted": lambda entries, at: [*entries[:at], FORGED, *entries[at:]],
    "doubled": lambda entries, at: [*entries[:at], entries[at], *entries[at:]],
    "cut off": lambda entries, at: entries[:at],
}


@pytest.mark.parametrize("how", CHANGES)
def test_every_change_to_a_record_names_the_first_bad_one_as_ours_does(
    tmp_path: Path, how: str
) -> None:
    """The records are changed, and the tiles are those that were signed."""
    note = note_of(head_of(SMALL))
    leaves = [leaf_hash(entry) for entry in SMALL]
    for at in range(len(SMALL)):
        changed = CHANGES[how](SMALL, at)
        root = tmp_path / str(at)
        write_log(root, changed, note, SMALL)
        # What lies at the name that the signed size asks for.
        (root / "tile/entries/000.p").mkdir(exist_ok=True, parents=True)
        made = root / f"tile/entries/000.p/{len(changed)}"
        if changed:
            made.rename(root / f"tile/entries/000.p/{len(SMALL)}")
        report = judged(root)
        pairs = zip(changed, SMALL, strict=False)
        same = min(len(changed), len(SMALL))
        first = next((i for i, (a, b) in enumerate(pairs) if a != b), same)
        assert (report["verdict"], report["first_bad"]) == ("tampered", first), (at, report)
        own = ours(changed, note, leaves)
        if len(changed) <= len(SMALL):
            of_one_mind(report, own)


@pytest.mark.parametrize("how", ["edited", "deleted", "swapped", "inserted", "doubled"])
def test_tiles_that_were_made_anew_for_changed_records_hide_nothing(
    tmp_path: Path, how: str
) -> None:
    """Without the signing key the checkpoint stays: it does not fit, whatever the tiles say."""
    note = note_of(head_of(SMALL))
    for at in range(len(SMALL)):
        changed = CHANGES[how](SMALL, at)[: len(SMALL)]
        if changed == SMALL:
            continue
        write_log(tmp_path / str(at), changed, note)
        report = judged(tmp_path / str(at))
        assert report["verdict"] == str(ours(changed, note).verdict) == "tampered"


def test_every_tile_that_is_changed_cut_or_missing_is_named(tmp_path: Path) -> None:
    entries = list(many(600))
    write_log(tmp_path, entries)
    for tile in tiles_of(600):
        path = tmp_path / tile.path
        whole = path.read_bytes()
        first = tile.index * 256 << 8 * max(tile.level, 0)
        for data in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-3], whole + b"\x00", b""):
            path.write_bytes(data)
            report = judged(tmp_path)
            assert report["verdict"] == "tampered", (tile, report)
            assert first <= report["first_bad"] <= 600, (tile, report)
        path.unlink()
        report = judged(tmp_path)
        assert (report["verdict"], report["first_bad"]) == ("tampered", first), (tile, report)
        path.write_bytes(whole)
    assert judged(tmp_path)["verdict"] == "whole"


def test_two_tiles_that_were_swapped_are_noticed(tmp_path: Path) -> None:
    write_log(tmp_path, many(600))
    one, two = (tmp_path / Tile(0, index).path for index in (0, 1))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    report = judged(tmp_path)
    assert (report["verdict"], report["first_bad"]) == ("tampered", 0)


def test_a_forged_history_that_was_signed_again_does_not_grow_from_a_kept_checkpoint(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "kept"
    kept.write_text(note_of(head_of(SMALL[:11])))
    forged = [entry.replace(b"key-7", b"key-8") for entry in SMALL]
    write_log(tmp_path / "honest", SMALL)
    write_log(tmp_path / "forged", forged)
    assert judged(tmp_path / "honest", "--kept", kept)["verdict"] == "whole"
    assert judged(tmp_path / "forged")["verdict"] == "whole"
    report = judged(tmp_path / "forged", "--kept", kept)
    assert report["verdict"] == "tampered"
    assert "11 records: one of the records 0 to 10 is" in report["reason"]
    heads = [Head(11, head_of(SMALL[:11]).root)]
    own = verify(forged, note_of(head_of(forged)), VKEY, heads)
    assert str(own.verdict) == "tampered"
    assert "one of the records 0 to 10 is" in own.reason


def test_between_two_kept_checkpoints_the_first_forged_record_is_named(tmp_path: Path) -> None:
    forged = [*SMALL[:7], *(entry.replace(b"vllm", b"sllm") for entry in SMALL[7:])]
    first = next(at for at, (one, two) in enumerate(zip(forged, SMALL, strict=True)) if one != two)
    words = []
    for size in (first, first + 1, first + 5):
        (tmp_path / str(size)).write_text(note_of(head_of(SMALL[:size])))
        words += ["--kept", tmp_path / str(size)]
    write_log(tmp_path / "log", forged)
    report = judged(tmp_path / "log", *words[:4])
    assert (report["verdict"], report["first_bad"]) == ("tampered", first)
    report = judged(tmp_path / "log", *words[:2], *words[4:])
    assert f"one of the records {first} to {first + 4} is" in report["reason"]
    heads = [Head(size, head_of(SMALL[:size]).root) for size in (first, first + 1)]
    own = verify(forged, note_of(head_of(forged)), VKEY, heads)
    assert (str(own.verdict), own.first_bad) == ("tampered", first), own


def test_an_older_copy_that_was_put_back_is_noticed_by_a_kept_checkpoint(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text(note_of(head_of(SMALL)))
    write_log(tmp_path / "log", SMALL[:11])
    report = judged(tmp_path / "log", "--kept", kept)
    assert (report["verdict"], report["first_bad"]) == ("tampered", 11)


@pytest.mark.parametrize("size", range(1, 20))
def test_every_older_checkpoint_of_the_log_fits(tmp_path: Path, size: int) -> None:
    (tmp_path / "kept").write_text(note_of(head_of(SMALL[:size])))
    write_log(tmp_path / "log", SMALL)
    assert judged(tmp_path / "log", "--kept", tmp_path / "kept")["checkpoints"] == 1


@pytest.mark.parametrize(("records", "why"), BROKEN)
def test_a_log_that_was_signed_and_breaks_a_rule_is_named_at_the_same_record(
    tmp_path: Path, records, why: str
) -> None:
    told = [CREATED, STARTED, *records]
    assert len(BEGINNING) == 2
    entries = [encode(record) for record in told]
    note = write_log(tmp_path, entries)
    report, own = judged(tmp_path), ours(entries, note)
    of_one_mind(report, own)
    assert (report["verdict"], report["first_bad"]) == ("tampered", len(told) - 1), why


@pytest.mark.parametrize(
    "bent",
    [
        lambda entry: entry + b" ",
        lambda entry: entry.replace(b'"v":1', b'"v":1.0'),
        lambda entry: entry.replace(b'"v":1', b'"v":NaN'),
        lambda entry: entry.replace(b'"v":1', b'"v":1,"v":1'),
        lambda entry: entry.replace(b'"v":1', b'"v":99'),
        lambda entry: entry.replace(b'"key_id":"key-7",', b""),
        lambda entry: b"[" * 2000,
        lambda entry: b"\xff\xfe",
        lambda entry: b"",
        lambda entry: b"{}",
        lambda entry: b"[]",
        lambda entry: b'"\\ud800"',
        lambda entry: entry.replace(b"019aa000", b"../../a0"),
        lambda entry: entry.replace(b'"decided"', b'"decide"'),
    ],
)
def test_bytes_that_are_no_record_are_named_by_both(tmp_path: Path, bent) -> None:
    entries = [*SMALL[:5], bent(SMALL[5]), *SMALL[6:]]
    note = write_log(tmp_path, entries)
    own = ours(entries, note)
    report = judged(tmp_path)
    of_one_mind(report, own)
    assert report["verdict"] == "tampered"


def cosigned(note: str, *names: str) -> str:
    return with_signatures(note, [cosign(note, name, WITNESS_KEY, TIME_S) for name in names])


def test_the_cosignatures_of_a_quorum_are_asked_for_and_their_times_told(tmp_path: Path) -> None:
    note = cosigned(note_of(head_of(SMALL)), WITNESS)
    write_log(tmp_path, SMALL, note)
    one = ["--cosigner", cosigner_of(WITNESS, WITNESS_KEY)]
    two = [*one, "--cosigner", cosigner_of("witness.example/w2", WITNESS_KEY)]
    assert judged(tmp_path, *one)["cosigned_s"] == {WITNESS: TIME_S}
    assert judged(tmp_path, *two, "--quorum", 1)["verdict"] == "whole"
    report = judged(tmp_path, *two)
    assert report["verdict"] == "tampered"
    assert "1 witnesses signed, 2 are asked for" in report["reason"]


def test_a_cosignature_that_does_not_fit_is_tampering(tmp_path: Path) -> None:
    line = cosign(note_of(head_of(SMALL[:3])), WITNESS, WITNESS_KEY, TIME_S)
    write_log(tmp_path, SMALL, note_of(head_of(SMALL)) + line)
    report = judged(tmp_path, "--cosigner", cosigner_of(WITNESS, WITNESS_KEY))
    assert (report["verdict"], "does not fit" in report["reason"]) == ("tampered", True)


def test_another_key_has_not_signed(tmp_path: Path) -> None:
    write_log(tmp_path, SMALL, note_of(head_of(SMALL), WITNESS_KEY))
    assert judged(tmp_path)["verdict"] == "tampered"


def test_what_cannot_be_used_is_said_and_is_no_verdict(tmp_path: Path) -> None:
    write_log(tmp_path / "log", SMALL)
    assert judged(tmp_path / "nothing")["verdict"] == "unreadable"
    assert judged(tmp_path / "log", vkey=None)["verdict"] == "unreadable"
    (tmp_path / "log" / "vkey").write_text(VKEY)
    assert judged(tmp_path / "log", vkey=None)["verdict"] == "whole"
    assert judged(tmp_path / "log", vkey="")["verdict"] == "unreadable"
    assert judged(tmp_path / "log", vkey="x\x1b[2J")["reason"].startswith("not a key")
    assert judged(tmp_path / "log", vkey=VKEY.replace("gw-0", "gw-1"))["verdict"] == "unreadable"
    assert judged(tmp_path / "log", "--kept", tmp_path / "none")["verdict"] == "unreadable"
    (tmp_path / "log/checkpoint").unlink()
    assert judged(tmp_path / "log")["verdict"] == "unreadable"


@pytest.mark.parametrize(
    "note",
    [
        "",
        "a\n",
        "\n\n",
        "a\n\nb\n",
        f"{ORIGIN}\n20\n!\n\n— a b\n",
        f"{ORIGIN}\n-1\nAAAA\n\n— a AAAA\n",
    ],
)
def test_what_is_no_checkpoint_is_tampering(tmp_path: Path, note: str) -> None:
    write_log(tmp_path, SMALL, note)
    assert judged(tmp_path)["verdict"] == "tampered"


def test_nothing_that_it_prints_moves_the_cursor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bent = SMALL[5].replace(b"019aa000-0000-7000-9000-000000000001", "\x1b[2J\u202e".encode())
    entries = [*SMALL[:5], SMALL[5].replace(b'"attempted"', b'"\\u001b[2J"'), bent]
    write_log(tmp_path, entries)
    assert ALONE.main([str(tmp_path), "--vkey", VKEY]) == 1
    assert all(32 <= ord(c) < 127 or c == "\n" for c in capsys.readouterr().out)


def test_the_report_for_people_says_what_was_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_log(tmp_path, SMALL)
    assert ALONE.main([str(tmp_path), "--vkey", VKEY]) == 0
    said = capsys.readouterr().out
    assert "without --kept" in said
    assert "holds no policies" in said
