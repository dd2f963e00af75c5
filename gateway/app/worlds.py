"""The current snapshot: the loaded policy and catalogue, with the health of this moment."""

from gateway.app.loading import Loaded
from gateway.backends import BACKENDS
from gateway.domain.fleet import Fleet
from gateway.flow.abilities import operations
from gateway.flow.ports import World
from gateway.transport.health import Health


class CurrentWorld:
    """Policy and catalogue stay; what rests is asked anew each time."""

    def __init__(self, loaded: Loaded, digests: dict[str, str], health: Health) -> None:
        self._loaded = loaded
        self._digests = digests
        self._health = health
        kinds = {name: BACKENDS[one.kind] for name, one in loaded.models.backends.items()}
        self._operations = operations(loaded.models.catalogue, kinds)

    def now(self) -> World:
        """Return the snapshot."""
        compiled, models = self._loaded.compiled, self._loaded.models
        return World(
            program=compiled.program,
            vocabulary=compiled.vocabulary,
            registry=compiled.registry,
            fleet=Fleet(models.catalogue, self._health.resting(), self._operations, models.ends),
            documents=self._digests,
            demo=self._loaded.node.settings.demo,
        )
