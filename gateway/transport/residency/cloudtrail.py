"""Where Bedrock ran what it was asked, as the account's own CloudTrail tells it afterwards.

An event names the region of inference where that is another than the one that was called. Events of
others in the same account count as well: what ran elsewhere for them would for us.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from gateway.domain.errors import ConfigError, Problem
from gateway.transport.credentials.sigv4 import REGION
from gateway.transport.residency import compare
from gateway.transport.residency.verdicts import Verdict
from gateway.transport.residency.verifier import Subject

FILE_BYTES_MAX = 256 * 1024 * 1024
SOURCE = "bedrock.amazonaws.com"
BEDROCK = "bedrock"
Ran = Counter[tuple[str, str, str]]


class _Asked(Struct):
    model: Any = field(default=None, name="modelId")


class _More(Struct):
    region: Any = field(default=None, name="inferenceRegion")


class _Event(Struct):
    """What is read of one record."""

    source: str = field(default="", name="eventSource")
    region: str = field(default="", name="awsRegion")
    asked: _Asked | None = field(default=None, name="requestParameters")
    more: _More | None = field(default=None, name="additionalEventData")


class _Trail(Struct):
    events: list[_Event] = field(name="Records")


def read_trail(paths: Iterable[Path]) -> Ran:
    """Return how often which model was called in which region, and ran in which.

    ConfigError when a file cannot be read.
    """
    found: Ran = Counter()
    for path in paths:
        found.update(_of(event) for event in _events(path) if event.source == SOURCE)
    return found


def verdicts(subjects: Iterable[Subject], ran: Ran) -> Iterator[Verdict]:
    """Yield whether what each offering at Bedrock was asked ran inside its zone."""
    for subject in subjects:
        if subject.kind.name != BEDROCK or subject.zone.premises:
            continue
        ours = (subject.settings.get(REGION), subject.offering.wire_model)
        regions = Counter({one[2]: count for one, count in ran.items() if one[:2] == ours})
        if regions:
            yield compare.ran(subject.offering, subject.zone.processing_regions, regions)


def _of(event: _Event) -> tuple[str, str, str]:
    model = event.asked.model if event.asked is not None else None
    region = event.more.region if event.more is not None else None
    return (event.region, str(model or ""), str(region or event.region))


def _events(path: Path) -> list[_Event]:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise _unusable(path, f"more than {FILE_BYTES_MAX} bytes")
        return msgspec.json.decode(path.read_bytes(), type=_Trail).events
    except OSError as error:
        raise _unusable(path, error.strerror or "cannot be read") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _unusable(path, "no log file of CloudTrail") from None


def _unusable(path: Path, what: str) -> ConfigError:
    return ConfigError((Problem(str(path), 1, "", what),))
