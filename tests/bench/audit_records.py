"""The records of a year of that company, in the order of time and in realistic shares."""

import random
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gateway.audit.record import Admin, Attempted, Decided, Record, Settled, Tried
from gateway.domain.attestation import Attestation
from gateway.domain.money import Tokens
from gateway.domain.route import Failure, FailureKind, Outcome, OutcomeKind
from tests.bench.audit_world import (
    BEGIN_US,
    DAY_US,
    KINDS,
    MODELS,
    Documents,
    Week,
    a_week,
)
from tests.doubles.records import BOOT, NOW_US, a_settled, an_admin, an_attempted

DAYS = 365
WEEK = 7
# Of how many requests there is one of each; primes, so that none hides another.
FELL_BACK, FAILED, CANCELLED, ELSEWHERE, TOLD, LOST = 101, 199, 151, 997, 293, 19_997
DIGEST = "sha256:" + "e" * 64
OK = Outcome(OutcomeKind.COMPLETED)
BUSY = Outcome(
    OutcomeKind.FAILED, Failure(FailureKind.OVERLOADED, sent=True, status=503), status=503
)
REGIONS = {"eu_cloud": "eu-central-1", "swiss_cloud": "ch-zurich", "frontier": ""}
PERSONS = ("person-ann", "person-bob", "person-cyd", "person-dan")


def weeks_of(days: int) -> int:
    """Return how many weeks begin in so many days."""
    return (days - 1) // WEEK + 1


class Shape(Struct, frozen=True):
    """One kind of request of one team in one week, and the ways in which it can end.

    `rare` holds how few end otherwise: of how many requests one.
    """

    decided: Decided
    attempted: tuple[Attempted, ...]
    settled: Settled
    rare: tuple[tuple[int, tuple[Attempted, ...], Settled], ...]


def shape_of(decided: Decided) -> Shape:
    """Return the shape of the requests that are decided so."""
    if not decided.candidates:
        error = decided.decision.reason if decided.label is None else "no_eligible_model"
        settled = a_settled("shape", outcome=OutcomeKind.REFUSED, error=error)
        return Shape(decided, (), settled, ())
    tried = tuple(_tried(number, one) for number, one in enumerate(decided.candidates[:2], 1))
    sent = tuple(_sent(one) for one in tried)
    first, served = sent[:1], _served(tried[:1])
    elsewhere = replace(
        served, attestation=Attestation.MISMATCH, observed_region="us-east-1", zone=tried[0].zone
    )
    rare = [
        (LOST, first, a_settled("shape", outcome=OutcomeKind.LOST)),
        (FAILED, first, _failed(tried[:1])),
        (CANCELLED, first, replace(served, outcome=OutcomeKind.CANCELLED, error="client_left")),
        (TOLD, first, replace(served, reply_kinds={"gitlab-pat": 1, "iban": 2})),
    ]
    if len(tried) > 1:
        rare.append((FELL_BACK, sent, _served((replace(tried[0], outcome=BUSY), tried[1]))))
    if tried[0].zone != "on_prem":
        rare.append((ELSEWHERE, first, elsewhere))
    return Shape(decided, first, served, tuple(rare))


def _tried(number: int, offering: str) -> Tried:
    zone = MODELS[offering.partition("@")[0]]
    return Tried(number, offering, zone, NOW_US, NOW_US + 5, NOW_US + 9, OK)


def _sent(one: Tried) -> Attempted:
    backend = one.offering.partition("@")[2]
    host = f"{backend}.example:8000"
    named = {"offering": one.offering, "backend": backend, "zone": one.zone, "host": host}
    return an_attempted("shape", one.number, **named)


def _served(tried: tuple[Tried, ...]) -> Settled:
    last = tried[-1]
    told: dict[str, Any] = {}
    if last.zone in REGIONS:
        region = REGIONS[last.zone]
        verdict = Attestation.MATCH if region else Attestation.UNOBSERVABLE
        told = {"attestation": verdict, **({"observed_region": region} if region else {})}
    return a_settled(
        "shape",
        served_by=last.offering,
        zone=last.zone,
        tried=tried,
        usage=Tokens(2_400, 310),
        took_us=1_800_000,
        **told,
    )


def _failed(tried: tuple[Tried, ...]) -> Settled:
    return a_settled(
        "shape",
        outcome=OutcomeKind.FAILED,
        error="engine_failed",
        status=503,
        served_by=None,
        zone=tried[-1].zone,
        tried=tuple(replace(one, outcome=BUSY) for one in tried),
        usage=None,
        cost_microusd=None,
    )


