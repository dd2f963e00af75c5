"""What replies have told of where they were made, counted by offering."""

from msgspec import Struct

from gateway.domain.attestation import Attestation


class Counts(Struct, frozen=True):
    """How many replies agreed, did not, or told nothing."""

    match: int = 0
    mismatch: int = 0
    unobservable: int = 0

    def and_one(self, verdict: Attestation) -> "Counts":
        """Return the counts with one more."""
        return Counts(
            self.match + (verdict is Attestation.MATCH),
            self.mismatch + (verdict is Attestation.MISMATCH),
            self.unobservable + (verdict is Attestation.UNOBSERVABLE),
        )


class Seen:
    """Counts since the process began: one reply without an echo is known until the next start."""

    def __init__(self) -> None:
        self._counts: dict[str, Counts] = {}

    def note(self, offering: str, verdict: Attestation) -> None:
        """Count one reply of that offering, by its id."""
        self._counts[offering] = self.of(offering).and_one(verdict)

    def of(self, offering: str) -> Counts:
        """Return the counts of an offering."""
        return self._counts.get(offering, Counts())
