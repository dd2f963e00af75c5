"""Where checkpoints are kept outside, out of the reach of whoever runs this host.

Rule 1: nothing of a request goes there: a checkpoint is a name, a number and a hash.
Rule 2: an anchor that cannot be reached is told of, and holds up nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from msgspec import Struct

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.tree import Proof

# The proof that the log grew from this size to the checkpoint that is anchored.
Prove = Callable[[int], Awaitable[Proof]]


class Anchored(Struct, frozen=True):
    """What an anchor keeps now: facts for the ledger, and signatures for the checkpoint's note."""

    facts: Mapping[str, str | int]
    lines: tuple[str, ...] = ()


class NotAnchored(Exception):
    """The anchor did not take it; the text is one of ours.

    `contradicts` says that the anchor knows another history of this log than we have.
    """

    def __init__(self, why: str, *, contradicts: bool = False) -> None:
        super().__init__(why)
        self.contradicts = contradicts


class Anchor(Protocol):
    """A place outside. Another kind needs this one method."""

    kind: str

    async def anchor(self, checkpoint: Checkpoint, note: str, prove: Prove) -> Anchored:
        """Have the checkpoint kept there; NotAnchored."""
