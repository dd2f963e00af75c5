"""All checks of all offerings that are not our own, a few at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import date
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.domain.errors import BoundaryBreach
from gateway.domain.fleet import Offering
from gateway.domain.zone import Zone
from gateway.transport.backend import ABROAD, Answer, Backend, Inspection, Question, Residency
from gateway.transport.credentials import Settings
from gateway.transport.failure import TransportFailure
from gateway.transport.residency import compare
from gateway.transport.residency.seen import Seen
from gateway.transport.residency.verdicts import Check, Report, Verdict

T = TypeVar("T")
VERIFY_S_MAX = 120.0
AT_ONCE_MAX = 8
Asking = Callable[[str, str, str], Awaitable[Answer]]
NO_ANSWER = "nobody tells whether it is so"
LOCATION = "location"


class Subject(Struct, frozen=True, kw_only=True):
    """One offering with what is declared of it; `asked` names its control plane, where one is."""

    offering: Offering
    kind: Backend
    zone: Zone
    settings: Settings = {}
    asked: str = ""

    def is_as(self, other: "Subject") -> bool:
        """Is the same declared of the same offering there? Its price and its limits say nothing."""
        mine, its = self.offering, other.offering
        is_there = (mine.id, mine.place) == (its.id, its.place)
        return is_there and self == replace(other, offering=mine)


class Verifier:
    """Holds what was declared against what is found; `ask(backend, path, model)` asks a provider.

    `ask` raises TransportFailure or BoundaryBreach where there is no answer. Offerings on our own
    premises are what they are, and are not asked about.
    """

    def __init__(self, subjects: Iterable[Subject], ask: Asking, seen: Seen) -> None:
        self._subjects = tuple(one for one in subjects if not one.zone.premises)
        self._ask = ask
        self._seen = seen

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """What is verified: the offerings that are not on our own premises."""
        return self._subjects

    async def verify(self, today: date) -> Report:
        """Return the verdicts on that day; what is not answered in VERIFY_S_MAX was not read."""
        look = _Look(today, asyncio.get_running_loop().time() + VERIFY_S_MAX)
        found = await asyncio.gather(*(self._listed(one, look) for one in self._subjects))
        return Report(tuple(verdict for verdicts in found for verdict in verdicts))

    async def _listed(self, subject: Subject, look: "_Look") -> list[Verdict]:
        async with look.turns:
            return [one async for one in self._of(subject, look)]

    async def _of(self, subject: Subject, look: "_Look") -> AsyncIterator[Verdict]:
        offering, settings = subject.offering, subject.settings
        residency = subject.kind.residency or ABROAD
        yield compare.evidence(offering, subject.zone, look.today)
        if residency.unlisted is not None and subject.zone.processing_regions is not None:
            why = residency.unlisted(offering, settings, look.today)
            yield compare.listed(offering, str(settings.get(LOCATION, "")), why)
        geo = residency.geo(offering, settings)
        if geo and residency.observe is not None:
            yield compare.echo(offering, geo, self._seen.of(offering.id))
        if subject.asked:
            async for verdict in self._asked(subject, residency, look):
                yield verdict

    async def _asked(
        self, subject: Subject, residency: Residency, look: "_Look"
    ) -> AsyncIterator[Verdict]:
        """Yield what the provider's control plane tells of profiles, and of what it keeps."""
        offering, lawful = subject.offering, subject.zone.processing_regions
        declared = residency.kept(subject.settings)
        if subject.kind.inspect is not None and lawful is not None:
            told = await _answer(self._inspected(subject), look)
            if isinstance(told, Inspection) and not told.problem:
                if told.regions or told.unfit:
                    yield compare.profile(offering, lawful, told.regions, told.unfit)
            else:
                yield compare.unread(offering, Check.PROFILE, compare.places(lawful), NO_ANSWER)
        if residency.retention is not None:
            mode = await self._kept(subject, residency.retention, look)
            if isinstance(mode, str):
                yield compare.retention(offering, declared, mode)
            else:
                yield compare.unread(offering, Check.RETENTION, declared, NO_ANSWER)

    async def _inspected(self, subject: Subject) -> Inspection:
        if subject.kind.inspect is None:
            return Inspection()
        return await subject.kind.inspect(self._question(subject), subject.offering.wire_model)

    def _question(self, subject: Subject) -> Callable[[str, str], Awaitable[Answer]]:
        async def question(path: str, model: str) -> Answer:
            return await self._ask(subject.asked, path, model)

        return question

    async def _kept(
        self, subject: Subject, read: Callable[[Question], Awaitable[str]], look: "_Look"
    ) -> str | None:
        """Return what the account keeps; each control plane is asked once in a look."""
        if subject.asked not in look.kept:
            told = _answer(read(self._question(subject)), look)
            look.kept[subject.asked] = asyncio.ensure_future(told)
        return await look.kept[subject.asked]


class _Look:
    """One verification under way: its day, its end, and what was asked already."""

    def __init__(self, today: date, end_at: float) -> None:
        self.today = today
        self.end_at = end_at
        self.turns = asyncio.Semaphore(AT_ONCE_MAX)
        self.kept: dict[str, asyncio.Future[str | None]] = {}


async def _answer(told: Awaitable[T], look: _Look) -> T | None:
    """Return the answer, or None where there is none that can be read."""
    try:
        async with asyncio.timeout_at(look.end_at):
            return await told
    except (TransportFailure, BoundaryBreach, TimeoutError, ValueError, msgspec.MsgspecError):
        return None
