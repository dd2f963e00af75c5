"""What the gateway remembers of a conversation, as evidence.

A turn that was seen under a label brings that label back, whatever the client claims now.
"""

from collections.abc import Mapping

from msgspec import Struct

from gateway.classification.turns import Said, Turns
from gateway.domain.decision import Signal, Trust
from gateway.domain.label import Label, join
from gateway.domain.vocabulary import Vocabulary

SOURCE = "conversation"
UNSEEN = "conversation:unseen"
UNCOUNTED = "conversation:uncounted"
KEPT_MAX = 256
# WHY: no hash of a turn is this short; it stands for the replies of a caller that a crash took.
LOST = b"lost"


class Seen(Struct, frozen=True):
    """What is remembered of a turn: the join of the labels under which it passed, and when last.

    `day` counts from the epoch. `ours` says that it is a reply that went through this gateway.
    """

    label: Label
    day: int
    ours: bool = False


class Recollection(Struct, frozen=True):
    """What the turns of a request recall.

    `labels` are those under which turns of it passed. `unseen` says that a turn of the model never
    came from here, `uncounted` that there were more turns than are looked at.
    """

    labels: tuple[Label, ...] = ()
    unseen: bool = False
    uncounted: bool = False


NOTHING_RECALLED = Recollection()


def recollect(turns: Turns, seen: Mapping[bytes, Seen]) -> Recollection:
    """Return what the turns recall; `seen` holds those that are remembered, by hash.

    INVARIANT: a reply that nobody knows may be one that a crash took before it was remembered, so
    it has the labels of all of that caller's that were lost.
    """
    unseen = not all(_came_from_here(said, seen) for said in turns.replies)
    known = [one.label for name, one in seen.items() if unseen or name != LOST]
    return Recollection(tuple(dict.fromkeys(known)), unseen, turns.more)


def asked_for(turns: Turns) -> tuple[bytes, ...]:
    """Return what to look up for these turns."""
    return (*turns.hashes, LOST) if turns.replies else turns.hashes


def conversation_signals(
    recalled: Recollection, vocabulary: Vocabulary, unseen: Label | None
) -> tuple[Signal, ...]:
    """Return the signals of what is recalled; `unseen` is what policy says of turns from elsewhere.

    INVARIANT: what nobody could look at counts as the strictest label.
    """
    found: list[Signal] = []
    if recalled.labels:
        known = join(*(standing(label, vocabulary) for label in recalled.labels))
        found.append(Signal(SOURCE, known, Trust.REMEMBERED))
    if recalled.unseen and unseen is not None:
        found.append(Signal(UNSEEN, unseen, Trust.CONFIGURED))
    if recalled.uncounted:
        found.append(Signal(UNCOUNTED, vocabulary.top, Trust.REMEMBERED))
    return tuple(found)


def standing(label: Label, vocabulary: Vocabulary) -> Label:
    """Return a label of an earlier policy as this one ranks it; an unknown one is the strictest."""
    level = label.level.name
    if level not in vocabulary.levels or not vocabulary.caveats >= label.caveats:
        return vocabulary.top
    return Label(vocabulary.level(level), label.caveats, label.residency)


def worth_keeping(
    turns: Turns, seen: Mapping[bytes, Seen], label: Label, day: int
) -> tuple[bytes, ...]:
    """Return the hashes of which the memory changes under that label, the newest KEPT_MAX.

    WHY: one record has room for so many; those before them are kept by the requests that follow.
    """
    changed = [
        one
        for one in turns.hashes
        if one not in seen or seen[one].day < day or not seen[one].label.dominates(label)
    ]
    return tuple(changed[-KEPT_MAX:])


def _came_from_here(said: Said, seen: Mapping[bytes, Seen]) -> bool:
    def ours(one: bytes) -> bool:
        return one in seen and seen[one].ours

    return ours(said.whole) or (bool(said.parts) and all(map(ours, said.parts)))
