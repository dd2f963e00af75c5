"""The Decided record and its personal fields, made from a ruling or from an error."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from gateway.audit.canonical import commit
from gateway.audit.record import Decided, Personal
from gateway.classification.sizes import sizes_of
from gateway.domain.caller import NO_LIMITS, Allowance
from gateway.domain.decision import Decision, Effect, Finding
from gateway.domain.errors import GatewayError
from gateway.domain.product import known_product
from gateway.domain.repo_address import canonical
from gateway.domain.request import Claims, Envelope
from gateway.flow.ports import World
from gateway.flow.ruling import Ruling

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PERSONAL_TEXT_MAX = 512
# WHY: what raised the label is recorded whole, beside the log where no entry holds it; what only
# tags comes by the thousand, and its kinds are counted in clear.
FINDINGS_KEPT_MAX = 2_048
TAGS_KEPT_MAX = 200
FINDINGS_BYTES_MAX = 512 * 1024
PATH_CHARACTERS_MAX = 128


class Stamp(Struct, frozen=True):
    """When and in which run of the gateway a record is made."""

    now: datetime
    boot: str

    @property
    def ts_us(self) -> int:
        """Microseconds since the epoch."""
        return (self.now - EPOCH) // timedelta(microseconds=1)


def personal_of(envelope: Envelope, salt: bytes, findings: tuple[Finding, ...] = ()) -> Personal:
    """Return the personal fields of the request, bounded, with the salt of its commitment."""
    claims = envelope.claims
    return Personal(
        subject=envelope.caller.subject,
        address=envelope.address,
        client=envelope.client[:PERSONAL_TEXT_MAX],
        repo=_repos(claims),
        session=(claims.session or "")[:PERSONAL_TEXT_MAX],
        metadata=_metadata(claims),
        findings=kept_findings(findings),
        salts={"body": salt.hex()},
        on_behalf_of=envelope.caller.on_behalf_of,
        trace_id=envelope.trace.trace_id or UNSET,
        span_id=envelope.trace.span_id or UNSET,
        client_version=known_product(envelope.client).version or UNSET,
    )


def decided(
    stamp: Stamp, world: World, envelope: Envelope, personal: Personal, ruling: Ruling
) -> Decided:
    """Return the record of a request that policy spoke about."""
    findings = ruling.evidence.scan.findings
    return Decided(
        id=envelope.id,
        ts_us=stamp.ts_us,
        boot=stamp.boot,
        key_id=envelope.caller.key_id,
        surface=envelope.surface,
        dialect=envelope.dialect,
        body_bytes=envelope.body_bytes,
        ask=ruling.evidence.ask,
        facts=ruling.facts,
        signals=ruling.classification.signals,
        label=ruling.classification.label,
        raised_by=ruling.classification.raised_by,
        decision=ruling.decision,
        candidates=tuple(candidate.offering.id for candidate in ruling.route.candidates),
        excluded=ruling.route.excluded,
        health=dict(world.fleet.resting),
        documents=world.documents,
        finding_kinds=dict(Counter(finding.kind for finding in findings)),
        allowed_kinds=dict(Counter(one.kind for one in findings if one.allowed)) or UNSET,
        commitment=_commitment(envelope, personal),
        demo=world.demo,
        allowance=_limited(ruling.evidence.allowance),
        known_by=envelope.caller.known_by or UNSET,
        closed=world.fleet.closed or UNSET,
        shadow=ruling.shadow or UNSET,
        granted=ruling.grant or UNSET,
        redaction=ruling.redaction or UNSET,
        client=known_product(envelope.client).name or UNSET,
        sizes=sizes_of(envelope.body),
    )


def turned_away(
    stamp: Stamp, world: World, envelope: Envelope, personal: Personal, error: GatewayError
) -> Decided:
    """Return the record of a request that was refused before policy could speak."""
    decision = Decision(
        effect=Effect.REFUSED,
        boundary=frozenset(),
        because=(),
        reason=error.code,
        policy=world.documents.get("policy", ""),
        decided_at=stamp.now,
    )
    return Decided(
        id=envelope.id,
        ts_us=stamp.ts_us,
        boot=stamp.boot,
        key_id=envelope.caller.key_id,
        surface=envelope.surface,
        dialect=envelope.dialect,
        body_bytes=envelope.body_bytes,
        ask=None,
        facts=None,
        signals=(),
        label=None,
        raised_by=(),
        decision=decision,
        candidates=(),
        excluded=(),
        health={},
        documents=world.documents,
        commitment=_commitment(envelope, personal),
        demo=world.demo,
        team=envelope.caller.team or UNSET,
        allowance=_limited(envelope.caller.allowance),
        known_by=envelope.caller.known_by or UNSET,
        client=known_product(envelope.client).name or UNSET,
    )


def _limited(allowance: Allowance) -> Allowance | UnsetType:
    return UNSET if allowance == NO_LIMITS else allowance


def kept_findings(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return as many findings as a record has room for, each with a path of bounded length.

    Tags come last: they make no room for what raised the label.
    """
    kept: list[Finding] = []
    left = FINDINGS_BYTES_MAX
    raised = [one for one in findings if not one.tag_only][:FINDINGS_KEPT_MAX]
    tags = [one for one in findings if one.tag_only][:TAGS_KEPT_MAX]
    for finding in (*raised, *tags):
        bounded = replace(finding, path=finding.path[:PATH_CHARACTERS_MAX])
        left -= len(msgspec.json.encode(bounded))
        if left < 0:
            break
        kept.append(bounded)
    return tuple(kept)


def _metadata(claims: Claims) -> dict[str, str]:
    """Return the client's metadata, and the folder in which its tool says that it works."""
    folder = {"folder": claims.folders[0][:PERSONAL_TEXT_MAX]} if claims.folders else {}
    return {**claims.metadata, **folder}


def _repos(claims: Claims) -> str:
    """Return the addresses that the client speaks of, its own word first, bounded."""
    urls = (claims.repo, *claims.told_repos, *claims.workspaces)
    told = (_without_userinfo(url) for url in urls)
    return " ".join(dict.fromkeys(filter(None, told)))[:PERSONAL_TEXT_MAX]


def _without_userinfo(claim: str | None) -> str:
    """Return the canonical address of a claimed repository: credentials in a URL are not kept."""
    if claim is None:
        return ""
    try:
        return canonical(claim)
    except ValueError:
        return ""


def _commitment(envelope: Envelope, personal: Personal) -> str:
    salt = bytes.fromhex(personal.salts["body"])
    return commit(salt, envelope.body_sha256)
