"""What a steward allowed: one finding, in one repository, for a while."""

from datetime import datetime

from msgspec import Struct


class Allowed(Struct, frozen=True):
    """A finding that was looked at and is none: its fingerprint, where, and until when."""

    fingerprint: str
    repo: str
    until: datetime
