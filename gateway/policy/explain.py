"""A classification and a decision as sentences for people."""

from gateway.domain.decision import Classification, Decision, Effect, Signal, Trust

_KNOWN_BY = {
    Trust.AUTHENTICATED: "bound to the key",
    Trust.SELECTED: "chosen by the client among those bound to the key",
    Trust.CLAIMED: "claimed by the client",
    Trust.INFERRED: "found in the content",
    Trust.CONFIGURED: "configured",
    Trust.REMEMBERED: "remembered of the conversation",
}
SENTENCES_MAX = 64


def explain(classification: Classification | None, decision: Decision) -> tuple[str, ...]:
    """Return the label with its reasons, then the decision with its rules, one sentence each."""
    why = () if classification is None else _label(classification)
    return (*why[:SENTENCES_MAX], *_decision(decision))


def _label(found: Classification) -> tuple[str, ...]:
    base = tuple(_signal(signal) for signal in found.signals if signal.base)
    raised = tuple(
        f"{_signal(signal)[:-1]}, which raised it."
        for signal in found.signals
        if not signal.base and signal.source in found.raised_by
    )
    return (f"The label is {found.label}.", *base, *raised)


def _signal(signal: Signal) -> str:
    detail = f" {signal.detail}" if signal.detail else ""
    return f"{signal.source}{detail} ({_KNOWN_BY[signal.trust]}) says {signal.label}."


def _decision(decision: Decision) -> tuple[str, ...]:
    if decision.effect is Effect.REFUSED:
        return (f"It was refused before policy spoke: {decision.reason}.",)
    word = "Permitted" if decision.effect is Effect.PERMIT else "Denied"
    zones = ", ".join(sorted(decision.boundary))
    where = f" in zones {zones}" if zones else f" everywhere ({decision.reason})"
    because = f"Because {decision.message}." if decision.message else ""
    policy = f"The policy was {decision.policy}." if decision.policy else ""
    return tuple(sentence for sentence in (f"{word}{where}.", because, policy) if sentence)
