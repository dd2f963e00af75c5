"""The current snapshot: the loaded policy and catalogue, with the health of this moment."""

from typing import Protocol

from gateway.app.loading import Loaded
from gateway.backends import BACKENDS
from gateway.classification.allowed import NOTHING_ALLOWED, Allows
from gateway.domain.fleet import Fleet
from gateway.domain.grant import Grant
from gateway.flow.abilities import operations
from gateway.flow.ports import World
from gateway.transport.health import Health


class Persons(Protocol):
    """What persons have closed, allowed and granted, at this moment."""

    @property
    def closed(self) -> frozenset[str]:
        """The zones that are closed."""

    def allows(self) -> Allows:
        """Return the findings that stewards allow."""

    def grants(self) -> tuple[Grant, ...]:
        """Return what was granted."""

    def spent(self) -> frozenset[str]:
        """Return the ids of what serves no further request."""


class Nobody:
    """No person has done anything."""

    closed: frozenset[str] = frozenset()

    def allows(self) -> Allows:
        """Return nothing."""
        return NOTHING_ALLOWED

    def grants(self) -> tuple[Grant, ...]:
        """Return nothing."""
        return ()

    def spent(self) -> frozenset[str]:
        """Return nothing."""
        return frozenset()


NOBODY = Nobody()


class CurrentWorld:
    """Policy and catalogue stay until others take their place; what rests is asked each time.

    `persons` is asked each time as well.
    """

    def __init__(
        self,
        loaded: Loaded,
        digests: dict[str, str],
        health: Health,
        persons: Persons = NOBODY,
    ) -> None:
        self._health = health
        self._persons = persons
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
        persons, resting = self._persons, self._health.resting()
        return World(
            program=compiled.program,
            vocabulary=compiled.vocabulary,
            registry=compiled.registry,
            fleet=Fleet(models.catalogue, resting, able, models.ends, persons.closed),
            documents=digests,
            demo=loaded.node.settings.demo,
            allows=persons.allows(),
            grants=persons.grants(),
            spent=persons.spent(),
        )
