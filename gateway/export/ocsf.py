"""Requests as events of the Open Cybersecurity Schema Framework, for a SIEM: one line for each.

API Activity (6003) with the profiles AI Operation and Security Control. It is derived and loses
much on purpose: the log is the evidence. No prompt, no reply and no personal field is in it.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from gateway.audit.canonical import decode
from gateway.audit.record import Attempted, Decided, Settled
from gateway.domain.decision import Effect
from gateway.domain.route import OutcomeKind
from gateway.export.selection import Asked, Chosen, chosen, select
from gateway.export.static_log import latest
from gateway.ledger.paths import LedgerFolder

VERSION = "1.8.0"
PROFILES = ("ai_operation", "security_control")
CATEGORY, CLASS, OTHER = 6, 6003, 99
INFORMATIONAL, LOW = 1, 2
ALLOWED, DENIED = 1, 2
BLOCKED = 2
SUCCESS, FAILURE = 1, 2
_STATUS = {
    OutcomeKind.COMPLETED: (SUCCESS, "Success"),
    OutcomeKind.FAILED: (FAILURE, "Failure"),
    OutcomeKind.REFUSED: (FAILURE, "Failure"),
    OutcomeKind.LOST: (FAILURE, "Failure"),
    OutcomeKind.CANCELLED: (OTHER, "Other"),
}

Event = dict[str, Any]


class Told(Struct, frozen=True):
    """What the log says of one request so far, and where it was decided."""

    index: int
    decided: Decided
    attempted: Attempted | None = None


def events(folder: LedgerFolder, asked: Asked, product: str) -> Iterator[Event]:
    """Yield an event for each request of that time, up to the latest checkpoint."""
    _, sealed = latest(folder)
    opened: dict[str, Told] = {}
    for one in chosen(folder, select(folder, sealed.size, asked)):
        if one.inside:
            yield from _read(one, opened, sealed.origin, product)
    for told in opened.values():
        yield event(told, None, sealed.origin, product)


def line(told: Event) -> bytes:
    """Return an event as one line of JSON."""
    return msgspec.json.encode(told) + b"\n"


def event(told: Told, settled: Settled | None, origin: str, product: str) -> Event:
    """Return what became of one request as an event."""
    decided, attempted = told.decided, told.attempted
    permitted = decided.decision.effect is Effect.PERMIT
    status, status_name = (0, "Unknown") if settled is None else _STATUS[settled.outcome]
    found: Event = {
        "category_uid": CATEGORY,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "activity_id": OTHER,
        "activity_name": decided.surface,
        "type_uid": CLASS * 100 + OTHER,
        "type_name": "API Activity: Other",
        "severity_id": INFORMATIONAL if permitted else LOW,
        "severity": "Informational" if permitted else "Low",
        "time": decided.ts_us // 1000,
        "status_id": status,
        "status": status_name,
        "action_id": ALLOWED if permitted else DENIED,
        "action": "Allowed" if permitted else "Denied",
        "disposition_id": ALLOWED if permitted else BLOCKED,
        "disposition": "Allowed" if permitted else "Blocked",
        "is_alert": False,
        "message": f"{decided.decision.effect}: {decided.decision.reason}",
        "metadata": _metadata(told, origin, product),
        "actor": {"app_uid": decided.key_id or "none"},
        "api": {
            "operation": decided.surface,
            "service": {"name": decided.dialect},
            "request": {"uid": decided.id},
        },
        # WHY: the address is sealed; the key is all that is told of where a request came from.
        "src_endpoint": {"uid": decided.key_id or "none", "svc_name": decided.surface},
        "policy": {"name": "policy", "uid": decided.decision.policy or "none"},
        "unmapped": _unmapped(decided, settled),
    }
    if settled is not None:
        found |= _ending(decided, settled)
    return found | ({} if attempted is None else _where(decided, attempted))


def _read(one: Chosen, opened: dict[str, Told], origin: str, product: str) -> Iterator[Event]:
    record = decode(one.entry)
    if isinstance(record, Decided):
        opened[record.id] = Told(one.index, record)
    elif isinstance(record, Attempted) and record.id in opened:
        told = opened[record.id]
        opened[record.id] = Told(told.index, told.decided, record)
    elif isinstance(record, Settled) and record.id in opened:
        yield event(opened.pop(record.id), record, origin, product)


def _metadata(told: Told, origin: str, product: str) -> Event:
    return {
        "version": VERSION,
        "profiles": list(PROFILES),
        "uid": told.decided.id,
        "log_name": origin,
        "sequence": told.index,
        "product": {"name": "Perimeter", "vendor_name": "Perimeter", "version": product},
    }


def _where(decided: Decided, attempted: Attempted) -> Event:
    """Return the model that was asked last, and the machine."""
    host, _, port = attempted.host.rpartition(":")
    place: Event = {"name": attempted.zone, "svc_name": attempted.backend}
    if host and port.isdecimal():
        place |= {"hostname": host, "port": int(port)}
    told = {"dst_endpoint": place}
    name = attempted.offering if decided.ask is None else decided.ask.model
    return told | {"ai_model": {"name": name, "uid": attempted.offering, **_provider(attempted)}}


def _provider(attempted: Attempted) -> Event:
    return {"ai_provider": attempted.backend}


def _ending(decided: Decided, settled: Settled) -> Event:
    told: Event = {
        "end_time": settled.ts_us // 1000,
        "duration": max(0, settled.ts_us - decided.ts_us) // 1000,
    }
    if settled.error:
        told |= {"status_code": settled.error}
    if settled.status is not None:
        told |= {"http_response": {"code": settled.status}}
    usage = settled.usage
    if usage is not None:
        prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        told["message_context"] = {
            "service": {"name": settled.served_by or decided.surface},
            "prompt_tokens": prompt,
            "completion_tokens": usage.output_tokens,
            "total_tokens": prompt + usage.output_tokens,
        }
    return told


def _unmapped(decided: Decided, settled: Settled | None) -> Event:
    told: Event = {
        "label": None if decided.label is None else str(decided.label),
        "raised_by": list(decided.raised_by),
        "boundary": sorted(decided.decision.boundary),
        "rules": list(decided.decision.because),
        "excluded": {one.offering: one.reason for one in decided.excluded},
        "finding_kinds": decided.finding_kinds,
        "team": None if decided.facts is None else decided.facts.team,
        "demo": decided.demo,
    }
    if settled is not None:
        told |= {
            "outcome": str(settled.outcome),
            "zone": settled.zone,
            "cost_microusd": settled.cost_microusd,
            "usage_estimated": settled.usage_estimated or False,
        }
    return told
