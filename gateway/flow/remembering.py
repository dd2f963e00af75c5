"""What one request recalls of its conversation, and what is kept of it."""

from collections.abc import Mapping

from gateway.classification.conversation import (
    Recollection,
    Seen,
    asked_for,
    recollect,
    worth_keeping,
)
from gateway.classification.turns import Turns
from gateway.domain.label import Label
from gateway.domain.request import Envelope
from gateway.flow.hearing import Hearing, turns_in
from gateway.flow.ports import Conversations, Keeping


class Remembering:
    """The memory of one request: its turns, and which of them were seen before."""

    def __init__(
        self, conversations: Conversations, subject: str, turns: Turns, seen: Mapping[bytes, Seen]
    ) -> None:
        self._conversations = conversations
        self._subject = subject
        self._turns = turns
        self._seen = seen

    @property
    def recollection(self) -> Recollection:
        """What the turns recall."""
        return recollect(self._turns, self._seen)

    def run(self, session: str | None) -> str:
        """Return the name of the run: by the client's session, else by the first turn."""
        told = b"session\0" + session.encode(errors="replace") if session else self._turns.first
        return self._conversations.run(self._subject, told)

    def sent(self, label: Label) -> str:
        """Keep the turns under the label of the request; return the digests for its record."""
        hashes = worth_keeping(self._turns, self._seen, label, self._conversations.day)
        return self._conversations.keep(self._subject, hashes, label, ours=False).turns

    def hearing(self, replies: int) -> Hearing:
        """Return what hears one attempt at that many replies."""
        return Hearing(self._turns, replies)

    def replied(self, hearing: Hearing, label: Label) -> Keeping:
        """Keep what was heard of the reply, under the label of the request."""
        return self._conversations.keep(self._subject, hearing.hashes(), label, ours=True)


async def remember(envelope: Envelope, conversations: Conversations) -> Remembering:
    """Return what the request recalls; ConversationsUnavailable when nobody can tell."""
    turns = await turns_in(envelope.body, envelope.body_bytes)
    subject = envelope.caller.subject
    seen = await conversations.recall(subject, asked_for(turns))
    return Remembering(conversations, subject, turns, seen)
