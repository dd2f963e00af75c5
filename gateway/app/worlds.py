"""The current snapshot: the loaded policy and catalogue, with the health of this moment."""

from collections.abc import Callable

from gateway.app.loading import Loaded
from gateway.backends import BACKENDS
from gateway.classification.allowed import NOTHING_ALLOWED, Allows
from gateway.domain.fleet import Fleet
from gateway.flow.abilities import operations
from gateway.flow.ports import World
from gateway.transport.health import Health


class CurrentWorld:
    """Policy and catalogue stay until others take their place; what rests is asked each time.

    `closed()` returns the zones that a person has closed, `allows()` what stewards allowed.
    """

    def __init__(
        self,
        loaded: Loaded,
        digests: dict[str, str],
        health: Health,
        closed: Callable[[], frozenset[str]] = frozenset,
        allows: Callable[[], Allows] = lambda: NOTHING_ALLOWED,
    ) -> None:
        self._health = health
        self._allows = allows
        self._closed = closed
        self.take(loaded, digests)

    def take(self, loaded: Loaded, digests: dict[str, str]) -> None:
        """Let another configuration be in force, whole: a request sees the one or the other."""
        kinds = {name: BACKENDS[one.kind] for name, one in loaded.models.backends.items()}
        able = operations(loaded.models.catalogue, kinds)
        self._current = loaded, dict(digests), able

    @property
    def loaded(self) -> Loaded:
        """The configuration that is in force."""
        return self._current[0]

    def now(self) -> World:
        """Return the snapshot."""
        loaded, digests, able = self._current
        compiled, models = loaded.compiled, loaded.models
        resting, closed = self._health.resting(), self._closed()
        return World(
            program=compiled.program,
            vocabulary=compiled.vocabulary,
            registry=compiled.registry,
            fleet=Fleet(models.catalogue, resting, able, models.ends, closed),
            documents=digests,
            demo=loaded.node.settings.demo,
            allows=self._allows(),
        )
