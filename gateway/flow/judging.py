"""The place of a detector that is a model: a port, and no implementation.

Rule 1: asking a model is an attempt like any other: inside the boundary that policy drew from all
other evidence, recorded before the first byte leaves, through the same sender and guard.
Rule 2: what it says is added to what the detectors found; it takes nothing away, and its failure is
that of a detector: policy says what label it raises.
Rule 3: it answers before the decision that counts. That one is drawn from its findings too, and can
only be narrower than the one under which it was asked.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from gateway.domain.decision import Decision, Scan
from gateway.domain.request import Envelope


class Asked(Struct, frozen=True):
    """What a model-based detector is given: the request, and the decision that bounds its call."""

    envelope: Envelope
    scan: Scan
    decision: Decision


class Judge(Protocol):
    """A detector that asks a model. None is shipped."""

    @property
    def name(self) -> str:
        """The name by which policy and records know it."""

    async def judge(self, asked: Asked) -> Scan:
        """Return its findings, or itself as failed; it raises nothing."""


def joined(scan: Scan, judged: Sequence[Scan]) -> Scan:
    """Return what was found by all: a judge only ever adds."""
    return Scan(
        (*scan.findings, *(one for other in judged for one in other.findings)),
        (*scan.failed, *(name for other in judged for name in other.failed)),
    )
