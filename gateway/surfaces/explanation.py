"""What a caller may read of its own request: the decision and the outcome, nothing sealed."""

from typing import Any

from msgspec import UNSET, UnsetType

from gateway.audit.record import Attempted, Decided, Settled
from gateway.domain.decision import Redaction


def explanation(
    decided: Decided, attempted: tuple[Attempted, ...], settled: Settled | None
) -> dict[str, Any]:
    """Return the record as plain data."""
    ruling = decided.decision
    return {
        "id": decided.id,
        "ts_us": decided.ts_us,
        "demo": decided.demo,
        "run": decided.run or "",
        "surface": decided.surface,
        "asked": decided.ask.model if decided.ask is not None else None,
        "label": None if decided.label is None else str(decided.label),
        "signals": [
            {"source": signal.source, "label": str(signal.label), "trust": signal.trust}
            for signal in decided.signals
        ],
        "raised_by": decided.raised_by,
        "findings": decided.finding_kinds,
        "allowed": decided.allowed_kinds or {},
        "decision": {
            "effect": ruling.effect,
            "boundary": sorted(ruling.boundary),
            "because": ruling.because,
            "reason": ruling.reason,
            "policy": ruling.policy,
            "obligations": ruling.obligations,
        },
        "redaction": _redaction(decided.redaction),
        "candidates": decided.candidates,
        "excluded": {item.offering: item.reason for item in decided.excluded},
        "attempts": [
            {
                "number": one.number,
                "offering": one.offering,
                "zone": one.zone,
                **({"via_proxy": one.via_proxy} if one.via_proxy else {}),
            }
            for one in attempted
        ],
        "outcome": None if settled is None else _outcome(settled),
        "allowance": decided.allowance or None,
        "granted": decided.granted.word if decided.granted else None,
    }


def _redaction(redaction: Redaction | UnsetType) -> dict[str, Any] | None:
    """Return what was decided first, where that was to redact: kinds alone, no span."""
    if redaction is UNSET:
        return None
    return {
        "label": str(redaction.label),
        "because": redaction.decision.because,
        "replaced": redaction.replaced or {},
        "failed": redaction.failed or None,
    }


def _outcome(settled: Settled) -> dict[str, Any]:
    return {
        "kind": settled.outcome,
        "status": settled.status,
        "served_by": settled.served_by,
        "zone": settled.zone,
        "attestation": settled.attestation or None,
        "observed_region": settled.observed_region or None,
        "usage": settled.usage,
        "usage_estimated": settled.usage_estimated or False,
        "cost_microusd": settled.cost_microusd,
        "stop": settled.stop,
        "losses": settled.losses,
        "error": settled.error,
        "reply": {
            "findings": settled.reply_kinds or {},
            "masked": settled.reply_masked or 0,
            "restored": settled.reply_restored or 0,
            "left": settled.reply_left or 0,
            "cut": settled.reply_cut or None,
            "not_verified": settled.reply_not_verified or (),
        },
        "tried": [
            {
                "number": one.number,
                "offering": one.offering,
                "zone": one.zone,
                "outcome": one.outcome.kind,
                "failure": one.outcome.failure.kind if one.outcome.failure else None,
            }
            for one in settled.tried
        ],
    }
