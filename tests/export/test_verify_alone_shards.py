"""Keys that were announced, shards that were closed, witnesses of older checkpoints, noise."""

import os
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.audit import checkpoint
from gateway.audit.canonical import encode
from gateway.audit.cosignature import cosign, cosigner_of, with_signatures
from gateway.audit.record import Admin
from tests.doubles.records import BOOT, NOW_US, a_decided, a_settled, an_admin, an_attempted, an_id
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

LATER = f"{ORIGIN}/0002-2026-12"
SECOND = Ed25519PrivateKey.from_private_bytes(b"2" * 32)
SECOND_VKEY = str(checkpoint.vkey_of(ORIGIN, SECOND))
SMALL = list(many(20))


def both(note: str) -> str:
    """Return the note with the signature of the second key too."""
    text = note.partition("\n\n")[0] + "\n"
    return with_signatures(note, [checkpoint.sign(text, ORIGIN, SECOND).partition("\n\n")[2]])


def rotated(**facts: str) -> bytes:
    return encode(an_admin("key_rotated", facts={"vkey": SECOND_VKEY, **facts}))


def test_after_a_key_was_announced_its_signature_is_asked_for(tmp_path: Path) -> None:
    entries = [*SMALL[:2], rotated(), *SMALL[2:]]
    note = note_of(head_of(entries))
    write_log(tmp_path / "both", entries, both(note))
    assert judged(tmp_path / "both")["verdict"] == "whole"
    write_log(tmp_path / "first", entries, note)
    report = judged(tmp_path / "first")
    assert (report["verdict"], report["first_bad"]) == ("tampered", 2)
    write_log(tmp_path / "kept", entries, both(note))
    (tmp_path / "old").write_text(note_of(head_of(entries[:2])))
    (tmp_path / "new").write_text(note_of(head_of(entries[:9])))
    assert judged(tmp_path / "kept", "--kept", tmp_path / "old")["verdict"] == "whole"
    assert judged(tmp_path / "kept", "--kept", tmp_path / "new")["verdict"] == "tampered"


@pytest.mark.parametrize("more", [[rotated(vkey="x")], [rotated(), rotated()]])
def test_what_is_no_key_and_a_second_one_are_not_announced(tmp_path: Path, more) -> None:
    entries = [*SMALL[:2], *more]
    write_log(tmp_path, entries, both(note_of(head_of(entries))))
    report = judged(tmp_path)
    assert (report["verdict"], report["first_bad"]) == ("tampered", len(entries) - 1)


def test_nothing_follows_the_end_of_a_shard(tmp_path: Path) -> None:
    facts = {"next": LATER, "vkey": str(checkpoint.vkey_of(LATER, KEY))}
    closed = encode(an_admin("shard_closed", facts=facts))
    write_log(tmp_path / "ended", [*SMALL[:2], closed])
    assert judged(tmp_path / "ended")["verdict"] == "whole"
    write_log(tmp_path / "more", [*SMALL[:2], closed, SMALL[2]])
    report = judged(tmp_path / "more")
    assert (report["verdict"], report["first_bad"]) == ("tampered", 3)


FORMER = {"origin": f"{ORIGIN}/0001", "size": 9, "root": "0" * 64}
CARRIED = {
    "request": an_id("r"),
    "boot": BOOT,
    "boundary": ["on_prem"],
    "candidates": ["qwen3-coder@on_prem"],
    "attempts": [["qwen3-coder@on_prem", "on_prem"]],
}


def test_a_shard_goes_on_with_what_the_one_before_it_left_open(tmp_path: Path) -> None:
    carried = encode(an_admin("carried", boot="", facts=CARRIED))
    created = replace(CREATED, facts=CREATED.facts | {"former": FORMER})
    entries = [encode(created), carried, encode(STARTED), encode(a_settled("r"))]
    write_log(tmp_path / "whole", entries)
    report = judged(tmp_path / "whole")
    assert (report["verdict"], report["open"]) == ("whole", 0)
    for number, wrong in enumerate(
        (
            [*entries[:2], carried],
            [entries[0], entries[2], carried],
            [*entries[:3], *entries[3:] * 2],
            [encode(CREATED), *entries[1:]],
        )
    ):
        write_log(tmp_path / str(number), wrong)
        assert judged(tmp_path / str(number))["verdict"] == "tampered"


