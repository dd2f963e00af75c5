"""What a reply says of where it was made, held against what was declared."""

from enum import StrEnum

from msgspec import Struct


class Attestation(StrEnum):
    """Does the place that a reply tells agree with the one that was declared?

    `unobservable`: the engine does not tell, or did not in this reply.
    """

    MATCH = "match"
    MISMATCH = "mismatch"
    UNOBSERVABLE = "unobservable"


class Attested(Struct, frozen=True):
    """What one reply told: the region in the provider's own word, empty where it told none."""

    verdict: Attestation
    region: str = ""


def attest(declared: str, region: str) -> Attested:
    """Return the verdict on a reply that told that region; nothing declared is the world."""
    if not region:
        return Attested(Attestation.UNOBSERVABLE)
    agrees = not declared or declared == region
    return Attested(Attestation.MATCH if agrees else Attestation.MISMATCH, region)
