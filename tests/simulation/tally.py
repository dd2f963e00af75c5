"""What the worlds were like: counts, and the least share that each must keep."""

from collections import Counter
from datetime import datetime

from gateway.audit.record import Decided
from gateway.domain.decision import Effect
from gateway.domain.route import OutcomeKind
from tests.simulation.bodies import DIALECT
from tests.simulation.invariants import Story
from tests.simulation.oracle import expect
from tests.simulation.stage import Stage

SAMPLED = 5
OK = 200
# INVARIANT: a generator that drifts towards worlds in which nothing happens fails the suite.
LEAST_OF_WORLDS = {
    "a ledger failed": 0.015,
    "a backend was quarantined": 0.05,
    "requests at once": 0.08,
    "a rule could not be evaluated": 0.03,
}
LEAST_OF_REQUESTS = {
    "permitted": 0.3,
    "denied": 0.2,
    "refused unheard": 0.06,
    "nobody fit or was well": 0.05,
    "answered whole": 0.04,
    "answered by a stream": 0.05,
    "fell back": 0.04,
    "failed after attempts": 0.08,
    "broke off after the first token": 0.006,
    "tried a second time": 0.01,
    "translated": 0.06,
    "stopped at the boundary": 0.02,
    "a lie stopped at the boundary": 0.01,
    "the snapshot changed between attempts": 0.005,
    "the client left": 0.01,
    "the label was raised": 0.12,
    "no lawful place": 0.005,
    "a repository was chosen": 0.02,
    "a detector failed": 0.04,
    "the day changed": 0.007,
}
LEAST_OF_SAMPLED = {
    "evidence decided": 0.006,
    "a deny decided": 0.1,
    "a base label decided": 0.05,
    "a claim decided": 0.04,
    "a broken rule decided": 0.015,
    "a turn of before decided": 0.002,
    "the zones of a key decided": 0.002,
}
_WITHOUT = {
    "evidence": "evidence decided",
    "denies": "a deny decided",
    "base": "a base label decided",
    "claims": "a claim decided",
    "errors": "a broken rule decided",
    "turns": "a turn of before decided",
    "keys": "the zones of a key decided",
}


class Tally:
    """Counts over many worlds."""

    def __init__(self) -> None:
        self.worlds = 0
        self.requests = 0
        self.calls = 0
        self.sampled = 0
        self.counts: Counter[str] = Counter()

    def count(self, stage: Stage, told: list[Story]) -> None:
        """Count one world."""
        self.worlds += 1
        self.requests += len(told)
        self.calls += len(stage.calls)
        self._note(_of_world(stage))
        zones = {engine.name: engine.zone for engine in stage.scenario.engines}
        lying = {
            offer.id
            for one in stage.scenario.snapshots
            for offer in one.offers
            if offer.zone != zones[offer.backend]
        }
        for story in told:
            self._note(_of_request(story, stage, lying))
            if stage.scenario.seed % SAMPLED == 0:
                self.sampled += 1
                self._note(_of_sample(story, stage))

    def degenerate(self) -> list[str]:
        """Return what is too rare."""
        return [
            f"{name}: {self.counts[name]} of {total}, less than {share:.1%}"
            for least, total in self._least()
            for name, share in least.items()
            if self.counts[name] < share * total
        ]

    def __str__(self) -> str:
        """Return every count with its share."""
        lines = [f"{self.worlds} worlds, {self.requests} requests, {self.calls} calls left"]
        for (least, total), of in zip(
            self._least(), ("worlds", "requests", "sampled requests"), strict=True
        ):
            lines.append(f"of {total} {of}:")
            for name in least:
                share = self.counts[name] / max(1, total)
                lines.append(f"  {name}: {self.counts[name]} ({share:.1%})")
        return "\n".join(lines)

    def _least(self) -> list[tuple[dict[str, float], int]]:
        return [
            (LEAST_OF_WORLDS, self.worlds),
            (LEAST_OF_REQUESTS, self.requests),
            (LEAST_OF_SAMPLED, self.sampled),
        ]

    def _note(self, seen: dict[str, bool]) -> None:
        for name, happened in seen.items():
            if happened:
                self.counts[name] += 1


def _of_world(stage: Stage) -> dict[str, bool]:
    return {
        "a ledger failed": bool(stage.ledger.lost),
        "a backend was quarantined": bool(stage.health.quarantined),
        "requests at once": stage.scenario.together and len(stage.heard) > 1,
        "a rule could not be evaluated": bool(stage.scenario.snapshots[0].broken),
    }


def _of_request(story: Story, stage: Stage, lying: set[str]) -> dict[str, bool]:
    offerings = [one.offering for one in story.attempted]
    breached = any(one.error == "boundary_breach" for one in story.settled)
    answered = story.heard.status == OK
    label = story.expected.label
    start = datetime.fromisoformat(stage.scenario.start).date()
    return {
        **_by_policy(story.decided[0] if story.decided else None),
        "answered whole": answered and not story.asked.stream,
        "answered by a stream": answered and story.asked.stream,
        "fell back": len(offerings) > 1,
        "failed after attempts": bool(offerings) and not answered,
        "broke off after the first token": answered and _failed(story),
        "tried a second time": len(set(offerings)) < len(offerings),
        "translated": any(_is_translated(call.call.path, story) for call in story.calls),
        "stopped at the boundary": breached,
        "a lie stopped at the boundary": breached and not lying.isdisjoint(offerings[-1:]),
        "the snapshot changed between attempts": any(
            call.snapshot != story.heard.snapshot for call in story.calls
        ),
        "the client left": story.heard.left,
        "no lawful place": label is not None and label.places == frozenset(),
        "a repository was chosen": story.asked.key.selects_repo
        and story.asked.repo.repo in story.asked.key.repos,
        "a detector failed": bool(story.asked.found.failed),
        "the day changed": bool(story.decided) and story.today != start,
    }


def _by_policy(decided: Decided | None) -> dict[str, bool]:
    if decided is None:
        return {}
    effect = decided.decision.effect
    return {
        "permitted": effect is Effect.PERMIT,
        "denied": effect is Effect.DENY,
        "refused unheard": effect is Effect.REFUSED,
        "nobody fit or was well": effect is Effect.PERMIT and not decided.candidates,
        "the label was raised": bool(decided.raised_by),
    }


def _of_sample(story: Story, stage: Stage) -> dict[str, bool]:
    """Say of each safeguard whether the boundary would be another without it."""
    snapshot = stage.scenario.snapshots[story.heard.snapshot]
    return {
        name: expect(story.asked, snapshot, story.today, without, story.earlier).zones
        != story.expected.zones
        for without, name in _WITHOUT.items()
    }


def _failed(story: Story) -> bool:
    return any(one.outcome is OutcomeKind.FAILED for one in story.settled)


def _is_translated(path: str, story: Story) -> bool:
    spoken = {
        "/v1/chat/completions": "openai_chat",
        "/v1/messages": "anthropic_messages",
        "/v1/responses": "openai_responses",
    }
    return spoken.get(path) != DIALECT[story.asked.surface]
