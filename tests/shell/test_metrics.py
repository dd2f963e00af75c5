import pytest

from gateway.meters import metrics as metrics_module
from gateway.meters.metrics import ClosedSet, Metrics


def some_metrics() -> Metrics:
    return Metrics(
        surfaces=["chat_completions", "messages"],
        rules=["restricted-stays-home"],
        zones=["on_prem", "eu_cloud"],
        detectors=["secrets"],
    )


def lines(metrics: Metrics, name: str) -> list[str]:
    return [line for line in metrics.render().decode().splitlines() if line.startswith(name)]


def test_every_meter_of_the_gateway_is_there_from_the_start() -> None:
    text = some_metrics().render().decode()
    for name in (
        "perimeter_requests_total counter",
        "perimeter_denials_total counter",
        "perimeter_attempts_total counter",
        "perimeter_ledger_fsync_seconds histogram",
        "perimeter_in_flight gauge",
        "perimeter_detector_failures_total counter",
        "perimeter_unauthenticated_total counter",
        "perimeter_rejected_connections_total counter",
        "perimeter_boundary_breaches_total counter",
    ):
        assert f"# TYPE {name}" in text


def test_known_values_are_counted_under_their_names() -> None:
    metrics = some_metrics()
    metrics.request("messages", "completed")
    metrics.request("messages", "completed")
    metrics.denial("restricted-stays-home")
    metrics.attempt("on_prem", "failed")
    metrics.detector_failure("secrets")
    metrics.notice()
    text = metrics.render().decode()
    assert 'perimeter_requests_total{outcome="completed",surface="messages"} 2.0' in text
    assert 'perimeter_denials_total{rule="restricted-stays-home"} 1.0' in text
    assert 'perimeter_attempts_total{outcome="failed",zone="on_prem"} 1.0' in text
    assert 'perimeter_detector_failures_total{detector="secrets"} 1.0' in text
    assert "perimeter_notices_total 1.0" in text


def test_what_is_outside_a_closed_set_counts_as_other_and_is_not_shown() -> None:
    metrics = some_metrics()
    for number in range(1_000):
        metrics.request(f"/v1/canary{number}", f"canary{number}")
        metrics.denial(f"canary{number}")
        metrics.attempt(f"canary{number}", f"canary{number}")
        metrics.detector_failure(f"canary{number}")
    assert "canary" not in metrics.render().decode()
    assert lines(metrics, "perimeter_requests_total") == [
        'perimeter_requests_total{outcome="other",surface="other"} 1000.0'
    ]
    assert lines(metrics, "perimeter_attempts_total") == [
        'perimeter_attempts_total{outcome="other",zone="other"} 1000.0'
    ]


def test_plain_counters_count() -> None:
    metrics = some_metrics()
    metrics.unauthenticated()
    metrics.rejected_connection()
    metrics.boundary_breach()
    metrics.began()
    metrics.began()
    metrics.ended()
    metrics.fsync(0.003)
    text = metrics.render().decode()
    assert "perimeter_unauthenticated_total 1.0" in text
    assert "perimeter_rejected_connections_total 1.0" in text
    assert "perimeter_boundary_breaches_total 1.0" in text
    assert "perimeter_in_flight 1.0" in text
    assert 'perimeter_ledger_fsync_seconds_bucket{le="0.002"} 0.0' in text
    assert 'perimeter_ledger_fsync_seconds_bucket{le="0.005"} 1.0' in text


def test_a_reload_closes_the_sets_over_the_new_policy() -> None:
    metrics = some_metrics()
    metrics.reload(rules=["new-rule"], zones=["new_zone"])
    metrics.denial("new-rule")
    metrics.denial("restricted-stays-home")
    assert set(lines(metrics, "perimeter_denials_total")) == {
        'perimeter_denials_total{rule="new-rule"} 1.0',
        'perimeter_denials_total{rule="other"} 1.0',
    }


def test_two_gateways_in_one_process_share_nothing() -> None:
    one, other = some_metrics(), some_metrics()
    one.unauthenticated()
    assert "perimeter_unauthenticated_total 0.0" in other.render().decode()


def test_a_label_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_module, "VALUES_MAX", 1)
    with pytest.raises(ValueError, match="more than 1"):
        ClosedSet(["a", "b"])


def test_the_content_type_is_prometheus_own() -> None:
    assert some_metrics().content_type.startswith("text/plain")
