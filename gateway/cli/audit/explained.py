"""One request in plain words: who said what of its label, which rules spoke, where it went."""

from collections.abc import Iterator

import msgspec

from gateway.audit.record import Attempted, Decided, Settled
from gateway.cli.audit.places import bundle_of, shown_regions
from gateway.cli.audit.question import Answer, Asked, Ledger
from gateway.cli.audit.where import refused
from gateway.cli.explain import sentences
from gateway.domain.decision import Signal
from gateway.domain.errors import GatewayError
from gateway.domain.zone import Zone
from gateway.flow.named_model import OTHER
from gateway.ledger import documents
from gateway.ledger.finding import request_of
from gateway.ledger.reader import RequestRecords

SAID = ("said",)


def explained(asked: Asked) -> Answer:
    """Return the story of one request; ConfigError where the log has none of that id."""
    found = request_of(asked.ledger.index, asked.ledger.parts, asked.record)
    if found is None:
        raise refused("the ledger has no such record")
    rows = [*_signals(found.decided), *sentences(found), *_ruled(asked.ledger, found.decided)]
    rows += _reached(asked.ledger, found)
    indexes = ", ".join(map(str, found.indexes))
    return Answer(SAID, [(line,) for line in rows], (f"records {indexes} of the log",))


def _signals(decided: Decided) -> Iterator[str]:
    """Say what each signal said, and whether it raised the label."""
    yield f"Request {decided.id}, key {decided.key_id}, by {decided.surface}."
    yield from _came(decided)
    for one in decided.signals:
        raised = " and raised the label" if one.source in decided.raised_by else ""
        yield f"{_source(one)} says {one.label} ({one.trust}){raised}."


def _came(decided: Decided) -> Iterator[str]:
    """Say what came, and from which client; who that was is sealed."""
    if decided.client:
        yield f"It says that it comes from {decided.client}."
    streamed = decided.ask is not None and decided.ask.stream
    counts = msgspec.to_builtins(decided.sizes) if decided.sizes else {}
    sizes = "".join(f", {name} {number}" for name, number in counts.items())
    yield f"Size: {decided.body_bytes} bytes{sizes}{'; a stream was asked for' * streamed}."


def _source(signal: Signal) -> str:
    return f"{signal.source} {signal.detail}".rstrip()


def _ruled(ledger: Ledger, decided: Decided) -> Iterator[str]:
    """Quote the rules that decided, from the policy of that digest, and who was a candidate."""
    policy = decided.decision.policy
    yield f"Policy {policy}."
    for rule in _rules(ledger, policy):
        if rule.get("id") in decided.decision.because:
            yield f"Rule: {msgspec.json.encode(rule, order='sorted').decode()}"
    for name, digest in sorted(decided.documents.items()):
        yield f"Document {name}: {digest}."
    eligible = ", ".join(decided.candidates) or "nobody"
    yield f"Eligible, in order: {eligible}."


def _rules(ledger: Ledger, policy: str) -> list[dict[str, object]]:
    try:
        listed = documents.load(ledger.folder, policy)["policy"]["rules"]
        return [one for one in listed if isinstance(one, dict)]
    except (GatewayError, OSError, KeyError, TypeError):
        return []


def _reached(ledger: Ledger, found: RequestRecords) -> Iterator[str]:
    """Say where each attempt went, as the policy describes that zone, and how it ended."""
    bundle = bundle_of(ledger, found.decided.decision.policy)
    for one in found.attempted:
        yield _place(one, bundle.zone(one.zone))
        if one.header_names:
            yield f"Attempt {one.number} told by header fields: {', '.join(one.header_names)}."
    if found.settled is not None:
        yield from _ended(found.settled)


def _place(one: Attempted, zone: Zone | None) -> str:
    if zone is None:
        return f"Attempt {one.number} went to {one.host}; nobody knows that zone."
    return (
        f"Attempt {one.number} went to {one.host}: zone {zone.name}, operator {zone.operator}"
        f" ({zone.operator_jurisdiction}), places {shown_regions(zone)},"
        f" kept for {zone.retention_days} days there."
    )


def _ended(settled: Settled) -> Iterator[str]:
    if settled.usage is not None:
        used = settled.usage
        by = ", estimated: the engine told none at the end" if settled.usage_estimated else ""
        yield f"Tokens: {used.input_tokens} in, {used.output_tokens} out{by}."
    if settled.response_model:
        yield f"The engine called itself {_called(settled.response_model)}."
    if settled.truncated:
        yield f"The reply was cut by: {settled.truncated}."
    if settled.took_us:
        waited_ms = (settled.waited_us or 0) // 1000
        yield f"It took {settled.took_us // 1000} ms, {waited_ms} of them until it left."
    yield from _tried(settled)
    if settled.attestation:
        place = settled.observed_region or "none"
        yield f"The place that its reply told: {place} ({settled.attestation})."


def _tried(settled: Settled) -> Iterator[str]:
    for one in settled.tried:
        if one.address:
            yield f"Attempt {one.number} was dialled at {one.address}."
        if one.provider_id:
            yield f"Attempt {one.number} has the provider's id {one.provider_id}."


def _called(model: str) -> str:
    return "by another name than ours: it is sealed" if model == OTHER else model
