"""Builders of the records of a ledger."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from msgspec.structs import replace

from gateway.audit.record import Admin, Attempted, Decided, Personal, Settled, Tried
from gateway.domain.decision import Decision, Effect, Facts, Finding, Signal, Trust
from gateway.domain.label import Label, Level
from gateway.domain.money import Tokens
from gateway.domain.request import Ask
from gateway.domain.route import Excluded, Failure, FailureKind, Outcome, OutcomeKind

BOOT = "019aa000-0000-7000-8000-00000000b007"
NOW_US = 1_795_262_400_000_000
RESTRICTED = Label(Level(3, "restricted"), frozenset({"pii"}), frozenset({"DE", "FR"}))
PUBLIC = Label(Level(0, "public"))
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def an_id(name: str) -> str:
    """Return a UUIDv7 that stands for that name in one test; a UUID stands for itself."""
    if not name or _UUID.fullmatch(name):
        return name
    text = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[:8]}-{text[8:12]}-7{text[12:15]}-8{text[15:18]}-{text[18:30]}"


def a_decision(*zones: str, effect: Effect = Effect.PERMIT) -> Decision:
    return Decision(
        effect=effect,
        boundary=frozenset(zones),
        because=("restricted-stays-home",),
        reason="permitted",
        policy="sha256:" + "a" * 64,
        decided_at=datetime(2026, 11, 21, 12, tzinfo=UTC),
    )


def named_policy(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the policy of a decision: the one among the documents that its record names."""
    documents = fields.get("documents", {})
    return {"policy": documents["policy"]} if "policy" in documents else {}


def a_decided(record_id: str, **fields) -> Decided:
    decision = fields.get("decision")
    permits = decision is None or decision.effect is Effect.PERMIT
    known = {
        "id": an_id(record_id),
        "ts_us": NOW_US,
        "boot": BOOT,
        "key_id": "key-7",
        "surface": "chat_completions",
        "dialect": "openai_chat",
        "body_bytes": 5_120,
        "ask": Ask("code", stream=True, needs=frozenset({"tools"})),
        "facts": Facts(RESTRICTED, "payments", "chat_completions", "code"),
        "signals": (Signal("repo", RESTRICTED, Trust.AUTHENTICATED, base=True),),
        "label": RESTRICTED,
        "raised_by": ("repo",),
        "decision": replace(a_decision("on_prem"), **named_policy(fields)),
        "candidates": ("qwen3-coder@on_prem",) if permits else (),
        "excluded": (Excluded("claude-opus@us_cloud", "clearance"),),
        "health": {"bedrock": "rate_limited"},
        "documents": {},
        "finding_kinds": {"iban": 2},
        "commitment": "sha256:" + "c" * 64,
    }
    return Decided(**_with_boot(known | fields))


def an_attempted(record_id: str, number: int = 1, **fields) -> Attempted:
    known = {
        "id": an_id(record_id),
        "ts_us": NOW_US,
        "boot": BOOT,
        "number": number,
        "offering": "qwen3-coder@on_prem",
        "backend": "vllm",
        "zone": "on_prem",
        "host": "127.0.1.1:8000",
        "commitment": "sha256:" + "d" * 64,
    }
    return Attempted(**_with_boot(known | fields))


def a_settled(record_id: str, **fields) -> Settled:
    """Return the settlement of one attempt; of none when it was refused or lost."""
    ends_alone = fields.get("outcome") in {OutcomeKind.REFUSED, OutcomeKind.LOST}
    served = {
        "status": 200,
        "served_by": "qwen3-coder@on_prem",
        "zone": "on_prem",
        "tried": (a_try(1),),
        "usage": Tokens(100, 20),
        "cost_microusd": 420,
    }
    known = {
        "id": an_id(record_id),
        "ts_us": NOW_US,
        "boot": BOOT,
        "outcome": OutcomeKind.COMPLETED,
        **({} if ends_alone else served),
    }
    return Settled(**_with_boot(known | fields))


def a_try(number: int, offering: str = "qwen3-coder@on_prem", zone: str = "on_prem") -> Tried:
    failure = Failure(FailureKind.RATE_LIMITED, sent=True, retry_after_s=2, status=429)
    outcome = Outcome(OutcomeKind.FAILED, failure)
    return Tried(number, offering, zone, NOW_US, NOW_US + 5, NOW_US + 9, outcome)


def an_admin(what: str, record_id: str | None = None, **fields) -> Admin:
    known = {"id": an_id(record_id or f"admin/{what}"), "ts_us": NOW_US, "boot": BOOT, "what": what}
    return Admin(**_with_boot(known | fields))


def _with_boot(fields: dict) -> dict:
    return fields | {"boot": an_id(fields["boot"])}


CANARIES = ("wilhelmina.q", "10.66.77.88", "vault/ledger-1", "session-9f9f", "canary-agent/3")


def a_person(subject: str = CANARIES[0]) -> Personal:
    return Personal(
        subject=subject,
        address=CANARIES[1],
        repo=CANARIES[2],
        session=CANARIES[3],
        client=CANARIES[4],
        metadata={"user_id": "canary-metadata"},
        findings=(Finding("secrets", "iban", "/messages/0/content", 3, 25, "canary-print"),),
        salts={"body": "00" * 16},
    )
