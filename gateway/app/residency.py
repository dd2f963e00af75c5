"""Verification of residency while the gateway runs: at the start, daily, sooner if unanswered."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date

from gateway.app.alarms import AGREED, DIFFERENCE
from gateway.app.loading import Loaded
from gateway.backends import BACKENDS
from gateway.transport.backend import Answer
from gateway.transport.health import Health
from gateway.transport.residency.verdicts import Check, Report, Verdict
from gateway.transport.residency.verifier import Asking, Subject, Verifier
from gateway.transport.send import Sender
from gateway.transport.target import Target

DAY_S = 86_400.0
AGAIN_S = 600.0
SPREAD = 0.2
NOT_VERIFIED = "not verified yet"
Tell = Callable[[str, Mapping[str, str | int | bool]], Awaitable[None]]


def subjects_of(loaded: Loaded, targets: Iterable[Target]) -> Iterator[Subject]:
    """Yield every offering of the catalogue with what is declared of it."""
    asked = {target.name: target.asked for target in targets}
    for offering in loaded.models.catalogue.offerings:
        backend = loaded.models.backends[offering.backend]
        yield Subject(
            offering=offering,
            kind=BACKENDS[backend.kind],
            zone=loaded.compiled.zones[offering.zone],
            settings=backend.settings,
            asked=asked.get(offering.backend, ""),
        )


def asking(sender: Sender) -> Asking:
    """Return what asks a provider through the one way out."""

    async def ask(backend: str, path: str, model: str) -> Answer:
        probed = await sender.probe(backend, path, model)
        return probed.status, probed.body

    return ask


class ResidencyWatch:
    """Verifies, withholds what differs, and tells of each difference as it comes and as it goes.

    `today` is the clock's day; `jitter` (0 to 1) spreads the looks of many gateways over the day.
    `looked` is set when the first look is over.
    INVARIANT: what no look has seen as it is now is withheld until one has, by whatever name it was
    known before: unknown is not allowed.
    """

    def __init__(
        self,
        verifier: Verifier,
        health: Health,
        tell: Tell,
        today: Callable[[], date],
        jitter: Callable[[], float],
    ) -> None:
        self._health = health
        self._tell = tell
        self._today = today
        self._jitter = jitter
        self._known: dict[tuple[str, Check], Verdict] = {}
        self._seen: tuple[Subject, ...] = ()
        self._again = asyncio.Event()
        self.looked = asyncio.Event()
        self.take(verifier)

    def take(self, verifier: Verifier, moved: Collection[str] = ()) -> None:
        """Verify what that one knows from now on, and at once.

        `moved` names the backends that are reached otherwise than at the last look.
        """
        self._verifier = verifier
        self._seen = tuple(one for one in self._seen if one.offering.backend not in moved)
        unseen = (one for one in verifier.subjects if not any(map(one.is_as, self._seen)))
        awaited = {one.offering.place: NOT_VERIFIED for one in unseen}
        self._health.withhold({**awaited, **_withheld(self._known.values())})
        self._again.set()

    async def run(self) -> None:
        """Verify for ever; cancel to stop."""
        while True:
            self._again.clear()
            report = await self.once()
            wait_s = DAY_S if report.is_read else AGAIN_S
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s * (1 - SPREAD / 2 + SPREAD * self._jitter())):
                    await self._again.wait()

    async def once(self) -> Report:
        """Verify one time; what differs is withheld before anything is recorded."""
        verifier = self._verifier
        report = await verifier.verify(self._today())
        if verifier is not self._verifier:
            # WHY: what was found of another fleet says nothing of this one.
            return report
        differing = {(one.offering, one.check): one for one in report.differences}
        self._seen = verifier.subjects
        self._health.withhold(_withheld(report.differences))
        before, self._known = self._known, differing
        self.looked.set()
        for key, verdict in differing.items():
            if key not in before or before[key].difference != verdict.difference:
                await self._tell(DIFFERENCE, _facts(verdict))
        for key, verdict in before.items():
            if key not in differing:
                await self._tell(AGREED, _facts(verdict))
        return report


def _withheld(differences: Iterable[Verdict]) -> dict[str, str]:
    return {one.place: one.difference for one in differences}


def _facts(verdict: Verdict) -> dict[str, str | int | bool]:
    return {
        "offering": verdict.offering,
        "check": str(verdict.check),
        "declared": verdict.declared,
        "found": verdict.found,
        "reason": verdict.difference,
    }