class Year:
    """Yields so many records in so many days; `kept[n]` are the documents of week n."""

    def __init__(self, kept: tuple[Documents, ...], count: int, days: int) -> None:
        self.count = count
        self._kept, self._days = kept, days
        self._made = 0
        self._requests = 0
        self._chance = random.Random(7)  # noqa: S311 - it makes a workload

    def __iter__(self) -> Iterator[Record]:
        """Yield the records, day by day."""
        shapes: list[list[Shape]] = []
        for day in range(self._days):
            now_us = BEGIN_US + day * DAY_US
            if day % WEEK == 0:
                week = a_week(day // WEEK, self._kept[day // WEEK])
                shapes = [[shape_of(one) for one in decided] for decided in week.decisions]
                yield from self._told(now_us, _weekly(week, day // WEEK))
            yield from self._told(now_us, _daily(day))
            yield from self._requested(now_us, self.count * (day + 1) // self._days, shapes)

    def _told(self, now_us: int, told: Iterator[tuple[str, dict[str, Any]]]) -> Iterator[Admin]:
        for what, facts in told:
            self._made += 1
            name = f"{self._made:08x}-0000-7000-9000-000000000000"
            yield an_admin(what, name, facts=facts, ts_us=now_us, boot=BOOT)

    def _requested(self, now_us: int, until: int, shapes: list[list[Shape]]) -> Iterator[Record]:
        """Yield requests, the one after the other, until there are so many records."""
        weights = [kind.share for kind in KINDS]
        first, due = self._made, max(1, until - self._made)
        while self._made < until:
            for shaped in self._chance.choices(shapes, weights, k=64):
                shape = self._chance.choice(shaped)
                ts_us = now_us + (self._made - first) * (DAY_US - 1) // due
                self._requests += 1
                name = f"{self._requests:08x}-0000-7000-8000-000000000000"
                attempted, settled = self._ended(shape)
                self._made += 2 + len(attempted)
                yield replace(shape.decided, id=name, ts_us=ts_us)
                for one in attempted:
                    yield replace(one, id=name, ts_us=ts_us)
                yield replace(settled, id=name, ts_us=ts_us)
                if self._made >= until:
                    break

    def _ended(self, shape: Shape) -> tuple[tuple[Attempted, ...], Settled]:
        """Return how this request ends: as most do, or in a rare way whose turn it is."""
        for every, attempted, settled in shape.rare:
            if self._requests % every == 0:
                return attempted, settled
        return shape.attempted, shape.settled


def _used(action: str, day: int, **scope: str) -> tuple[str, dict[str, Any]]:
    """Return what a ledger says of an approval."""
    at_us = BEGIN_US + day * DAY_US
    return "approval_used", {
        "approval": f"sha256:{day:064x}",
        "document": DIGEST,
        "action": action,
        "scope": {"origin": "bench", **scope},
        "about": "",
        "from_us": at_us,
        "until_us": at_us + DAY_US,
        "requester": PERSONS[day % 2],
        "approvers": [PERSONS[2 + day % 2]],
    }


def _weekly(week: Week, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is told once a week, the policy last."""
    day = number * WEEK
    for grant in week.grants:
        what, facts = _used(str(grant.kind), day, zone=grant.zone, team=grant.team or "")
        until_us = facts["from_us"] + WEEK * DAY_US
        yield what, {**facts, "approval": grant.id, "until_us": until_us}
    yield "break_glass_began", {"approval": week.grants[1].id, "until_us": 0}
    if number:
        yield "break_glass_ended", {"approval": DIGEST, "reason": "over", "uses": 40}
        yield "waiver_ended", {"approval": DIGEST, "reason": "over", "uses": 70}
    yield _used("close_zone", day, zone="swiss_cloud")
    yield _used("open_zone", day + 1, zone="swiss_cloud")
    yield _used("hold", day, pseudonym=f"s-{day:012x}")
    yield _used("release_hold", day + 2, approval=DIGEST)
    yield _used("decrypt_bodies", day, record=f"{day:08x}-0000-7000-8000-000000000000")
    yield _used("export", day, profile="redacted")
    told = {"exporter": PERSONS[0], "statement": DIGEST, "digest": DIGEST, "profile": "redacted"}
    yield "exported", {**told, "from": "2026-11-01", "to": "2026-11-30", "labels": "restricted"}
    yield "quarantined", {"backend": "alp", "reason": "dns_left_zone"}
    yield "boundary_breach", {"backend": "alp", "reason": "dns_left_zone"}
    yield "residency_difference", {"offering": "euro@euro", "reason": "region"}
    yield "policy_rejected", {"problems": 1, "first": "policy.yaml:3"}
    yield "config_drift", {"parts": "limits"}
    yield "prune_refused", {"shard": "0001", "reason": "legal_hold", "hold": DIGEST}
    yield "approval_refused", {"reason": "expired", "action": "waiver", "requester": PERSONS[0]}
    yield "clock_stepped", {"back_us": 400_000}
    yield "stopped", {}
    yield "started", {"heartbeat_s": 600, "version": "bench"}
    signed = {"serial": number + 1, "requester": PERSONS[0], "approvers": list(PERSONS[2:])}
    yield "policy_loaded", {"policy": week.policy, "catalogue": week.catalogue, **signed}


def _daily(day: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is told every day: readers, anchors, keys, erasures."""
    asked = {"form": "table", "rows": 12, "size": day, "verified": False, "by": "uid:1001"}
    for question in ("boundary", "denied", "claims", "requests", "transfers", "explain"):
        yield "audit_queried", {"question": question, "period": "the whole log", **asked}
    for hour in range(24):
        yield "anchored", {"anchor": "witness", "size": day * 24 + hour}
    for number in range(100):
        yield "subject_key_made", {"key": f"k-{day * 100 + number:012x}"}
    yield "keys_loaded", {"keys": 400, "added": 1}
    yield "bodies_pruned", {"before": "2026-11-01T00:00:00+00:00", "bodies": 3, "held": False}
    yield _used("read_findings", day, record=f"{day:08x}-0000-7000-8000-000000000000")
    erased = _used("erase", day, pseudonym=f"s-{day:012x}")
    yield erased
    yield (
        "erased",
        {"pseudonym": f"s-{day:012x}", "keys": [DIGEST], "approval": erased[1]["approval"]},
    )
