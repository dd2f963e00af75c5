"""A steward's word on one finding: in one repository, for a while."""

from datetime import timedelta

import pytest

from gateway.classification.allowed import by_fingerprint, with_allowed
from gateway.domain.allowed import Allowed
from gateway.domain.decision import Finding, Scan
from tests.doubles.policies import NOW

LATER = NOW + timedelta(days=1)
SCAN = Scan(
    (Finding("secrets", "a", "/x", 0, 9, "one"), Finding("secrets", "a", "/y", 0, 9, "two"))
)
ALLOWS = by_fingerprint(
    [
        Allowed("one", "website", LATER),
        Allowed("one", "payments", NOW),
        Allowed("", "website", LATER),
    ]
)


def allowed(*repos: str, scan: Scan = SCAN) -> list[bool]:
    return [one.allowed for one in with_allowed(scan, ALLOWS, frozenset(repos), NOW).findings]


def test_a_finding_is_allowed_where_and_while_it_is() -> None:
    assert allowed("website") == [True, False]


@pytest.mark.parametrize("repos", [(), ("other",), ("payments",), ("website", "payments")])
def test_elsewhere_or_too_late_it_is_not(repos: tuple[str, ...]) -> None:
    assert allowed(*repos) == [False, False]


def test_what_has_no_fingerprint_is_never_allowed() -> None:
    nameless = Scan((Finding("secrets", "a", "/x", 0, 9), *SCAN.findings))
    assert allowed("website", scan=nameless) == [False, True, False]
