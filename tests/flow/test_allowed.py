"""What a steward allowed is recorded as allowed, and raises nothing in that repository."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.classification.allowed import by_fingerprint
from gateway.domain.allowed import Allowed
from gateway.domain.decision import Finding, Scan
from gateway.flow.opening import (
    FINDINGS_BYTES_MAX,
    FINDINGS_KEPT_MAX,
    TAGS_KEPT_MAX,
    kept_findings,
)
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope
from tests.doubles.worlds import a_world

pytestmark = pytest.mark.anyio
FOUND = Scan((Finding("secrets", "github-pat", "/messages/0/content", 0, 40, "its hash"),))


async def decided(hours: int, **changed: Any) -> Any:
    stage = Stage()
    until = stage.house.clock.now() + timedelta(hours=hours)
    allows = by_fingerprint([Allowed("its hash", "website", until)])
    stage.worlds.world = replace(a_world(a_fleet(CATALOGUE)), allows=allows)
    stage.scanner.found = FOUND
    await stage.ask(an_envelope(**changed))
    (found,) = stage.ledger.decided
    return found


async def test_an_allowed_finding_raises_nothing_and_is_recorded_as_allowed() -> None:
    found = await decided(1, caller={"repos": ("website",)})
    assert (str(found.label), found.raised_by) == ("public", ())
    assert found.finding_kinds == found.allowed_kinds == {"github-pat": 1}
    assert found.facts.findings == frozenset()


@pytest.mark.parametrize(
    ("hours", "repos"), [(0, ("website",)), (-1, ("website",)), (1, ("payments",)), (1, ())]
)
async def test_too_late_or_elsewhere_it_counts(hours: int, repos: tuple[str, ...]) -> None:
    found = await decided(hours, caller={"repos": repos})
    assert str(found.label) == "restricted+secret"
    assert found.allowed_kinds is UNSET
    assert found.facts.findings == {"github-pat"}


@pytest.mark.parametrize(
    "claims",
    [{"repo": "payments"}, {"workspaces": ("https://git.example.com/nobody/knows.git",)}],
)
async def test_a_request_that_also_claims_another_repository_has_nothing_allowed(
    claims: dict[str, Any],
) -> None:
    found = await decided(1, caller={"repos": ("website",)}, claims=claims)
    assert str(found.label) == "restricted+secret"


@pytest.mark.parametrize("claims", [{"repo": "website"}, {"place_repo": "website"}])
async def test_a_claimed_repository_allows_nothing_to_a_key_that_binds_none(
    claims: dict[str, str],
) -> None:
    found = await decided(1, caller={"repos": ()}, claims=claims)
    assert str(found.label) == "restricted+secret"
    assert found.allowed_kinds is UNSET


def test_a_record_keeps_what_raised_the_label_before_what_only_tags() -> None:
    tags = [
        Finding("contacts", "email", "/x", at, at + 9, f"{at}", tag_only=True) for at in range(400)
    ]
    kept = kept_findings((*tags, *FOUND.findings))
    assert kept[0] == FOUND.findings[0]
    assert len(kept) == len(FOUND.findings) + TAGS_KEPT_MAX


def test_a_record_keeps_everything_that_raised_the_label_within_its_bounds() -> None:
    hits = [Finding("secrets", "iban", "/x" * 200, at, at + 9, f"{at}") for at in range(3_000)]
    assert [one.start for one in kept_findings(tuple(hits[:1_280]))] == list(range(1_280))
    kept = kept_findings(tuple(hits))
    assert 1_280 < len(kept) <= FINDINGS_KEPT_MAX
    assert len(msgspec.json.encode(kept)) < FINDINGS_BYTES_MAX + len(kept)