def write_later(root: Path, told: bytes, key: Ed25519PrivateKey = KEY, cut: int = 0) -> Path:
    """Write a later shard that tells that; without its last records where it is not whole."""
    facts = {"origin": LATER, "vkey": str(checkpoint.vkey_of(LATER, key))}
    entries = [encode(replace(CREATED, facts=facts)), SMALL[1], told]
    signed = entries[: len(entries) - cut]
    write_log(root, entries, note_of(head_of(signed), key, LATER))
    (root / "vkey").write_text(facts["vkey"])
    return root


def pruned(size: int, root: bytes, origin: str = ORIGIN) -> bytes:
    facts = {"shard": "ledger", "origin": origin, "size": size, "root": root.hex(), "by": "days"}
    return encode(an_admin("pruned", f"pruned/{origin}", facts=facts))


def test_a_pruned_shard_is_told_as_pruned_by_the_record_that_says_so(tmp_path: Path) -> None:
    """Its hashes are here and its records are not; a later shard tells of it."""
    head = head_of(many(300))
    write_log(tmp_path / "shard", [], note_of(head), list(many(300)))
    later = write_later(tmp_path / "later", pruned(head.size, head.root))
    report = judged(tmp_path / "shard", "--told-by", later)
    assert (report["verdict"], report["records"]) == ("whole", 0), report
    assert report["pruned_as_told_by"] == 2
    assert judged(later, vkey=None)["told_pruned"] == [[ORIGIN, 300, head.root.hex(), 2]]
    report = judged(tmp_path / "shard")
    assert (report["verdict"], report["first_bad"]) == ("tampered", 0)


@pytest.mark.parametrize("what", ["another size", "another root", "another log", "records left"])
def test_what_no_record_says_was_pruned_is_missing(tmp_path: Path, what: str) -> None:
    head, entries = head_of(many(300)), list(many(300))
    left = entries[:256] if what == "records left" else []
    write_log(tmp_path / "shard", left, note_of(head), entries)
    told = {
        "another size": pruned(299, head.root),
        "another root": pruned(300, bytes(32)),
        "another log": pruned(300, head.root, "perimeter.example/gw-1"),
        "records left": pruned(300, head.root),
    }[what]
    later = write_later(tmp_path / "later", told)
    report = judged(tmp_path / "shard", "--told-by", later)
    assert (report["verdict"], report["first_bad"]) == ("tampered", len(left))


def test_a_later_shard_that_is_not_whole_tells_nothing(tmp_path: Path) -> None:
    head = head_of(many(300))
    write_log(tmp_path / "shard", [], note_of(head), list(many(300)))
    later = write_later(tmp_path / "later", pruned(head.size, head.root), cut=1)
    assert judged(tmp_path / "shard", "--told-by", later)["verdict"] == "tampered"


def test_a_later_shard_is_believed_by_a_key_that_was_given_or_handed_over_to(
    tmp_path: Path,
) -> None:
    """The key that lies beside it is anybody's."""
    entries = list(many(299))
    facts = {"next": LATER, "vkey": str(checkpoint.vkey_of(LATER, KEY))}
    closed = encode(an_admin("shard_closed", facts=facts))
    head = head_of([*entries, closed])
    told = pruned(head.size, head.root)
    write_log(tmp_path / "shard", [], note_of(head), [*entries, closed])
    for key, signer in ((SECOND, None), (SECOND, SECOND), (KEY, None)):
        later = write_later(tmp_path / f"{key}/{signer}".replace("/", "-")[-40:], told, key)
        given = [] if signer is None else ["--signer", str(checkpoint.vkey_of(LATER, signer))]
        report = judged(tmp_path / "shard", "--told-by", later, *given)
        right = key is KEY or signer is not None
        assert report["verdict"] == ("whole" if right else "unreadable"), report
        shutil.rmtree(later)
    strange = facts | {"vkey": str(checkpoint.vkey_of(LATER, SECOND))}
    for last, verdict in (
        (closed, "whole"),
        (encode(an_admin("shard_closed", facts=strange)), "x"),
    ):
        (tmp_path / "shard/last").write_bytes(last)
        later = write_later(tmp_path / verdict, told, KEY if verdict == "whole" else SECOND)
        report = judged(tmp_path / "shard", "--told-by", later)
        assert (report["verdict"] == "whole") == (last == closed), report
        assert verdict == "whole" or report["first_bad"] == 299


