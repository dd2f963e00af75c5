"""Recorded answers in place of a network: one file for each backend, and the day of the look.

`<backend>.json` holds `answers`, by path, each with `status` and `body`, and `replies`, by
offering, each a body or the text of a stream. `cloudtrail.json` is a log file of CloudTrail.
`day.txt` holds the day; without it, it is today.
"""

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from gateway.domain.attestation import attest
from gateway.domain.errors import ConfigError, Problem
from gateway.domain.route import FailureKind
from gateway.transport.backend import Answer
from gateway.transport.failure import failed
from gateway.transport.residency.seen import Seen
from gateway.transport.residency.verifier import Subject

DAY = "day.txt"
TRAIL = "cloudtrail.json"
FILE_BYTES_MAX = 4 * 1024 * 1024
CONTROL = ".control"


class Recorded(Struct, frozen=True, forbid_unknown_fields=True):
    """One answer of a control plane."""

    status: int
    body: Any


class Fixture(Struct, frozen=True, forbid_unknown_fields=True):
    """What one backend has answered."""

    answers: dict[str, Recorded] = {}
    replies: dict[str, list[Any]] = {}


class Fixtures:
    """A folder of recorded answers; ConfigError when it cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not folder.is_dir():
            raise _unusable(folder, "no folder")
        self._read: dict[str, Fixture] = {}

    async def ask(self, backend: str, path: str, _model: str) -> Answer:
        """Return the recorded answer; TransportFailure where none was recorded."""
        found = self._of(backend.removesuffix(CONTROL)).answers.get(path)
        if found is None:
            raise failed(FailureKind.UNREACHABLE, "not recorded", sent=False)
        return found.status, msgspec.json.encode(found.body)

    def day(self, today: date) -> date:
        """Return the day of the look."""
        path = self._folder / DAY
        if not path.exists():
            return today
        try:
            return date.fromisoformat(path.read_text(encoding="ascii").strip())
        except ValueError:
            raise _unusable(path, "no day such as 2026-11-27") from None

    @property
    def trails(self) -> tuple[Path, ...]:
        """The log file of CloudTrail, where one was recorded."""
        path = self._folder / TRAIL
        return (path,) if path.exists() else ()

    def hear(self, subject: Subject, seen: Seen) -> None:
        """Take in what the recorded replies of that offering tell."""
        residency, offering = subject.kind.residency, subject.offering
        if residency is None or residency.observe is None:
            return
        geo = residency.geo(offering, subject.settings)
        for reply in self._of(offering.backend).replies.get(offering.id, []):
            text = reply if isinstance(reply, str) else msgspec.json.encode(reply).decode()
            told = (residency.observe(line.encode()) for line in text.splitlines())
            seen.note(offering.id, attest(geo, next(filter(None, told), "")).verdict)

    def _of(self, backend: str) -> Fixture:
        if backend not in self._read:
            self._read[backend] = _fixture(self._folder / f"{backend}.json")
        return self._read[backend]


def _fixture(path: Path) -> Fixture:
    if not path.exists():
        return Fixture()
    if path.stat().st_size > FILE_BYTES_MAX:
        raise _unusable(path, f"more than {FILE_BYTES_MAX} bytes")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Fixture)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _unusable(path, "no recorded answers in their form") from None


def _unusable(path: Path, what: str) -> ConfigError:
    return ConfigError((Problem(str(path), 1, "", what),))
