"""Another policy while the gateway runs: whole, or not at all.

What is read again is the policy folder, the tasks and the persons; keys are looked at apart. The
node file, the backends, the offerings and the facts of their zones take effect with the next start,
and so do the words of labels: what is remembered of conversations speaks in them.
"""

import asyncio
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from gateway.app.bundles import signed_of
from gateway.app.loading import DETECTORS, Loaded
from gateway.app.making import Made, rules_of
from gateway.app.still import stamp_of
from gateway.domain.errors import ConfigError, GatewayError, Problem
from gateway.domain.zone import Zone
from gateway.meters.logs import logger

LOOK_S = 0.5
PROBLEMS_SHOWN_MAX = 3
REJECTED = "policy_rejected"


class Reloader:
    """Looks at the files; `again()` reads everything anew and blocks."""

    def __init__(self, made: Made, again: Callable[[], Loaded]) -> None:
        self._made = made
        self._again = again
        # What the files looked like when what is in force was read from them.
        self._used = made.loaded.stamp
        self.fault = ""

    async def watch(self, asked: asyncio.Event) -> None:
        """Read again when files have changed, or when `asked` is set, until cancelled.

        WHY: files that still change are let come to rest, so that no half-written one is read.
        """
        seen = self._used
        while True:
            await asyncio.sleep(LOOK_S)
            now = await asyncio.to_thread(stamp_of, self._made.loaded.node)
            is_at_rest, seen = now == seen, now
            if asked.is_set() or (is_at_rest and now != self._used):
                asked.clear()
                if await self.reload():
                    self._used = now

    async def reload(self) -> bool:
        """Take what the files say, or keep what is in force and say why; was the answer final?

        A ledger that could not be written is no answer: the same files are tried again.
        """
        final, self.fault = True, ""
        try:
            await self._reload()
        except ConfigError as error:
            await self._reject(error)
        except GatewayError as error:
            final, self.fault = False, f"{error.code}: {error.what}"
            logger().error("reload_failed", code=error.code)
        except Exception as error:  # noqa: BLE001 - whatever the files hold, the last good one stays
            self.fault = f"it cannot be used: {type(error).__name__}"
            logger().error("reload_failed", kind=type(error).__name__)
        self._made.metrics.reloaded(ok=not self.fault)
        return final

    async def _reload(self) -> None:
        made, old = self._made, self._made.worlds.loaded
        fresh = await asyncio.to_thread(self._again)
        # WHY: the detectors of the start stay in use, whatever their files say now.
        used = {**fresh.documents, DETECTORS: old.documents[DETECTORS]}
        fresh = replace(fresh, documents=used)
        for what in _needs_a_start(old, fresh):
            raise _refused(f"{what} changed: it takes effect with the next start")
        signed = signed_of(fresh, made.stewards.standing, made.clock.now_us())
        digests = {
            name: await made.ledger.store_document(value, name)
            for name, value in fresh.documents.items()
        }
        # WHY: what can fail is done before the ledger says that the policy is in force.
        made.metrics.reload(rules=rules_of(fresh), zones=list(fresh.compiled.zones))
        if fresh.documents != old.documents or signed.serial != made.stewards.standing.serial:
            await made.stewards.policy_loaded({**signed.facts, **digests})
        await made.stewards.persons_loaded(fresh.persons)
        made.sender.pin({name: zone.addresses for name, zone in fresh.compiled.zones.items()})
        made.worlds.take(fresh, digests)
        logger().info("reloaded", digest=digests["policy"])

    async def _reject(self, error: ConfigError) -> None:
        shown = [str(problem) for problem in error.problems[:PROBLEMS_SHOWN_MAX]]
        self.fault = "; ".join(shown)
        logger().error(REJECTED, exc_info=error)
        try:
            await self._made.ledger.record(REJECTED, {"problems": len(error.problems)})
        except GatewayError as unwritten:
            logger().error("rejection_unrecorded", code=unwritten.code)


def _needs_a_start(old: Loaded, fresh: Loaded) -> Iterator[str]:
    """Yield what cannot change while the gateway runs."""
    if fresh.node.settings != old.node.settings:
        yield "perimeter.yaml"
    if fresh.models.backends != old.models.backends or fresh.secrets.keys() != old.secrets.keys():
        yield "backends.yaml"
    if fresh.models.catalogue.offerings != old.models.catalogue.offerings:
        yield "catalog.yaml"
    if fresh.compiled.vocabulary != old.compiled.vocabulary:
        yield "what labels are made of (levels, caveats, region sets)"
    if _declared(fresh) != _declared(old):
        yield "a fact of a zone of the fleet (all but its clearance and its addresses)"


def _declared(loaded: Loaded) -> dict[str, Zone]:
    """Return the facts that engines are held against while the gateway runs."""
    used = {backend.zone for backend in loaded.models.backends.values()}
    low = loaded.compiled.vocabulary.level(loaded.compiled.vocabulary.levels[0])
    return {
        name: replace(zone, level=low, caveats=frozenset(), addresses=())
        for name, zone in loaded.compiled.zones.items()
        if name in used
    }


def _refused(what: str) -> ConfigError:
    return ConfigError((Problem("reload", 1, "", what),))
