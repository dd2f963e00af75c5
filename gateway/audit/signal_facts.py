"""What the signals of one decision say: who spoke, what it did, and whose word differed."""

from msgspec import Struct

from gateway.audit.record import Decided
from gateway.domain.decision import Signal, Trust
from gateway.domain.label import Label, join

RAISED = "raised"
LOWER = "lower"
AGREES = "agrees"
BOUND = "bound"
DEFAULT = "default"
DEFAULT_RAISED = "default_raised"
UNJUDGED = "unjudged"
_DEFAULT_SOURCE = "default"


class Said(Struct, frozen=True):
    """One signal; `verdict` is raised, lower or agrees.

    `lower`: a client claimed less than what is known without any claim. That changed nothing.
    """

    source: str
    trust: str
    says: str
    verdict: str


class Told(Struct, frozen=True):
    """All signals of a decision; `floor` is what the key, or the default, said alone.

    `basis` says what the label stands on: `bound` by key or repository, the `default` alone, a
    `default_raised` by something else, or `unjudged`: refused before there was a label.
    """

    signals: tuple[Said, ...]
    floor: str
    basis: str


def told(record: Decided) -> Told:
    """Return what the signals of a decision say, each kind of them once."""
    if not record.signals:
        return Told((), "", UNJUDGED)
    base = [one.label for one in record.signals if one.base]
    known = [one.label for one in record.signals if one.trust is not Trust.CLAIMED]
    raisers = frozenset(record.raised_by)
    unclaimed = join(*known) if known else None
    said = (_said(one, raisers, unclaimed) for one in record.signals)
    floor = str(join(*base)) if base else ""
    return Told(tuple(dict.fromkeys(said)), floor, _basis(record))


def _said(signal: Signal, raisers: frozenset[str], unclaimed: Label | None) -> Said:
    verdict = RAISED if signal.source in raisers else AGREES
    if signal.trust is Trust.CLAIMED and unclaimed is not None and _is_lower(signal, unclaimed):
        verdict = LOWER
    return Said(signal.source, str(signal.trust), str(signal.label), verdict)


def _is_lower(signal: Signal, unclaimed: Label) -> bool:
    return unclaimed != signal.label and unclaimed.dominates(signal.label)


def _basis(record: Decided) -> str:
    defaulted = all(one.source == _DEFAULT_SOURCE for one in record.signals if one.base)
    if not defaulted:
        return BOUND
    return DEFAULT_RAISED if record.raised_by else DEFAULT
