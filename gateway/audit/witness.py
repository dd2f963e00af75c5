"""What a witness is asked, and what it answers: C2SP tlog-witness, `add-checkpoint`.

The judgement is a value: who keeps the last checkpoint of each log, and who signs, is elsewhere.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from enum import IntEnum

from msgspec import Struct

from gateway.audit.checkpoint import Checkpoint, NoteRefused, Vkey, parse, verify
from gateway.audit.cosignature import text_of
from gateway.audit.tree import EMPTY_ROOT, HASH_BYTES, Head, Proof, verify_consistency

PATH = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
HASHES_MAX = 63
REQUEST_BYTES_MAX = 256 * 1024

_OLD = re.compile(r"old (?P<size>0|[1-9][0-9]{0,18})")


class Status(IntEnum):
    """The answers of a witness."""

    SIGNED = 200
    MALFORMED = 400
    NOT_SIGNED = 403
    UNKNOWN_LOG = 404
    OTHER_SIZE = 409
    NOT_PROVEN = 422


class Refused(ValueError):
    """The witness does not sign; `size` is the one that it knows, where that is the answer."""

    def __init__(self, status: Status, size: int | None = None) -> None:
        super().__init__(status.name)
        self.status = status
        self.size = size


class Submission(Struct, frozen=True):
    """A checkpoint that is to be cosigned, and the proof that the log grew from `old` to it."""

    old: int
    proof: Proof
    note: str


def write_submission(submission: Submission) -> str:
    """Return the body of the request."""
    hashes = "".join(f"{b64encode(one).decode()}\n" for one in submission.proof)
    return f"old {submission.old}\n{hashes}\n{submission.note}"


def read_submission(text: str) -> Submission:
    """Read the body of a request; Refused as malformed."""
    head, gap, note = text.partition("\n\n")
    first, *hashes = head.split("\n")
    match = _OLD.fullmatch(first)
    if match is None or not gap or len(hashes) > HASHES_MAX:
        raise Refused(Status.MALFORMED)
    return Submission(int(match["size"]), tuple(map(_hash, hashes)), note)


def origin_of(submission: Submission) -> str:
    """Return the log that a checkpoint says it is of, unverified; Refused as malformed."""
    return _claimed(submission).origin


def judge(submission: Submission, key: Vkey, known: Head) -> Checkpoint:
    """Return the checkpoint that may be cosigned; Refused says why not.

    `key` is the one that is trusted for this log, and `known` the last checkpoint that was
    cosigned; size 0 where there was none.
    INVARIANT: whatever is returned is of the log, and an extension of what was known.
    """
    claimed = _claimed(submission)
    try:
        found = verify(submission.note, key)
    except NoteRefused:
        raise Refused(Status.NOT_SIGNED) from None
    if submission.old > claimed.size:
        raise Refused(Status.MALFORMED)
    if submission.old != known.size:
        raise Refused(Status.OTHER_SIZE, known.size)
    if known.size == found.size and known.root != found.root:
        raise Refused(Status.OTHER_SIZE, known.size)
    old = known if known.size else Head(0, EMPTY_ROOT)
    if not verify_consistency(old, Head(found.size, found.root), submission.proof):
        raise Refused(Status.NOT_PROVEN)
    return found


def _claimed(submission: Submission) -> Checkpoint:
    try:
        return parse(text_of(submission.note))
    except NoteRefused:
        raise Refused(Status.MALFORMED) from None


def _hash(text: str) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        data = b""
    if len(data) != HASH_BYTES or b64encode(data).decode() != text:
        raise Refused(Status.MALFORMED)
    return data
