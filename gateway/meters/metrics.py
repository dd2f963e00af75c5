"""Counters with closed label sets, as Prometheus reads them."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

OTHER = "other"
VALUES_MAX = 2_000
OUTCOMES = ("completed", "failed", "cancelled", "refused", "lost")
FSYNC_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5)


class ClosedSet:
    """The values that a label may have."""

    __slots__ = ("_values",)

    def __init__(self, values: Iterable[str]) -> None:
        self._values = frozenset(values)
        if len(self._values) > VALUES_MAX:
            raise ValueError(f"more than {VALUES_MAX} values for one label")

    def fit(self, value: str) -> str:
        """Return the value, or `other` when it is not in the set."""
        return value if value in self._values else OTHER


class Metrics:
    """Every meter of one gateway, in a registry of its own."""

    def __init__(
        self,
        *,
        surfaces: Iterable[str],
        rules: Iterable[str],
        zones: Iterable[str],
        detectors: Iterable[str],
    ) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._outcomes = ClosedSet(OUTCOMES)
        self._surfaces = ClosedSet(surfaces)
        self._detectors = ClosedSet(detectors)
        self._requests = self._counter("requests", "Requests that ended.", "surface", "outcome")
        self._denials = self._counter("denials", "Denials by policy rule.", "rule")
        self._notices = self._counter("notices", "Requests under the obligation notify.")
        self._shadows = self._counter("shadow_matches", "Matches of rules in the shadow.", "rule")
        self._attempts = self._counter("attempts", "Attempts by zone.", "zone", "outcome")
        self._failures = self._counter("detector_failures", "Failed detectors.", "detector")
        self._unauthenticated = self._counter("unauthenticated", "Requests without a usable key.")
        self._rejected = self._counter("rejected_connections", "Connections over a limit.")
        self._breaches = self._counter("boundary_breaches", "Boundary breaches. Must be 0.")
        self._differences = self._counter(
            "residency_differences", "Places that are not as they were declared. Must be 0."
        )
        self._fsync = Histogram(
            "perimeter_ledger_fsync_seconds",
            "Time of one fdatasync of the ledger.",
            buckets=FSYNC_BUCKETS_S,
            registry=self._registry,
        )
        self._current = self._gauge(
            "policy_current", "1 when the files are in force, 0 when the last good ones stay."
        )
        self._current.set(1)
        self._drift = self._gauge("config_drift", "1 while the node file is not what runs.")
        self._expired = self._gauge("policy_expired", "1 while the policy's approval is over.")
        self._grants = self._counter("grants_used", "Requests that persons granted.", "kind")
        self._glass = self._gauge("break_glass", "Statements that break glass, in effect.")
        self._in_flight = self._gauge("in_flight", "Requests being answered.")
        self._fetches = self._counter(
            "issuer_key_fetches", "Looks at the keys of an issuer.", "issuer", "outcome"
        )
        self._anchorings = self._counter(
            "anchorings", "Checkpoints handed to an anchor.", "anchor", "outcome"
        )
        self._keys_stale = self._gauge(
            "keys_stale", "1 while the key file cannot be used and an earlier one is."
        )
        self.reload(rules=rules, zones=zones)

    def reload(self, *, rules: Iterable[str], zones: Iterable[str]) -> None:
        """Close the label sets over the rules and zones of the policy that is now loaded."""
        self._rules = ClosedSet(rules)
        self._zones = ClosedSet(zones)

    def reloaded(self, *, ok: bool) -> None:
        """Note whether what the files say is in force."""
        self._current.set(int(ok))

    def config_drift(self, *, drifts: bool) -> None:
        """Say whether the node file is another than the one that is in use."""
        self._drift.set(int(drifts))

    def policy_expired(self, *, expired: bool) -> None:
        """Say whether the approval of the policy in force is over."""
        self._expired.set(int(expired))

    def request(self, surface: str, outcome: str) -> None:
        """Count a request that was settled or refused."""
        self._requests.labels(self._surfaces.fit(surface), self._outcomes.fit(outcome)).inc()

    def denial(self, rule: str) -> None:
        """Count a denial by rule."""
        self._denials.labels(self._rules.fit(rule)).inc()

    def notice(self) -> None:
        """Count a request of which policy wants to be told."""
        self._notices.inc()

    def shadow(self, rule: str) -> None:
        """Count a request that a rule in the shadow matches."""
        self._shadows.labels(self._rules.fit(rule)).inc()

    def grant_used(self, kind: str) -> None:
        """Count a request that was answered by what persons granted."""
        self._grants.labels(kind).inc()

    def glass_broken(self, count: int) -> None:
        """Say how many statements that break glass are in effect."""
        self._glass.set(count)

    def attempt(self, zone: str, outcome: str) -> None:
        """Count an attempt by the zone that it went to."""
        self._attempts.labels(self._zones.fit(zone), self._outcomes.fit(outcome)).inc()

    def detector_failure(self, detector: str) -> None:
        """Count a detector that failed."""
        self._failures.labels(self._detectors.fit(detector)).inc()

    def unauthenticated(self) -> None:
        """Count a request without a usable key; no record is left of it."""
        self._unauthenticated.inc()

    def rejected_connection(self) -> None:
        """Count a connection that was closed over a limit."""
        self._rejected.inc()

    def boundary_breach(self) -> None:
        """Count a prompt that was stopped right before it left its boundary."""
        self._breaches.inc()

    def residency_difference(self) -> None:
        """Count a place that was found to be other than it was declared."""
        self._differences.inc()

    def keys_stale(self, *, stale: bool) -> None:
        """Say whether the key file on disk is another than the one in use."""
        self._keys_stale.set(int(stale))

    def keys_fetched(self, issuer: str, *, well: bool) -> None:
        """Count a look at the keys of an issuer, which carries nothing of any request."""
        self._fetches.labels(issuer, "completed" if well else "failed").inc()

    def anchored(self, anchor: str, *, well: bool) -> None:
        """Count an anchoring, which carries nothing of any request."""
        self._anchorings.labels(anchor, "completed" if well else "failed").inc()

    def fsync(self, seconds: float) -> None:
        """Record how long one fdatasync of the ledger took."""
        self._fsync.observe(seconds)

    def began(self) -> None:
        """Count a request in."""
        self._in_flight.inc()

    def ended(self) -> None:
        """Count a request out."""
        self._in_flight.dec()

    @property
    def content_type(self) -> str:
        """The content type of what `render` returns."""
        return CONTENT_TYPE_LATEST

    def render(self) -> bytes:
        """Return all meters in Prometheus' text form."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"perimeter_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"perimeter_{name}", text, registry=self._registry)
