"""Another configuration while the gateway runs: whole, or not at all.

What is read again is the policy folder with the facts of its zones, the models folder (catalogue,
backends, tasks, prices), the secrets of the node and the persons; keys are looked at apart. The
node file takes effect with the next start, and until then it is told that it differs. So do the
words of labels, for what is remembered of conversations speaks in them, and the dictionaries.
"""

import asyncio
from collections.abc import Callable, Iterator

from gateway.app.bundles import signed_of
from gateway.app.drifting import CONFIG_DRIFT, NO_DRIFT, drift_of
from gateway.app.loading import DETECTORS, Loaded
from gateway.app.making import Made, rules_of
from gateway.app.refitting import refit, take
from gateway.app.still import stamp_of
from gateway.config.node import Node
from gateway.domain.errors import ConfigError, GatewayError, Problem
from gateway.meters.logs import logger

LOOK_S = 0.5
PROBLEMS_SHOWN_MAX = 3
REJECTED = "policy_rejected"


class Reloader:
    """Looks at the files; `again(node)` reads anew what that node names, and blocks."""

    def __init__(self, made: Made, again: Callable[[Node], Loaded]) -> None:
        self._made = made
        self._again = again
        # What the files looked like when what is in force was read from them.
        self._used = made.loaded.stamp
        self._drift = self._told = NO_DRIFT
        self.fault = ""

    def notices(self) -> list[str]:
        """Return what the files say and the gateway does not: a line for each."""
        fault, drift = self.fault, self._drift.words
        said = [f"the last good policy stays: {fault}"] if fault else []
        return [*said, *([drift] if drift else [])]

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
            await self._look_at_node()
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

    async def _look_at_node(self) -> None:
        """Say whether the node file differs from what runs, and record it when that changes."""
        made = self._made
        self._drift = drift = await asyncio.to_thread(drift_of, made.loaded.node)
        made.metrics.config_drift(drifts=bool(drift.words))
        if drift == self._told:
            return
        logger().warning(CONFIG_DRIFT, changed=drift.changed, count=drift.problems)
        await made.ledger.record(CONFIG_DRIFT, drift.facts)
        self._told = drift

    async def _reload(self) -> None:
        made, old = self._made, self._made.worlds.loaded
        fresh = await asyncio.to_thread(self._again, made.loaded.node)
        for what in _needs_a_start(old, fresh):
            raise _refused(f"{what} changed: it takes effect with the next start")
        signed = signed_of(fresh, made.stewards.standing, made.clock.now_us())
        fit = await asyncio.to_thread(refit, made, fresh)
        digests = {
            name: await made.ledger.store_document(value, name)
            for name, value in fresh.documents.items()
        }
        # WHY: what can fail is done before the ledger says that the policy is in force.
        made.metrics.reload(rules=rules_of(fresh), zones=list(fresh.compiled.zones))
        if fresh.documents != old.documents or signed.serial != made.stewards.standing.serial:
            await made.stewards.policy_loaded({**signed.facts, **digests})
        await made.stewards.persons_loaded(fresh.persons)
        # INVARIANT: nothing is awaited in between: a request sees all of the one, or of the other.
        take(made, fit)
        made.validity.take(signed)
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
    if fresh.compiled.vocabulary != old.compiled.vocabulary:
        yield "what labels are made of (levels, caveats, region sets)"
    if fresh.documents[DETECTORS] != old.documents[DETECTORS]:
        yield "a dictionary, or another rule of the detectors,"


def _refused(what: str) -> ConfigError:
    return ConfigError((Problem("reload", 1, "", what),))