def test_a_log_does_not_tell_of_itself_that_it_was_pruned(tmp_path: Path) -> None:
    head = head_of(many(300))
    write_log(tmp_path / "shard", [], note_of(head), list(many(300)))
    write_log(tmp_path / "fork", [*SMALL[:2], pruned(head.size, head.root)])
    (tmp_path / "fork/vkey").write_text(VKEY)
    assert judged(tmp_path / "shard", "--told-by", tmp_path / "fork")["verdict"] == "unreadable"


def test_witnesses_of_an_older_checkpoint_count_up_to_its_size(tmp_path: Path, capsys) -> None:
    older = note_of(head_of(SMALL[:11]))
    signed = with_signatures(older, [cosign(older, WITNESS, WITNESS_KEY, NOW_US // 10**6)])
    write_log(tmp_path / "log", SMALL)
    (tmp_path / "kept").write_text(signed)
    words = ["--cosigner", cosigner_of(WITNESS, WITNESS_KEY), "--kept", tmp_path / "kept"]
    report = judged(tmp_path / "log", *words)
    assert (report["verdict"], report["cosigned_size"]) == ("whole", 11)
    assert ALONE.main([str(tmp_path / "log"), "--vkey", VKEY, *map(str, words)]) == 0
    assert f"at {NOW_US // 10**6}: 11 records" in capsys.readouterr().out
    (tmp_path / "kept").write_text(older)
    assert judged(tmp_path / "log", *words)["verdict"] == "tampered"


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("noisy")
    write_log(root / "log", SMALL)
    return root / "log"


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_noise_in_any_file_is_never_whole_and_never_a_crash(noisy: Path, data) -> None:
    names = sorted(path for path in noisy.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(names))
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    noise = data.draw(st.binary(max_size=40))
    cut = data.draw(st.integers(0, 40))
    bent = whole[:at] + noise + whole[at + cut :]
    try:
        path.write_bytes(bent)
        report = judged(noisy)
        assert (report["verdict"] == "whole") == (bent == whole), (path, at)
    finally:
        path.write_bytes(whole)


def test_a_pipe_a_folder_and_a_file_without_end_are_no_log(tmp_path: Path) -> None:
    write_log(tmp_path / "log", SMALL)
    note = tmp_path / "log/checkpoint"
    note.unlink()
    os.mkfifo(note)
    assert judged(tmp_path / "log")["verdict"] == "unreadable"
    note.unlink()
    note.mkdir()
    assert judged(tmp_path / "log")["verdict"] == "unreadable"
    note.rmdir()
    note.symlink_to("/dev/zero")
    assert judged(tmp_path / "log")["verdict"] == "unreadable"
    shutil.rmtree(tmp_path / "log")


def test_a_record_that_names_no_shard_tells_of_no_pruning(tmp_path: Path) -> None:
    admin = Admin(id=an_id("x"), ts_us=NOW_US, boot=BOOT, what="pruned", facts={})
    entries = [*SMALL[:2], encode(admin)]
    write_log(tmp_path, entries)
    report = judged(tmp_path)
    assert (report["verdict"], report["told_pruned"]) == ("whole", [])
    other = [*SMALL[:2], encode(a_decided("q")), encode(an_attempted("q", zone="x"))]
    write_log(tmp_path / "b", other)
    assert judged(tmp_path / "b")["first_bad"] == 3
