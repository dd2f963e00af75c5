"""What the payloads of a reply give away of who made it, and where."""

from gateway.domain.attestation import Attested, attest
from gateway.domain.errors import BoundaryBreach
from gateway.domain.request import Operation
from gateway.domain.route import Candidate, OutcomeKind
from gateway.flow.house import House
from gateway.wire import ndjson


class Whereabouts:
    """Looks at each payload of an engine that might be somebody else's front, or is somewhere."""

    def __init__(self, house: House, candidate: Candidate, operation: Operation) -> None:
        self._house = house
        self._offering = candidate.offering
        backend = house.backends[self._offering.backend]
        self._breach, self._settings = backend.breach, backend.settings
        self._residency, self._operation = backend.residency, operation
        self._observe = None if backend.residency is None else backend.residency.observe
        self._region = ""
        self._frame = ndjson.Frame()

    def feed(self, chunk: bytes) -> None:
        """Look at every payload that this chunk completes."""
        if self._breach is not None or self._observe is not None:
            for payload in self._frame.feed(chunk):
                self.whole(payload)

    def whole(self, payload: bytes) -> None:
        """Look at one payload, or at a whole reply; BoundaryBreach if somebody else answered."""
        if self._observe is not None and not self._region:
            self._region = self._observe(payload)
        if self._breach is None:
            return
        why = self._breach(payload, self._offering, self._settings)
        if why:
            self._house.health.breach(self._offering.backend, why)
            raise BoundaryBreach("The engine answered from outside its zone.")

    def attested(self, ended: OutcomeKind) -> Attested | None:
        """Return what the reply has told by its end; None of an engine of our own.

        A reply that is not whole, and one that never tells, are not counted.
        """
        residency = self._residency
        if residency is None or self._operation is not Operation.GENERATE:
            return None
        found = attest(residency.geo(self._offering, self._settings), self._region)
        if self._observe is not None and ended is OutcomeKind.COMPLETED:
            self._house.seen.note(self._offering.id, found.verdict)
        return found
