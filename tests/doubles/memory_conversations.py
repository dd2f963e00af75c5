"""A memory of conversations without a disk, with the same promise: it never lowers a label."""

import hashlib
from collections.abc import Mapping, Sequence

from msgspec import Struct

from gateway.classification.conversation import Seen
from gateway.domain.errors import ConversationsUnavailable
from gateway.domain.label import Label


class Kept(Struct, frozen=True):
    turns: str


class MemoryConversations:
    def __init__(self, trace: list[str] | None = None) -> None:
        self.seen: dict[tuple[str, bytes], Seen] = {}
        self.trace = trace if trace is not None else []
        self.unreadable = False
        self.unwritable = False
        self.day = 20_000

    def run(self, subject: str, told: bytes) -> str:
        return hashlib.sha256(subject.encode() + told).hexdigest()[:24] if told else ""

    async def recall(self, subject: str, hashes: Sequence[bytes]) -> Mapping[bytes, Seen]:
        if self.unreadable:
            raise ConversationsUnavailable("What was said before cannot be recalled.")
        return {one: self.seen[subject, one] for one in hashes if (subject, one) in self.seen}

    def keep(self, subject: str, hashes: Sequence[bytes], label: Label, *, ours: bool) -> Kept:
        for one in hashes:
            known = self.seen.get((subject, one), Seen(label, self.day))
            self.seen[subject, one] = Seen(label.join(known.label), self.day, ours or known.ours)
        self.trace.append(f"keep:{len(hashes)}:{'reply' if ours else 'turns'}")
        return Kept("".join(hashlib.sha256(one).hexdigest()[:24] for one in hashes))

    async def kept(self, keeping: object) -> None:
        if self.unwritable:
            raise ConversationsUnavailable("What was said before cannot be kept.")
        self.trace.append("kept")
