"""A request judged as serving would, and answered with what came of that: nothing is sent.

Who may ask again and again learns what the detectors see; so it takes a key that says `explain`,
each question is recorded, and kinds of findings are told, never how many or where.
"""

from collections import deque
from typing import Any

import msgspec
from msgspec import UNSET

from gateway.audit.record import Admin
from gateway.domain.errors import GatewayError, LedgerError, NotAllowed, TooMany, Unreachable
from gateway.domain.request import Envelope
from gateway.flow.house import House
from gateway.flow.ports import World
from gateway.flow.redacting import Judged
from gateway.flow.reply import Reply, error_reply
from gateway.flow.ruling import Ruling
from gateway.flow.sensing import judged
from gateway.policy.evaluate import objections
from gateway.routing.allowance import objecting

EXPLAIN = "explain"
ASKED = "route_asked"
ASKED_PER_MINUTE_MAX = 30
MINUTE_US = 60_000_000
KEYS_MAX = 10_000
OK = 200


class Turnstile:
    """Lets each key through so many times in any minute."""

    def __init__(self, most: int = ASKED_PER_MINUTE_MAX) -> None:
        self._most = most
        self._seen: dict[str, deque[int]] = {}

    def require(self, key_id: str, now_us: int) -> None:
        """Count one question; TooMany when there were enough."""
        if key_id not in self._seen and len(self._seen) >= KEYS_MAX:
            self._seen = {name: one for name, one in self._seen.items() if _is_recent(one, now_us)}
            if len(self._seen) >= KEYS_MAX:
                raise TooMany("Too many keys ask where requests would go; ask in a minute.")
        times = self._seen.setdefault(key_id, deque(maxlen=self._most))
        if len(times) == self._most and times[0] > now_us - MINUTE_US:
            raise TooMany(f"A key may ask {self._most} times a minute where a request would go.")
        times.append(now_us)


class DryRun:
    """Answers in the place of an exchange."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._turnstile = Turnstile()

    async def exchange(self, envelope: Envelope) -> Reply:
        """Return label, boundary, candidates, and why not the others; recorded before it is told.

        INVARIANT: nothing is sent, no turn is remembered, and no grant is used.
        """
        world = self._house.worlds.now()
        try:
            self._admit(envelope)
            found, _ = await judged(self._house, envelope, world)
        except GatewayError as error:
            return await self.turn_away(envelope, error)
        except Exception as error:  # noqa: BLE001 - an error denies: it is recorded and refused
            kind = type(error).__name__
            self._house.log.warning("judging_failed", record=envelope.id, kind=kind)
            unjudged = Unreachable("The request could not be judged.")
            return await self.turn_away(envelope, unjudged)
        told = _told(found, world, envelope)
        short = {name: told[name] for name in ("asked", "label", "findings", "not_verified")}
        short |= {
            name: told["decision"][name] for name in ("effect", "reason", "boundary", "policy")
        }
        try:
            await self._record(envelope, short)
        except LedgerError as error:
            return self._refusal(envelope, error)
        body = msgspec.json.encode({"record": envelope.id, "sent": False, **told})
        return Reply(OK, (("content-type", "application/json"),), body)

    async def turn_away(self, envelope: Envelope, error: GatewayError) -> Reply:
        """Refuse the question in the form of the surface that it is about, and record that."""
        try:
            await self._record(envelope, {"error": error.code})
        except LedgerError as unwritten:
            error = unwritten
        return self._refusal(envelope, error)

    def _admit(self, envelope: Envelope) -> None:
        caller = envelope.caller
        if EXPLAIN not in caller.may:
            raise NotAllowed("Your key may not ask where a request would go (`may: [explain]`).")
        self._turnstile.require(caller.key_id, self._house.clock.now_us())

    def _refusal(self, envelope: Envelope, error: GatewayError) -> Reply:
        dialect = self._house.dialects[envelope.dialect]
        return error_reply(error, dialect.refusal(error, ""), "")

    async def _record(self, envelope: Envelope, facts: dict[str, Any]) -> None:
        known = {"key": envelope.caller.key_id, "surface": envelope.surface}
        record = Admin(
            id=envelope.id,
            ts_us=self._house.clock.now_us(),
            boot=self._house.boot,
            what=ASKED,
            facts=known | facts,
        )
        await self._house.ledger.append([(record, None)])


def _told(found: Judged, world: World, envelope: Envelope) -> dict[str, Any]:
    """Return what the answer says: no place, no count and no word of the request."""
    ruling = found.ruling
    label, decision, scan = ruling.classification, ruling.decision, ruling.evidence.scan
    return {
        "asked": ruling.evidence.ask.model,
        "surface": envelope.surface,
        "label": str(label.label),
        "signals": [
            {"source": one.source, "label": str(one.label), "trust": one.trust}
            for one in label.signals
        ],
        "raised_by": label.raised_by,
        "findings": sorted({one.kind for one in scan.findings}),
        "not_verified": sorted(scan.failed),
        "decision": {
            "effect": decision.effect,
            "boundary": sorted(decision.boundary),
            "because": decision.because,
            "reason": decision.reason,
            "message": decision.message,
            "obligations": decision.obligations,
            "policy": decision.policy,
        },
        "candidates": [
            {"offering": one.offering.id, "zone": one.zone} for one in ruling.route.candidates
        ],
        "excluded": {one.offering: one.reason for one in ruling.route.excluded},
        "zones": _zones(ruling, world),
        "redacted": _redacted(ruling),
        "stripped": found.stripped,
        "granted": None if ruling.grant is None else ruling.grant.word,
        "shadow": None
        if ruling.shadow is None
        else {
            "rules": ruling.shadow.rules,
            "effect": ruling.shadow.effect,
            "boundary": sorted(ruling.shadow.boundary),
        },
    }


def _zones(ruling: Ruling, world: World) -> dict[str, str | None]:
    """Return for each zone why the request may not go there, None where it may."""
    decided_at = ruling.decision.decided_at
    why_not = objections(world.program, ruling.facts, decided_at)
    objection = objecting(why_not, ruling.evidence.allowance)
    boundary = ruling.decision.boundary
    return {
        zone: None if zone in boundary else objection(zone) or ruling.decision.reason
        for zone in sorted(world.program.zones)
    }


def _redacted(ruling: Ruling) -> dict[str, Any] | None:
    told = ruling.redaction
    if told is None:
        return None
    failed = None if told.failed is UNSET else told.failed
    return {"label": str(told.label), "kinds": sorted(told.replaced or ()), "failed": failed}


def _is_recent(times: deque[int], now_us: int) -> bool:
    return bool(times) and times[-1] > now_us - MINUTE_US
