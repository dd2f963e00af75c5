"""Findings that a steward allowed are recorded and raise nothing."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from msgspec.structs import replace

from gateway.domain.allowed import Allowed
from gateway.domain.decision import Finding, Scan

Allows = Mapping[str, tuple[Allowed, ...]]
NOTHING_ALLOWED: Allows = MappingProxyType({})


def by_fingerprint(allowed: Iterable[Allowed]) -> Allows:
    """Return them by what they allow."""
    found: dict[str, tuple[Allowed, ...]] = {}
    for one in allowed:
        found[one.fingerprint] = (*found.get(one.fingerprint, ()), one)
    return found


def with_allowed(scan: Scan, allows: Allows, repos: Collection[str], now: datetime) -> Scan:
    """Return the scan with every finding marked that is allowed now in all of these repositories.

    INVARIANT: a request that belongs to no repository, or also to one for which nothing was
    allowed, has nothing allowed; nor has a finding without a fingerprint.
    """
    if not repos or not any(finding.fingerprint in allows for finding in scan.findings):
        return scan
    findings = tuple(
        replace(finding, allowed=True) if _holds(finding, allows, repos, now) else finding
        for finding in scan.findings
    )
    return replace(scan, findings=findings)


def _holds(finding: Finding, allows: Allows, repos: Collection[str], now: datetime) -> bool:
    if not finding.fingerprint:
        return False
    standing = {one.repo for one in allows.get(finding.fingerprint, ()) if now < one.until}
    return standing.issuperset(repos)
