"""Faults planted in the gateway, each of which random worlds must find.

A mutant is installed for one test and says which promise it breaks. It changes the gateway's own
code at the place where somebody in a hurry would, and nothing of the worlds or the oracle.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from gateway.audit.record import Attempted, Personal, Record
from gateway.classification import signals as signals_module
from gateway.domain.decision import Signal
from gateway.domain.errors import BoundaryBreach
from gateway.domain.route import Candidate, Route
from gateway.domain.zone import Zone
from gateway.flow import docket as docket_module
from gateway.flow import prepare as prepare_module
from gateway.flow import ruling as ruling_module
from gateway.flow.docket import Docket
from gateway.flow.pursuit import Pursuit
from gateway.flow.ruling import Evidence, rule
from gateway.policy import conditions as conditions_module
from gateway.policy import evaluate as evaluate_module
from gateway.routing import names as names_module
from gateway.routing.names import resolve
from gateway.transport.call import Address
from gateway.transport.guard import Guard, IpAddress, Place
from gateway.transport.send import Sender

Install = Callable[[pytest.MonkeyPatch], None]

BOUNDARY = "a_call_stays_in_its_boundary"
PINS = "a_call_goes_where_the_zone_is_pinned"
ORDER = "the_record_stood_before_the_call"
SETTLED = "every_decision_is_settled_once"
INSIDE = "attempts_are_dense_and_inside"
RESTS = "what_rests_is_left_alone"
LEAVING = "what_nobody_knows_stays_on_the_premises"
ERRORS = "an_error_never_repeats_the_prompt"
CLEAR = "no_prompt_is_kept_in_clear"


class Mutant(Struct, frozen=True):
    """What is planted, the promise that breaks, and how to plant it."""

    name: str
    promise: str
    install: Install


def _recomputed(self: Pursuit) -> Iterator[tuple[Candidate, float]]:
    """After a failure, whatever the catalogue offers under that name."""
    yield self._docket.route.candidates[0], 0.0
    offerings = resolve(self._ask.model, self._world.fleet.catalogue).offerings
    everywhere = frozenset(self._world.program.zones)
    self._docket.route = Route(tuple(Candidate(one) for one in offerings), everywhere)
    yield from ((candidate, 0.0) for candidate in self._docket.route.candidates)


def _recomputed_by_halves(self: Pursuit) -> Iterator[tuple[Candidate, float]]:
    """The same, but the route stays what it was: the guard stops it, and the record tells."""
    yield self._docket.route.candidates[0], 0.0
    offerings = resolve(self._ask.model, self._world.fleet.catalogue).offerings
    yield from ((Candidate(one), 0.0) for one in offerings)


def _newest(self: Pursuit) -> Iterator[tuple[Candidate, float]]:
    """After a failure, the request is decided again under the current snapshot."""
    yield self._docket.route.candidates[0], 0.0
    decided = self._docket._decided
    assert decided.facts is not None
    evidence = Evidence(self._ask, decided.signals, decided.facts)
    self._docket.route = rule(evidence, self._house.worlds.now(), self._house.clock.now()).route
    yield from ((candidate, 0.0) for candidate in self._docket.route.candidates)


def _candidates(new: Callable[[Pursuit], Iterator[tuple[Candidate, float]]]) -> Install:
    return lambda patch: patch.setattr(Pursuit, "_candidates", new)


def _trusting(patch: pytest.MonkeyPatch) -> None:
    def trust(_: Sender, backend: str, candidate: Candidate, route: Route) -> None:
        if candidate not in route.candidates or candidate.offering.backend != backend:
            raise BoundaryBreach("stopped", hint="the candidate is not of this route")
        if candidate.zone not in route.boundary:
            raise BoundaryBreach("stopped", hint="outside the boundary")

    patch.setattr(Sender, "_assert_boundary", trust)


def _unpinned(patch: pytest.MonkeyPatch) -> None:
    def anywhere(_: Guard, place: Place, address: IpAddress) -> Address:
        return Address(str(address), place.port)

    patch.setattr(Guard, "_inside", anywhere)


def _skipping(patch: pytest.MonkeyPatch) -> None:
    whole = evaluate_module._matched
    patch.setattr(
        evaluate_module,
        "_matched",
        lambda clauses, facts: replace(whole(clauses, facts), broken=()),
    )


def _careless(patch: pytest.MonkeyPatch) -> None:
    whole = signals_module.finding_signals
    patch.setattr(
        ruling_module,
        "finding_signals",
        lambda findings, _failed, raises, counts: whole(findings, (), raises, counts),
    )


def _hasty(patch: pytest.MonkeyPatch, from_attempt: int) -> None:
    """Attempts from that number on are written while the call is on its way."""
    whole = Docket._append

    async def append(self: Docket, records: list[tuple[Record, Personal | None]]) -> None:
        first = records[0][0]
        if isinstance(first, Attempted) and first.number >= from_attempt:
            self._house.background.spawn(whole(self, records))
        else:
            await whole(self, records)

    patch.setattr(Docket, "_append", append)


def _believing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Zone, "_believed", lambda _self, _today: True)


def _obedient(patch: pytest.MonkeyPatch) -> None:
    whole = signals_module.signals

    def signals(*known: Any) -> tuple[Signal, ...]:
        found = whole(*known)
        return tuple(one for one in found if not one.base) or found

    patch.setattr(ruling_module, "signals", signals)


def _permissive(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(evaluate_module._Matched, "closing", lambda _self, _zone: None)


def _widening(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Zone, "clears", lambda self, label, _today: self.level >= label.level)


def _flattering(patch: pytest.MonkeyPatch) -> None:
    def every(repos: frozenset[str]) -> Any:
        return lambda facts: bool(repos & (facts.repos | facts.claimed_repos))

    patch.setattr(conditions_module, "_every_repo", every)


def _deaf(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signals_module, "hinted", lambda _claims, _registry: ())


def _oblivious(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ruling_module, "conversation_signals", lambda *_: ())


def _generous(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(prepare_module, "leaving", lambda body, _dialect, _passed: (body, ()))


def _forgetful(patch: pytest.MonkeyPatch) -> None:
    whole = Docket.settle

    def settle(self: Docket, outcome: Any, status: int | None, error: str | None = None) -> None:
        if status is not None:
            whole(self, outcome, status, error)

    patch.setattr(Docket, "settle", settle)


def _restless(patch: pytest.MonkeyPatch) -> None:
    def twice(self: Pursuit) -> Iterator[tuple[Candidate, float]]:
        for candidate in self._docket.route.candidates:
            yield candidate, 0.0

    patch.setattr(Pursuit, "_candidates", twice)
    whole = Pursuit._answer

    async def answer(self: Pursuit) -> Any:
        well = self._house.worlds.now()

        class Blind:
            def now(self) -> Any:
                return replace(well, fleet=replace(well.fleet, resting={}))

        self._house = replace(self._house, worlds=Blind())
        return await whole(self)

    patch.setattr(Pursuit, "_answer", answer)


def _talkative(patch: pytest.MonkeyPatch) -> None:
    whole = names_module._unknown
    patch.setattr(
        names_module, "_unknown", lambda name, known: f"There is no {name}. {whole(name, known)}"
    )


def _boundless(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ruling_module, "narrowed", lambda decision, *_: decision)


def _verbose(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(docket_module, "_without_words", lambda outcome: outcome)


MUTANTS = (
    Mutant("fallback recomputes candidates", BOUNDARY, _candidates(_recomputed)),
    Mutant("fallback recomputes, the guard stops it", INSIDE, _candidates(_recomputed_by_halves)),
    Mutant("retries take the new snapshot's additions", BOUNDARY, _candidates(_newest)),
    Mutant("the guard trusts the carried zone", BOUNDARY, _trusting),
    Mutant("the guard looks at no address", PINS, _unpinned),
    Mutant("a rule that errors is skipped", BOUNDARY, _skipping),
    Mutant("a detector that failed counts for nothing", BOUNDARY, _careless),
    Mutant("records are written after sending", ORDER, lambda patch: _hasty(patch, 1)),
    Mutant("records of a fallback are written after", ORDER, lambda patch: _hasty(patch, 2)),
    Mutant("expired evidence is believed", BOUNDARY, _believing),
    Mutant("a claim replaces the base label", BOUNDARY, _obedient),
    Mutant("deny rules are ignored", BOUNDARY, _permissive),
    Mutant("rules widen a clearance", BOUNDARY, _widening),
    Mutant("a claimed repository opens a permit", BOUNDARY, _flattering),
    Mutant("what a tool tells of its folders is not heard", BOUNDARY, _deaf),
    Mutant("what was said before is forgotten", BOUNDARY, _oblivious),
    Mutant("zones of a key narrow nothing", BOUNDARY, _boundless),
    Mutant("what nobody knows leaves the premises", LEAVING, _generous),
    Mutant("a client that leaves is not settled", SETTLED, _forgetful),
    Mutant("what rests is asked all the same", RESTS, _restless),
    Mutant("an error repeats what was asked", ERRORS, _talkative),
    Mutant("the record keeps the engine's words", CLEAR, _verbose),
)
