"""The join of all evidence."""

from collections.abc import Sequence

from gateway.domain.decision import Classification, Signal
from gateway.domain.errors import Unreachable
from gateway.domain.label import Label, join


def classify(signals: Sequence[Signal]) -> Classification:
    """Return the least label that dominates every signal, and which ones raised it.

    A signal raised the label when the join of the base signals does not dominate it. Without a
    base signal every signal raised it. A request without any signal is a bug of ours.
    """
    if not signals:
        raise Unreachable("a request without a signal has no label")
    base = [signal.label for signal in signals if signal.base]
    floor = join(*base) if base else None
    return Classification(
        label=join(*(signal.label for signal in signals)),
        signals=tuple(signals),
        raised_by=_raisers(signals, floor),
    )


def _raisers(signals: Sequence[Signal], floor: Label | None) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            signal.source
            for signal in signals
            if floor is None or not floor.dominates(signal.label)
        )
    )
