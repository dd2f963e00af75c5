"""A recorded decision, made again from the record and the documents that it names."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from msgspec import UNSET
from msgspec.structs import replace

from gateway.audit.record import Decided
from gateway.backends import BACKENDS
from gateway.config.backends import Known
from gateway.config.catalogue import read_models
from gateway.domain.caller import NO_LIMITS
from gateway.domain.decision import Decision, Facts, Redaction, Signal
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError
from gateway.domain.fleet import Fleet
from gateway.domain.request import Ask
from gateway.flow.abilities import operations
from gateway.flow.ports import World
from gateway.flow.redacting import before
from gateway.flow.ruling import Evidence, Ruling, rule
from gateway.policy.compile import Compiled, compile_bundle
from gateway.policy.evaluate import REDACT_FIRST, unredacted

Load = Callable[[str], Any]
# Returns signals as a policy states them; the kinds are those of the findings among them.
Restate = Callable[[tuple[Signal, ...], frozenset[str]], tuple[Signal, ...]]

# WHY: the time of the decision is what it is made again with.
DECISION_FIELDS = tuple(name for name in Decision.__struct_fields__ if name != "decided_at")
# A ledger names few policies and catalogues; what is not kept is read again.
KEPT_MAX = 64


class NotReplayable(ValueError):
    """The record does not hold what its decision was made from."""


class Worlds:
    """The worlds of recorded decisions; each policy and catalogue is compiled once."""

    def __init__(self, load: Load) -> None:
        self._compiled = lru_cache(KEPT_MAX)(lambda digest: _compiled(load(digest), digest))
        self._fleet = lru_cache(KEPT_MAX)(lambda digest: fleet_of(load(digest)))

    def of(self, decided: Decided) -> World:
        """Return the world of one record; ConfigError as in `replay`."""
        compiled = self._compiled(decided.documents["policy"])
        return World(
            program=compiled.program,
            vocabulary=compiled.vocabulary,
            registry=compiled.registry,
            fleet=as_it_was(self._fleet(decided.documents["catalogue"]), decided),
            documents=decided.documents,
            demo=decided.demo,
        )


def replay(decided: Decided, load: Load) -> tuple[str, ...]:
    """Return a sentence for everything that comes out differently; empty when nothing does.

    `load(digest)` returns a stored document. Signals, facts and health are the recorded ones:
    detectors are not run again. NotReplayable when the record lacks what policy was asked with, as
    that of a request that was refused before policy spoke; ConfigError when a stored document
    cannot be compiled by this version.
    """
    _assert_replayable(decided)
    if decided.decision.policy != decided.documents["policy"]:
        raise NotReplayable("the decision names another policy than the record")
    world = Worlds(load).of(decided)
    first = _first(decided.redaction, decided, world) if decided.redaction else []
    again = _again(decided, world)
    return tuple(
        f"{name}: recorded {_shown(recorded)}, now {_shown(made)}"
        for name, recorded, made in (*first, *_pairs(decided, again))
        if recorded != made
    )


def under(decided: Decided, policy: str, worlds: Worlds) -> tuple[Decision, tuple[str, ...]]:
    """Return what another policy would have decided, and the candidates it would have left.

    Raises as `replay` does, and as `anew`. What raised the label then is taken as recorded.
    """
    _assert_replayable(decided)
    changed = replace(decided, documents={**decided.documents, "policy": policy})
    again = anew(decided, evidence_of(decided), worlds.of(changed), _as_recorded)
    return again.decision, tuple(one.offering.id for one in again.route.candidates)


def anew(decided: Decided, evidence: Evidence, world: World, restate: Restate) -> Ruling:
    """Return what the policy of that world makes of the request, redacted where it says so.

    What was taken out of it then is what can be known to be out of it now: NotReplayable where
    that policy takes out more, or anything where nothing was.
    """
    now, redaction = decided.decision.decided_at, decided.redaction
    grants, kinds = evidence.grants, found_in(decided)
    came = evidence
    if redaction is not UNSET:
        came = replace(before(evidence, redaction), grants=grants)
    first = rule(replace(came, signals=restate(came.signals, kinds)), world, now)
    if first.decision.reason != REDACT_FIRST:
        return first
    if redaction is not UNSET and redaction.failed is not UNSET:
        return replace(first, decision=unredacted(first.decision, redaction.failed))
    left, duties = evidence.facts.findings, first.decision.obligations
    hides = any(world.program.hides(first.decision.because, kind) for kind in left)
    if hides or (redaction is UNSET and kinds):
        raise NotReplayable("the record does not say what a redaction would leave")
    signals = restate(evidence.signals, left)
    return rule(replace(evidence, signals=signals, redacted=True, duties=duties), world, now)


def found_in(decided: Decided) -> frozenset[str]:
    """Return the kinds of which some finding was not allowed by a steward."""
    allowed = decided.allowed_kinds or {}
    return frozenset(
        kind for kind, count in decided.finding_kinds.items() if count > allowed.get(kind, 0)
    )


def _as_recorded(signals: tuple[Signal, ...], _kinds: frozenset[str]) -> tuple[Signal, ...]:
    return signals


def _assert_replayable(decided: Decided) -> None:
    if decided.facts is None or decided.ask is None:
        raise NotReplayable("the record holds no facts")
    for name in ("policy", "catalogue"):
        if name not in decided.documents:
            raise NotReplayable(f"the record names no {name}")


def evidence_of(decided: Decided) -> Evidence:
    """Return what the final decision was made of; the record has facts."""
    redaction = decided.redaction
    was_redacted = redaction is not UNSET and redaction.failed is UNSET
    return Evidence(
        cast("Ask", decided.ask),
        decided.signals,
        cast("Facts", decided.facts),
        allowance=decided.allowance or NO_LIMITS,
        body_bytes=decided.body_bytes,
        grants=(decided.granted,) if decided.granted else (),
        redacted=was_redacted,
        duties=redaction.decision.obligations if redaction and was_redacted else (),
    )


def _first(redaction: Redaction, decided: Decided, world: World) -> list[tuple[str, Any, Any]]:
    """Return what was decided before redaction, recorded and made again."""
    was = redaction.decision
    now = rule(before(evidence_of(decided), redaction), world, was.decided_at)
    return [
        ("redaction.label", redaction.label, now.classification.label),
        *(
            (f"redaction.{one}", _plain(was, one), _plain(now.decision, one))
            for one in DECISION_FIELDS
        ),
    ]


def _again(decided: Decided, world: World) -> Ruling:
    """Return the ruling that the record tells of, made again."""
    ruling = rule(evidence_of(decided), world, decided.decision.decided_at)
    failed = decided.redaction.failed if decided.redaction else UNSET
    if failed is UNSET:
        return ruling
    return replace(ruling, decision=unredacted(ruling.decision, failed))


def _compiled(stored: dict[str, Any], digest: str) -> Compiled:
    return compile_bundle(documents_of(stored), digest).require()


def fleet_of(stored: dict[str, Any]) -> Fleet:
    """Return the fleet of a stored catalogue, all of it well; ConfigError as in `replay`."""
    models = read_models(documents_of(stored), Known(kinds=frozenset(BACKENDS)), Path())
    if models.problems:
        raise ConfigError(models.problems)
    backends = {name: BACKENDS[one.kind] for name, one in models.backends.items()}
    able = operations(models.catalogue, backends)
    return Fleet(models.catalogue, operations=able, ends=models.ends)


def as_it_was(fleet: Fleet, decided: Decided) -> Fleet:
    """Return the fleet with what could not be used when the record was made."""
    return replace(fleet, resting=decided.health, closed=decided.closed or frozenset())


def documents_of(stored: dict[str, Any]) -> dict[str, Document]:
    """Return stored plain data as documents."""
    return {name: Document(f"{name}.yaml", value) for name, value in stored.items()}


def _pairs(decided: Decided, again: Ruling) -> list[tuple[str, Any, Any]]:
    was, now = decided.decision, again.decision
    return [
        ("label", decided.label, again.classification.label),
        ("raised_by", decided.raised_by, again.classification.raised_by),
        ("facts.label", decided.facts and decided.facts.label, again.facts.label),
        *((name, _plain(was, name), _plain(now, name)) for name in DECISION_FIELDS),
        ("candidates", decided.candidates, tuple(c.offering.id for c in again.route.candidates)),
        ("excluded", decided.excluded, again.route.excluded),
        ("shadow", decided.shadow or None, again.shadow),
        ("granted", decided.granted or None, again.grant),
    ]


def _plain(decision: Decision, name: str) -> Any:  # noqa: ANN401 - a field of any type
    value = getattr(decision, name)
    return sorted(value) if isinstance(value, frozenset) else value


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value) or "none"
    return str(value)
