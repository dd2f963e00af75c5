"""Asking the backends how they are, so that a request need not find out."""

import asyncio
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from gateway.domain.errors import BoundaryBreach
from gateway.domain.fleet import Offering, place
from gateway.domain.request import Body
from gateway.domain.route import FailureKind
from gateway.transport.backend import Answer, Inspection
from gateway.transport.failure import TransportFailure
from gateway.transport.health import Health
from gateway.transport.residency.compare import strays
from gateway.transport.send import Probed, Sender
from gateway.transport.target import Target

PROBE_INTERVAL_MS = 5_000
OK = 200
SCRIPTED = "scripted"
SCRIPTED_FIELD = "x-perimeter-scripted"
SCRIPTED_ANSWERS = "a scripted engine answers"


class Probes:
    """Probes each backend every PROBE_INTERVAL_MS, give or take a quarter by `jitter` (0 to 1).

    A backend that is probed at all is not used before its first good probe; one whose models are
    inspected not before the server has told that it runs them itself. No byte of any request is
    ever part of a probe.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        sender: Sender,
        health: Health,
        jitter: Callable[[], float],
        interval_ms: int = PROBE_INTERVAL_MS,
    ) -> None:
        self._targets: tuple[Target, ...] = ()
        self._sender = sender
        self._health = health
        self._jitter = jitter
        self._interval_s = interval_ms / 1_000
        self._due_in: dict[str, int] = {}
        self._inspected: dict[tuple[str, str], Inspection] = {}
        self._renewed = asyncio.Event()
        self.take(targets)

    def take(self, targets: Iterable[Target]) -> None:
        """Probe these from now on; what is said of one that is new or another is not known yet."""
        before = {target.name: target for target in self._targets}
        probed = tuple(one for one in targets if one.kind.probe_path or one.kind.inspect)
        self._targets = tuple(_known(one, before.get(one.name)) for one in probed)
        self._contexts = {target.name: target.contexts for target in self._targets}
        for target in self._targets:
            if before.pop(target.name, None) is not target:
                self._forget(target.name)
                self._health.ill(target.name, "not probed yet")
        for name in before:
            self._forget(name)
        self._renewed.set()

    async def run(self) -> None:
        """Probe for ever; cancel to stop."""
        while True:
            self._renewed.clear()
            async with asyncio.TaskGroup() as group:
                watching = [group.create_task(self._watch(one)) for one in self._targets]
                await self._renewed.wait()
                for task in watching:
                    task.cancel()

    async def once(self) -> None:
        """Probe every backend one time, all at once."""
        await asyncio.gather(*(self._probe(target) for target in self._targets))

    def name_as_known(self, body: Body, offering: Offering) -> Body:
        """A quirk: ask for the model by the safest name that its server knows."""
        known = self._inspected.get((offering.backend, offering.wire_model))
        if known is None or not known.wire_name:
            return body
        return {**body, "model": known.wire_name}

    def _is_current(self, target: Target) -> bool:
        return any(one is target for one in self._targets)

    def _forget(self, name: str) -> None:
        self._health.forget(name)
        self._due_in.pop(name, None)
        for key in [one for one in self._inspected if one[0] == name]:
            del self._inspected[key]

    async def _watch(self, target: Target) -> None:
        while True:
            await self._probe(target)
            await asyncio.sleep(self._interval_s * (0.75 + self._jitter() / 2))

    async def _probe(self, target: Target) -> None:
        name = target.name
        if self._health.is_quarantined(name):
            return
        try:
            why = await self._ask(target) or await self._inspect(target)
        except TransportFailure as error:
            if error.failure.kind is FailureKind.OVERLOADED:
                return
            why = f"probe: {error.failure.detail}"
        except BoundaryBreach:
            why = "probe: stopped at the boundary"
        except ValueError:
            why = "probe: the answer cannot be read"
        if not self._is_current(target):
            return
        if why:
            self._health.ill(name, why)
            self._due_in[name] = 0
        else:
            self._health.well(name)

    async def _ask(self, target: Target) -> str:
        """Return why the backend is not well; empty when it is."""
        if not target.kind.probe_path:
            return ""
        probed = await self._twice(target.name, target.kind.probe_path)
        disguised = SCRIPTED_FIELD in probed.headers and target.kind.name != SCRIPTED
        if disguised and not target.may_be_scripted and self._is_current(target):
            self._health.quarantine(target.name, SCRIPTED_ANSWERS)
            return SCRIPTED_ANSWERS
        return "" if probed.status == OK else f"probe: status {probed.status}"

    async def _twice(self, backend: str, path: str) -> Probed:
        """Probe; once more when the connection was lost, for it may have been an old one."""
        try:
            return await self._sender.probe(backend, path)
        except TransportFailure as error:
            if error.failure.kind is not FailureKind.UNREACHABLE or not error.failure.sent:
                raise
        return await self._sender.probe(backend, path)

    async def _inspect(self, target: Target) -> str:
        """Ask about the models when that is due; return why the backend cannot be used."""
        inspect, due_in = target.kind.inspect, self._due_in.get(target.name, 0)
        if inspect is None or due_in:
            self._due_in[target.name] = max(due_in - 1, 0)
            return ""

        async def question(path: str, model: str) -> Answer:
            probed = await self._sender.probe(target.asked or target.name, path, model)
            return probed.status, probed.body

        for model in target.models:
            found = await inspect(question, model)
            # WHY: what was asked of a backend that is another by now says nothing of that.
            if not self._is_current(target):
                return ""
            why = self._judge(target, model, found)
            if why:
                return why
        self._due_in[target.name] = target.kind.inspect_every - 1
        return ""

    def _note_fitness(self, backend: str, model: str, found: Inspection) -> None:
        """Leave one model alone that its server does not serve as the catalogue says."""
        told = self._contexts[backend].get(model, 0)
        why = found.unfit
        if found.context_tokens is not None and found.context_tokens < told:
            why = f"serves {found.context_tokens} tokens of context, the catalogue says {told}"
        if why:
            self._health.ill(place(backend, model), why)
        else:
            self._health.well(place(backend, model))

    def _judge(self, target: Target, model: str, found: Inspection) -> str:
        if found.problem:
            return found.problem
        backend = target.name
        self._note_fitness(backend, model, found)
        before = self._inspected.get((backend, model), found)
        outside = strays(found.regions, target.lawful)
        breach = found.breach or (
            outside and f"{model} may be answered in {outside}, outside its zone"
        )
        if not breach and before.digest != found.digest:
            breach = f"the digest of {model} has changed"
        if breach:
            self._health.quarantine(backend, breach)
            return breach
        self._inspected[backend, model] = found
        return ""


def _known(target: Target, before: Target | None) -> Target:
    """Return the target that is probed already, where the other says the same."""
    is_same = before is not None and replace(before, tell=target.tell) == target
    return before if before is not None and is_same else target
