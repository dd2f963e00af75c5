"""`perimeter witness`: it signs what only grew, and has it on its disk before it answers."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.app.witnessing import Logs, Witness
from gateway.audit import checkpoint
from gateway.audit.cosignature import cosignatures, cosigner_of
from gateway.audit.tree import consistency_proof, leaf_hash, root_of
from gateway.audit.witness import Refused, Status, Submission, write_submission
from gateway.stores.witness import WitnessStore
from tests.doubles.gateway_folders import ran
from tests.doubles.witnesses import NAME, RunningWitness, a_witness

LEAVES = [leaf_hash(b"%d" % number) for number in range(40)]
FORKED = [LEAVES[0], *reversed(LEAVES[1:])]
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
ORIGIN = "perimeter.example/gw-0"


def submission(old: int, size: int, leaves: list[bytes] = LEAVES, origin: str = ORIGIN) -> str:
    note = checkpoint.sign(checkpoint.body(origin, size, root_of(leaves[:size])), origin, KEY)
    return write_submission(Submission(old, consistency_proof(leaves[:size], old), note))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[RunningWitness]:
    vkey = str(checkpoint.vkey_of(ORIGIN, KEY))
    with a_witness(tmp_path / "small", vkey) as running:
        yield running


def test_a_witness_answers_as_the_protocol_says(small: RunningWitness) -> None:
    signed = small.post(submission(0, 7))
    assert (signed.status_code, signed.headers["content-type"][:10]) == (200, "text/plain")
    assert signed.text.startswith(f"— {NAME} ")
    conflict = small.post(submission(0, 9))
    assert (conflict.status_code, conflict.text) == (409, "7\n")
    assert conflict.headers["content-type"] == "text/x.tlog.size"
    assert small.post(submission(7, 20, FORKED)).status_code == 422
    assert small.post(submission(7, 7, FORKED)).status_code == 409
    assert small.post(submission(7, 7)).status_code == 200
    assert small.post(submission(7, 20)).status_code == 200
    assert small.post(submission(7, 9)).text == "20\n"
    assert small.post(submission(0, 1, origin="other.example/log")).status_code == 404
    forged = submission(20, 21).replace("\n21\n", "\n22\n")
    assert small.post(forged).status_code == 403
    assert small.post("old 0\n").status_code == 400
    assert small.post(b"\xff").status_code == 400
    assert small.post(b"a" * 300_000).status_code == 413
    assert small.post("", "/metrics").status_code == 404
    got = small.get("/add-checkpoint")
    assert (got.status_code, got.headers["allow"]) == (405, "POST")


def test_a_shard_of_a_log_is_signed_under_its_key_and_remembered_by_itself(
    small: RunningWitness,
) -> None:
    shard = f"{ORIGIN}/0002-2026-12"
    assert small.post(submission(0, 7)).status_code == 200
    assert small.post(submission(0, 3, FORKED, shard)).status_code == 200
    assert small.post(submission(0, 3, FORKED, shard)).text == "3\n"
    assert small.post(submission(0, 3, FORKED, f"{shard}/x")).status_code == 404


def a_quiet_witness(path: Path, *keys: Ed25519PrivateKey) -> tuple[Witness, WitnessStore]:
    store = WitnessStore(path)
    logs = Logs(tuple(checkpoint.vkey_of(ORIGIN, key) for key in keys))
    return Witness(NAME, KEY, logs, store, lambda: 1_795_262_400_000_000), store


def test_of_two_that_are_asked_at_once_only_one_is_signed(tmp_path: Path) -> None:
    witness, store = a_quiet_witness(tmp_path / "state", KEY)
    witness.add_checkpoint(submission(0, 5))
    answers: list[object] = []
    gate = threading.Barrier(8)

    def ask(size: int) -> None:
        gate.wait()
        try:
            answers.append(witness.add_checkpoint(submission(5, size)))
        except Refused as refused:
            answers.append(refused.status)

    threads = [threading.Thread(target=ask, args=(size,)) for size in range(6, 14)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    signed = [one for one in answers if isinstance(one, str)]
    assert len(signed) == 1
    assert set(answers) - set(signed) == {Status.OTHER_SIZE}
    assert store.latest(ORIGIN).size in range(6, 14)
    store.close()


def test_what_a_witness_signed_is_on_its_disk_and_never_goes_back(tmp_path: Path) -> None:
    witness, store = a_quiet_witness(tmp_path / "state", KEY)
    witness.add_checkpoint(submission(0, 9))
    store.close()
    with sqlite3.connect(tmp_path / "state") as sql:
        for change in (
            "UPDATE logs SET size = 3",
            "UPDATE logs SET root = x'00'",
            "DELETE FROM logs",
        ):
            with pytest.raises(sqlite3.DatabaseError):
                sql.execute(change)
    again, store = a_quiet_witness(tmp_path / "state", KEY)
    with pytest.raises(Refused) as refused:
        again.add_checkpoint(submission(0, 3))
    assert (refused.value.status, refused.value.size) == (Status.OTHER_SIZE, 9)
    store.close()


def test_a_log_may_have_signed_with_any_of_its_keys(tmp_path: Path) -> None:
    old = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    witness, store = a_quiet_witness(tmp_path / "state", old, KEY)
    line = witness.add_checkpoint(submission(0, 3))
    note = submission(0, 3).partition("\n\n")[2]
    assert cosignatures(note + line, [cosigner_of(NAME, KEY)])
    with pytest.raises(Refused) as refused:
        witness.add_checkpoint(submission(3, 9, FORKED))
    assert refused.value.status is Status.NOT_PROVEN
    store.close()


@pytest.mark.parametrize(
    "words",
    [
        ("create", "{key}", "--name", "a b"),
        ("serve", "{key}", "--name", NAME, "--state", "{state}", "--log", "nonsense"),
        ("serve", "{none}", "--name", NAME, "--state", "{state}", "--log", "{vkey}"),
        (
            *("serve", "{none}", "--name", NAME, "--state", "{state}", "--log", "{vkey}"),
            *("--certificate", "{key}"),
        ),
    ],
)
def test_a_name_a_log_or_a_key_that_is_none_is_refused(tmp_path: Path, words) -> None:
    known = {
        "key": tmp_path / "key.pem",
        "none": tmp_path / "none.pem",
        "state": tmp_path / "state",
        "vkey": checkpoint.vkey_of(ORIGIN, KEY),
    }
    done = ran("witness", *(word.format(**known) for word in words))
    assert (done.code, done.err.startswith("perimeter: ")) == (1, True)
