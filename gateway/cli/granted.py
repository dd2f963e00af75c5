"""Whether persons signed what a decision was made with, as the log records it."""

from collections.abc import Iterator

import msgspec
from msgspec import UNSET, Struct

from gateway.app.granting import KINDS, grant_of
from gateway.audit.canonical import decode
from gateway.audit.record import Admin
from gateway.domain.grant import Grant
from gateway.domain.vocabulary import Vocabulary
from gateway.flow.replay import documents_of
from gateway.identity.approvals import TERMS, NotApproved
from gateway.ledger import documents
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader, RequestRecords
from gateway.policy.compile import compile_bundle
from gateway.stores.standing import USED, Active


class Signing(Struct, frozen=True):
    """What the log says of one statement, in the record of that id at that number."""

    record: str
    number: int
    grant: Grant | None


def signing_of(folder: LedgerFolder, found: RequestRecords) -> Signing | None:
    """Return the record before that of the request in which its grant was signed, if there is one.

    The journal is read and not verified, as for the rest of a replay.
    """
    decided = found.decided
    if decided.granted is UNSET:
        return None
    words = _words(folder, decided.documents["policy"])
    signings = _signings(folder, decided.granted.id, found.indexes[0], words)
    return next((one for one in signings if one.grant == decided.granted), None)


def fault_of(found: RequestRecords, signing: Signing | None) -> tuple[str, ...]:
    """Return a sentence where nobody signed what the decision was made with."""
    granted = found.decided.granted
    if granted is UNSET or signing is not None:
        return ()
    why = "no record before this one says that persons signed it as it stands here"
    return (f"granted: recorded {granted.word}, and {why}",)


def _signings(
    folder: LedgerFolder, digest: str, before: int, words: Vocabulary
) -> Iterator[Signing]:
    named = f'"{digest}"'.encode()
    for stored in Reader(folder).entries():
        if stored.index >= before:
            return
        # WHY: few entries name the statement, and to decode each one takes long.
        if named in stored.entry:
            record = decode(stored.entry)
            if isinstance(record, Admin) and record.what == USED:
                yield Signing(record.id, stored.index, _grant(record, digest, words))


def _grant(record: Admin, digest: str, words: Vocabulary) -> Grant | None:
    """Return what was granted there; None where it was another thing, or by too few persons."""
    try:
        told = msgspec.convert(record.facts, Active)
        approvers = frozenset(told.approvers) - {told.requester}
        if record.facts["approval"] != digest or told.action not in KINDS:
            return None
        if len(approvers) < TERMS[told.action].approvers:
            return None
        return grant_of(digest, told, words)
    except (msgspec.ValidationError, NotApproved, KeyError, OverflowError):
        return None


def _words(folder: LedgerFolder, policy: str) -> Vocabulary:
    stored = documents_of(documents.load(folder, policy))
    return compile_bundle(stored, policy).require().vocabulary
