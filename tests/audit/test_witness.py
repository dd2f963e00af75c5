"""What a witness signs, and everything else it refuses with the status of the specification."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import checkpoint
from gateway.audit.tree import EMPTY_ROOT, Head, consistency_proof, leaf_hash, root_of
from gateway.audit.witness import (
    HASHES_MAX,
    Refused,
    Status,
    Submission,
    judge,
    origin_of,
    read_submission,
    write_submission,
)

ORIGIN = "perimeter.example/gw-0"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
VKEY = checkpoint.vkey_of(ORIGIN, KEY)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
LEAVES = [leaf_hash(b"%d" % number) for number in range(20)]
FORKED = [*LEAVES[:4], leaf_hash(b"forged"), *LEAVES[5:]]
NOTHING = Head(0, EMPTY_ROOT)


def head(size: int, leaves: list[bytes] = LEAVES) -> Head:
    return Head(size, root_of(leaves[:size]))


def note(size: int, leaves: list[bytes] = LEAVES, key: Ed25519PrivateKey = KEY) -> str:
    return checkpoint.sign(checkpoint.body(ORIGIN, size, head(size, leaves).root), ORIGIN, key)


def asked(old: int, size: int, leaves: list[bytes] = LEAVES) -> Submission:
    return Submission(old, consistency_proof(leaves[:size], old), note(size, leaves))


def why(submission: Submission, known: Head) -> tuple[Status, int | None]:
    with pytest.raises(Refused) as refused:
        judge(submission, VKEY, known)
    return refused.value.status, refused.value.size


@pytest.mark.parametrize("size", [1, 7, 8, 20])
def test_a_log_that_grew_is_signed_from_any_size_that_is_known(size: int) -> None:
    for old in range(size + 1):
        known = head(old) if old else NOTHING
        found = judge(asked(old, size), VKEY, known)
        assert (found.origin, found.size, found.root) == (ORIGIN, size, head(size).root)


def test_what_is_written_is_read_again() -> None:
    for submission in (asked(0, 3), asked(3, 7), asked(7, 7)):
        assert read_submission(write_submission(submission)) == submission
        assert origin_of(submission) == ORIGIN


def test_a_history_that_was_written_anew_is_not_signed() -> None:
    assert why(asked(8, 20, FORKED), head(8)) == (Status.NOT_PROVEN, None)
    assert why(asked(8, 8, FORKED), head(8)) == (Status.OTHER_SIZE, 8)


def test_an_older_size_is_answered_with_the_one_that_is_known() -> None:
    assert why(asked(3, 7), head(8)) == (Status.OTHER_SIZE, 8)
    assert why(asked(0, 20), head(8)) == (Status.OTHER_SIZE, 8)
    assert why(asked(3, 7), NOTHING) == (Status.OTHER_SIZE, 0)


def test_a_proof_that_does_not_fit_is_refused() -> None:
    good = asked(7, 20)
    for proof in ((), good.proof[:-1], (*good.proof, bytes(32)), good.proof[::-1]):
        assert why(Submission(7, proof, good.note), head(7)) == (Status.NOT_PROVEN, None)
    assert why(Submission(0, (bytes(32),), good.note), NOTHING)[0] is Status.NOT_PROVEN
    assert why(Submission(7, (bytes(32),), note(7)), head(7))[0] is Status.NOT_PROVEN


def test_only_what_the_key_of_the_log_signed_counts() -> None:
    assert why(Submission(0, (), note(3, key=OTHER)), NOTHING)[0] is Status.NOT_SIGNED
    bent = note(3).replace("\n3\n", "\n4\n")
    assert why(Submission(0, (), bent), NOTHING)[0] is Status.NOT_SIGNED


def test_a_size_above_that_of_the_checkpoint_is_malformed() -> None:
    assert why(Submission(8, (), note(7)), head(8))[0] is Status.MALFORMED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "old 0",
        "old 0\n",
        f"old -1\n\n{note(1)}",
        f"old 01\n\n{note(1)}",
        f"old 1 \n\n{note(1)}",
        f"size 0\n\n{note(1)}",
        f"old 0\nAAAA\n\n{note(1)}",
        f"old 0\n!\n\n{note(1)}",
        f"old 0\n{'A' * 42}B=\n\n{note(1)}",
        "old 0\n" + ("A" * 43 + "=\n") * (HASHES_MAX + 1) + "\n" + note(1),
    ],
)
def test_what_is_no_request_is_malformed(text: str) -> None:
    with pytest.raises(Refused) as refused:
        read_submission(text)
    assert refused.value.status is Status.MALFORMED


@pytest.mark.parametrize("bad", ["", "x\n", "a\nb\nc\n\n— d AAAA\n"])
def test_what_is_no_checkpoint_is_malformed(bad: str) -> None:
    for act in (origin_of, lambda one: judge(one, VKEY, NOTHING)):
        with pytest.raises(Refused) as refused:
            act(Submission(0, (), bad))
        assert refused.value.status is Status.MALFORMED
