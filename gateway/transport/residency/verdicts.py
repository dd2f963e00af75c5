"""One check of one offering, and all of them together."""

import re
from enum import StrEnum

from msgspec import Struct

WORD_CHARS_MAX = 64
UNREAD = "not read"
_WORD = re.compile(rf"[A-Za-z0-9][A-Za-z0-9 .,:_-]{{0,{WORD_CHARS_MAX - 1}}}")


class Check(StrEnum):
    """What is held against what was declared."""

    PROFILE = "profile"
    RETENTION = "retention"
    LISTED = "listed"
    ECHO = "echo"
    EVIDENCE = "evidence"
    RAN = "ran"


class Verdict(Struct, frozen=True, kw_only=True):
    """What one check of one offering found.

    `place` is the offering as health speaks of it. `difference` says what does not agree, and is
    empty where all does. `is_read` is false where nobody answered: the next look may tell more.
    """

    offering: str
    place: str
    check: Check
    declared: str
    found: str
    difference: str = ""
    is_read: bool = True


class Report(Struct, frozen=True):
    """All verdicts of one verification."""

    verdicts: tuple[Verdict, ...]

    @property
    def differences(self) -> tuple[Verdict, ...]:
        """Those that do not agree."""
        return tuple(one for one in self.verdicts if one.difference)

    @property
    def is_read(self) -> bool:
        """Did everybody answer who was asked?"""
        return all(one.is_read for one in self.verdicts)


def word(told: object) -> str:
    """Return a provider's word if it has the form of one; else that it has not."""
    if isinstance(told, str) and _WORD.fullmatch(told):
        return told
    return "no word that is known"
