"""Recorded evidence, as another policy would have stated it.

A record holds the labels that its own policy gave. Another one may give a repository, a finding
or the absence of both another label, so each signal is stated again from its source. What the
record does not hold cannot be: the address of a repository that nobody registered, how many
findings a detector made, a turn from elsewhere on which its policy did not look.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from gateway.classification.conversation import UNCOUNTED, UNSEEN, standing
from gateway.classification.signals import FAILED, KINDS_NAMED_MAX, NOT_VERIFIED, unread_label
from gateway.domain.caller import RepoRegistry
from gateway.domain.decision import Signal, Trust
from gateway.domain.label import Label, join
from gateway.domain.vocabulary import Vocabulary

_REPO_CLAIMS = frozenset(
    {"claim:repo", "claim:path", "claim:metadata", "claim:workspace", "claim:folder"}
)
_DETECTOR = "detector:"
_UNKNOWN = "unknown"
_UNREGISTERED = "unregistered"


class Stating(Struct, frozen=True):
    """What a policy says of the sources of evidence; the fields are those of its program."""

    vocabulary: Vocabulary
    registry: RepoRegistry
    default: Label
    raises: Mapping[str, Label]
    unseen: Label | None = None


def restated(recorded: Iterable[Signal], kinds: Iterable[str], by: Stating) -> tuple[Signal, ...]:
    """Return the signals as that policy states them.

    `kinds` are those of all findings that nobody allowed: one that raised nothing may do so now.
    """
    told = tuple(recorded)
    found = [
        replace(signal, label=label) for signal in told if (label := _label(signal, by)) is not None
    ]
    return (*found, *_named_now(told, frozenset(kinds), by))


def _label(signal: Signal, by: Stating) -> Label | None:
    """Return the label of a signal, None where that policy makes no signal of its source."""
    if signal.source == "default":
        return by.default
    if signal.source == "repo":
        bound = by.registry.repos.get(signal.detail)
        return by.vocabulary.top if bound is None or signal.detail == _UNKNOWN else bound.label
    if signal.source in _REPO_CLAIMS:
        return _claimed(signal.detail, by.registry)
    if signal.source.startswith(_DETECTOR):
        return _found(signal.source.removeprefix(_DETECTOR), signal.detail, by.raises)
    if signal.source == UNSEEN:
        return by.unseen
    return (
        by.vocabulary.top if signal.source == UNCOUNTED else standing(signal.label, by.vocabulary)
    )


def _claimed(detail: str, registry: RepoRegistry) -> Label:
    """Return the label of a claimed repository; one that bears the word for none counts as both."""
    named = registry.repos.get(detail)
    if named is None:
        return registry.unregistered
    return named.label.join(registry.unregistered) if detail == _UNREGISTERED else named.label


def _found(detector: str, detail: str, raises: Mapping[str, Label]) -> Label:
    if detail == NOT_VERIFIED:
        return unread_label(detector, raises)
    own = raises.get(detector, raises[FAILED])
    kinds = detail.split(",")
    labels = [raises.get(f"{detector}/{kind}", own) for kind in kinds]
    # INVARIANT: a list of kinds that may have been cut counts as if another one stood there.
    return join(own, *labels) if len(kinds) >= KINDS_NAMED_MAX else join(*labels)


def _named_now(told: tuple[Signal, ...], kinds: frozenset[str], by: Stating) -> Iterator[Signal]:
    """Yield a signal for each kind that was found, raised nothing, and is named by that policy."""
    raised = {
        f"{signal.source.removeprefix(_DETECTOR)}/{kind}"
        for signal in told
        for kind in signal.detail.split(",")
    }
    for name, label in sorted(by.raises.items()):
        detector, _, kind = name.partition("/")
        if kind in kinds and name not in raised:
            yield Signal(f"{_DETECTOR}{detector}", label, Trust.INFERRED, detail=kind)
