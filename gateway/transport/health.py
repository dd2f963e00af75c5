"""Which backends can be used now, as far as we know."""

from collections.abc import Callable, Mapping

Alarm = Callable[[str, str], None]

REST_MS = 5_000


class Health:
    """Reasons to leave a backend alone: a bad probe, a failed attempt, a quarantine.

    A bad probe lasts until a good one, a failed attempt REST_MS, a quarantine until the process
    ends. An offering whose residency is not as it was declared is left alone until a verification
    finds otherwise. `now_s` is a clock that only goes forward; `alarm(backend, reason)` is called
    once for each backend that is quarantined, `breached(backend, reason)` for each breach.
    """

    def __init__(
        self,
        now_s: Callable[[], float],
        alarm: Alarm,
        breached: Alarm = lambda _backend, _why: None,
    ) -> None:
        self._now_s = now_s
        self._alarm = alarm
        self._breached = breached
        self._ill: dict[str, str] = {}
        self._tired: dict[str, tuple[float, str]] = {}
        self._quarantined: dict[str, str] = {}
        self._differing: dict[str, str] = {}

    def ill(self, backend: str, reason: str) -> None:
        """Leave the backend alone until a probe says that it is well."""
        self._ill[backend] = reason

    def well(self, backend: str) -> None:
        """A probe found the backend well; what rests or is quarantined stays so."""
        self._ill.pop(backend, None)

    def forget(self, backend: str) -> None:
        """Know nothing of the backend and its models any more, but what is never forgotten.

        INVARIANT: a quarantine lasts until the process ends, whatever the fleet file says by then.
        """
        for known in (self._ill, self._tired):
            for name in [one for one in known if one.partition("/")[0] == backend]:
                known.pop(name)

    def rest(self, backend: str, reason: str) -> None:
        """Leave the backend alone for a short while: an attempt there has failed."""
        self._tired[backend] = (self._now_s() + REST_MS / 1_000, f"resting: {reason}")

    def quarantine(self, backend: str, reason: str) -> None:
        """Never use the backend again in this boot; the first reason stays."""
        if backend not in self._quarantined:
            self._quarantined[backend] = f"quarantined: {reason}"
            self._alarm(backend, reason)

    def withhold(self, differing: Mapping[str, str]) -> None:
        """Leave these offerings alone, and no others, until the next verification says otherwise.

        Each stands under its backend and its name there, with what does not agree. Readiness stays:
        the rest of the fleet is as it was declared.
        """
        self._differing = {place: f"quarantined: {why}" for place, why in differing.items()}

    def breach(self, backend: str, reason: str) -> None:
        """A request, or a question of our own, met somebody who is not of its zone."""
        self.quarantine(backend, f"boundary breach: {reason}")
        self._breached(backend, reason)

    @property
    def quarantined(self) -> dict[str, str]:
        """The backends in quarantine and why; while there is one, the gateway is not ready."""
        return dict(self._quarantined)

    def is_quarantined(self, backend: str) -> bool:
        """Must this backend never be used again?"""
        return backend in self._quarantined

    def resting(self) -> dict[str, str]:
        """Return a snapshot: the backends that cannot be used now, and the gravest reason."""
        if self._tired:
            now = self._now_s()
            self._tired = {name: until for name, until in self._tired.items() if until[0] > now}
        tired = {name: reason for name, (_, reason) in self._tired.items()}
        return {**tired, **self._ill, **self._differing, **self._quarantined}
