"""Verifies a whole ledger: each of its shards from its bytes, and that they follow one another."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from msgspec.structs import replace

from gateway.audit.canonical import decode
from gateway.audit.checkpoint import NoteRefused, Vkey, parse_vkey
from gateway.audit.checkpoint import verify as verify_note
from gateway.audit.ends import Former, Next
from gateway.audit.record import Decided
from gateway.audit.signed import SLACK_US, Signed
from gateway.audit.story import CLOCK_BACK_US_MAX
from gateway.audit.verify import Report, Verdict, untold
from gateway.ledger import blobs
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.pruned import told_in
from gateway.ledger.reading import Reading
from gateway.ledger.shards import FIRST, UNFINISHED, number_of, shards
from gateway.ledger.verify_shard import (
    LINE_BYTES_MAX,
    NOTE_BYTES_MAX,
    Asked,
    Unread,
    line_of,
    stored_in,
    verify_shard,
)

__all__ = ["LINE_BYTES_MAX", "NOTE_BYTES_MAX", "verify_folder"]


def verify_folder(
    ledger: Path,
    vkey_text: str | None = None,
    checkpoints: Path | None = None,
    kept: Sequence[str] = (),
) -> Report:
    """Read every byte of a ledger and say what it proves.

    Without `vkey_text` the key in the ledger's own folder is used, which must be the one that the
    first record names: then the log is only shown to agree with itself. With the checkpoint store,
    a log that was put back from an older copy is noticed too. `kept` are the texts of checkpoints
    that were kept elsewhere: each must fit, and then the log is shown to have grown from them.
    """
    try:
        return _Chain(LedgerFolder(ledger), Asked(vkey_text, checkpoints, kept)).verify()
    except NoteRefused as error:
        reason = f"the verifier key or a kept checkpoint cannot be used: {error}"
    except Unread as error:
        reason = f"the ledger cannot be read: {error}"
    except Exception as error:  # noqa: BLE001 - whatever the folder holds, the answer is a report
        reason = f"the ledger cannot be read: {type(error).__name__}"
    return Report(verdict=Verdict.UNREADABLE, reason=reason)


class _Chain:
    """Walks from shard to shard, each verified with the key that the one before it announced."""

    def __init__(self, root: LedgerFolder, asked: Asked) -> None:
        self._root = root
        self._asked = asked
        self._origin = ""
        self._keys: list[Vkey] = []
        self._kept: list[str] = []
        self._approved: set[Signed] | None = set()
        self._requests: set[str] = set()
        self._ended: dict[str, int] = {}
        # WHY: a shard that begins while this reads is followed where it is named, and not missed
        # where it is not.
        self._listed = shards(root)

    def verify(self) -> Report:
        whole = report = self._with_blobs(verify_shard(self._root, self._of_first()))
        if report.ends is not None and report.ends.former is not None:
            return _tampered(report, "it is not the first shard of a ledger")
        self._origin = report.origin
        folder, count = self._root, FIRST
        while report.verdict is Verdict.WHOLE and report.ends and (told := report.ends.next):
            self._know(report)
            if report.unsealed:
                return _tampered(whole, "the record that closes a shard is not signed")
            found = self._folder(told)
            if found is None:
                return self._without(whole, told)
            folder, count = found, count + 1
            self._requests |= report.requests
            self._ended = report.ended | self._ended
            report = self._with_blobs(self._next(found, told, report, count))
            report = _decided_once(found, report, self._requests)
            report = _while_granted(found, report, self._ended)
            report = _named(report, folder)
            whole = _together(whole, report)
        self._know(report)
        return self._with_the_rest(whole, count)

    def _of_first(self) -> Asked:
        """Return what the first shard is held against: what was kept of none of the later ones."""
        base = line_of(self._root.origin)
        self._kept = [one for one in self._asked.kept if _origin(one).startswith(f"{base}/")]
        kept = [one for one in self._asked.kept if one not in self._kept]
        return replace(self._asked, kept=kept, later=self._listed[1:])

    def _with_blobs(self, report: Report) -> Report:
        """Is every blob there that a record names, and what it says?

        Nothing removes one but the pruning of its shard, which may have been cut short: a record
        says by then that the shard was pruned.
        """
        pruned = report.origin in told_in(self._listed) if report.blobs else False
        for digest, index in report.blobs.items():
            is_due = pruned and not blobs.place_of(self._root.blobs, digest).exists()
            fault = "" if is_due else blobs.check(self._root.blobs, digest)
            if fault:
                return _tampered(report, f"record {index}: the blob {digest} {fault}", index)
        return report

    def _know(self, report: Report) -> None:
        """Remember the keys that a shard named, to tell whether one of them signed a checkpoint."""
        told = [
            report.vkey,
            "" if not report.ends or not report.ends.next else report.ends.next.vkey,
        ]
        self._keys += [parse_vkey(one) for one in told if one]

    def _folder(self, told: Next) -> LedgerFolder | None:
        """Return where the next shard lies; before its first moment under a name of no shard."""
        name = told.next.removeprefix(f"{self._origin}/")
        if number_of(Path(name)) is None:
            return None
        for place in (name, name + UNFINISHED):
            folder = LedgerFolder(self._root.shards / place)
            if folder.checkpoint.exists():
                return folder
        return None

    def _without(self, whole: Report, told: Next) -> Report:
        """Is the next shard not there yet, or not there any more?"""
        checkpoints = self._asked.checkpoints
        kept = None if checkpoints is None else stored_in(checkpoints, parse_vkey(told.vkey))
        listed = [one for one in self._listed[1:] if told.next.endswith(f"/{one.root.name}")]
        if kept is not None or listed:
            return _tampered(whole, f"the shard {told.next}, which was signed, is not there whole")
        report = self._with_the_rest(replace(whole, missing=told.next), whole.shards)
        if checkpoints is not None:
            return report
        # WHY: a gateway that was ended while it handed over leaves the same, until it starts
        # again; its checkpoint store knows of no such shard then.
        reason = f"its next shard {told.next} is not there, and no --checkpoints says why"
        return _tampered(report, reason)

    def _next(self, folder: LedgerFolder, told: Next, former: Report, count: int) -> Report:
        kept = [one for one in self._kept if _origin(one) == told.next]
        self._kept = [one for one in self._kept if one not in kept]
        asked = replace(self._asked, vkey=told.vkey, kept=kept, later=self._listed[count:])
        report = verify_shard(folder, asked)
        if report.verdict is not Verdict.WHOLE or report.ends is None or report.pruned:
            return report
        if report.vkey != told.vkey:
            return _tampered(report, "record 0: it begins with another key than was announced", 0)
        if report.ends.former != Former(former.origin, former.size, former.root.hex()):
            return _tampered(report, "record 0: it does not follow the shard before it", 0)
        if number_of(Path(told.next.rpartition("/")[2])) != count:
            return _tampered(report, "its number is not the next one")
        return self._fitting(former, report)

    def _fitting(self, former: Report, report: Report) -> Report:
        """Does a shard go on where the one before it ended?

        What a pruned one left open, when it ended and what it told of, no record tells any more.
        """
        if former.pruned:
            self._approved = None
            return report
        if abs(report.began_us - former.latest_us) > CLOCK_BACK_US_MAX:
            reason = "record 0: its time is not that at which the shard before it ended"
            return _tampered(report, reason, 0)
        if report.ends is not None and report.ends.carried != former.open_requests:
            return _tampered(
                report, "it does not carry over what was open in the shard before it", 1
            )
        if self._approved is not None:
            self._approved |= former.approved
            granted = {one: at for one, at in report.granted.items() if one not in self._approved}
            if granted:
                index, reason = untold(granted)
                return _tampered(report, reason, index)
        return report

    def _with_the_rest(self, whole: Report, count: int) -> Report:
        """Are there shards, or checkpoints that somebody kept, to which no hand-over led?"""
        if whole.verdict is not Verdict.WHOLE:
            return whole
        if len(self._listed) > count:
            name = self._listed[count].root.name
            return _tampered(whole, f"the shard {name} follows none that was closed")
        for note in self._kept:
            self._assert_ours(note)
            return _tampered(
                whole, f"the shard {_origin(note)}, of which a checkpoint was kept, is not there"
            )
        return whole

    def _assert_ours(self, note: str) -> None:
        """Raise NoteRefused unless a key of this ledger signed that note."""
        for key in self._keys:
            try:
                verify_note(note, Vkey(_origin(note), key.public))
            except NoteRefused:
                continue
            return
        raise NoteRefused("a kept checkpoint is signed by no key of this ledger")


def _decided_once(folder: LedgerFolder, report: Report, before: AbstractSet[str]) -> Report:
    """Was no request of this shard decided in one before it?"""
    if report.verdict is not Verdict.WHOLE or before.isdisjoint(report.requests):
        return report
    read = ((stored.index, decode(stored.entry)) for stored in Reading(folder))
    index = next(at for at, one in read if isinstance(one, Decided) and one.id in before)
    return _tampered(report, f"record {index}: an earlier shard decided its request already", index)


def _while_granted(folder: LedgerFolder, report: Report, ended: Mapping[str, int]) -> Report:
    """Was no decision of this shard made with a grant that had ended in one before it?"""
    granted = {name for name, _, _ in report.granted} & ended.keys()
    if report.verdict is not Verdict.WHOLE or not granted:
        return report
    for stored in Reading(folder):
        record = decode(stored.entry)
        grant = record.granted if isinstance(record, Decided) else None
        if grant and grant.id in granted and record.ts_us >= ended[grant.id] + SLACK_US:
            reason = f"record {stored.index}: it was decided with a grant that had ended"
            return _tampered(report, reason, stored.index)
    return report


def _origin(note: str) -> str:
    return note.partition("\n")[0]


def _named(report: Report, folder: LedgerFolder) -> Report:
    """Return the report of a later shard, in which every fault says where it stands."""
    name = folder.root.name.removesuffix(UNFINISHED)
    reason = f"shard {name}: {report.reason}" if report.reason else ""
    return replace(report, shard=name, reason=reason)


def _together(whole: Report, last: Report) -> Report:
    """Return what shards say together: counts are added, and the end is that of the last."""
    return replace(
        last,
        origin=whole.origin,
        vkey=whole.vkey,
        shards=whole.shards + 1,
        size=whole.size + last.size,
        records=whole.records + last.records,
        decided=whole.decided + last.decided,
        attempted=whole.attempted + last.attempted,
        settled=whole.settled + last.settled,
        admin=whole.admin + last.admin,
        lost=whole.lost + last.lost,
        torn=whole.torn or last.torn,
        silence_us=max(whole.silence_us, last.silence_us),
        gaps=whole.gaps + last.gaps,
        apart_us=max(whole.apart_us, last.apart_us),
        pruned=whole.pruned + last.pruned,
        pruned_by=", ".join(filter(None, (whole.pruned_by, last.pruned_by))),
        documents=whole.documents | last.documents,
    )


def _tampered(report: Report, reason: str, first_bad: int | None = None) -> Report:
    if report.verdict is not Verdict.WHOLE:
        return report
    return replace(report, verdict=Verdict.TAMPERED, reason=reason, first_bad=first_bad)
