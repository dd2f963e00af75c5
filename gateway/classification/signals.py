"""Evidence from the key, the repository registry, the client's claims and the detectors."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from gateway.classification.repos import RepoClaim, claimed, foldered, hinted, placed, told
from gateway.domain.caller import Caller, RepoRegistry
from gateway.domain.decision import Finding, Signal, Trust
from gateway.domain.errors import Malformed
from gateway.domain.label import Label, join
from gateway.domain.request import Claims
from gateway.domain.vocabulary import UnknownLabelError, Vocabulary

FAILED = "failed"
DETECTOR = "detector:"
NOT_VERIFIED = "not verified"
NO_COUNTS: Mapping[str, int] = MappingProxyType({})
KINDS_NAMED_MAX = 16


def signals(
    caller: Caller,
    claims: Claims,
    registry: RepoRegistry,
    vocabulary: Vocabulary,
    default: Label,
) -> tuple[Signal, ...]:
    """Return the signals that stand before any detector; Malformed when a claim is unreadable.

    INVARIANT: base signals come from the key alone, and from the default only where the key
    binds nothing; a claim adds a signal and takes none away, except that a key with
    `selects_repo` lets it choose one of the repositories that the key binds.
    """
    claim = claimed(claims, registry)
    base = _bound(caller, claim, registry, vocabulary)
    if not base:
        base = [Signal("default", default, Trust.CONFIGURED, base=True)]
    place = placed(claims, registry)
    found = (
        *(("claim:repo", one) for one in claim),
        *(("claim:path", one) for one in (place,) if one is not None),
        *(("claim:metadata", one) for one in told(claims, registry)),
        *(("claim:workspace", one) for one in hinted(claims, registry)),
        *(("claim:folder", one) for one in foldered(claims, registry)),
    )
    repos = dict.fromkeys(_claimed_repo(source, one, registry) for source, one in found)
    filed = (
        Signal("file:label", _written(text, vocabulary), Trust.INFERRED)
        for text in claims.file_labels
    )
    return (*base, *repos, *_claimed_label(claims, vocabulary), *dict.fromkeys(filed))


def finding_signals(
    findings: Iterable[Finding],
    failed: Iterable[str],
    raises: Mapping[str, Label],
    counts: Mapping[str, int] = NO_COUNTS,
) -> tuple[Signal, ...]:
    """Return one signal per detector that found something, and one per detector that failed.

    `raises` maps a detector, or a detector and its kind as `detector/kind`, to the label that its
    findings join; it must hold `failed`, which also stands for a detector that the policy does not
    name. `counts` says of how many different findings on a detector's findings join its label;
    tags join none otherwise, nor does what a steward allowed.

    INVARIANT: a detector that failed joins, beside the label of `failed`, every label that its
    findings could have joined. Who makes it fail gains nothing by it.
    """
    raising: dict[str, list[Finding]] = {}
    for finding in findings:
        if not finding.allowed:
            raising.setdefault(finding.detector, []).append(finding)
    found = [_raised(name, raising[name], raises, counts.get(name)) for name in sorted(raising)]
    unread = (
        _inferred(name, unread_label(name, raises), NOT_VERIFIED) for name in sorted(set(failed))
    )
    return (*(one for one in found if one is not None), *unread)


def unread_label(name: str, raises: Mapping[str, Label]) -> Label:
    """Return the label that stands for whatever a detector that failed did not find."""
    own = (raises[one] for one in sorted(raises) if one.partition("/")[0] == name)
    return join(raises[FAILED], *own)


def raising_kinds(
    findings: Iterable[Finding], raises: Mapping[str, Label], counts: Mapping[str, int] = NO_COUNTS
) -> frozenset[tuple[str, str]]:
    """Return detector and kind of the findings that raise the label, as `finding_signals` does."""
    by_detector: dict[str, list[Finding]] = {}
    for finding in findings:
        if not finding.allowed:
            by_detector.setdefault(finding.detector, []).append(finding)
    return frozenset(
        (name, kind)
        for name, found in by_detector.items()
        for kind in _labels(name, found, raises, counts.get(name))
    )


def _raised(
    name: str, findings: list[Finding], raises: Mapping[str, Label], count: int | None
) -> Signal | None:
    """Return the signal of one detector, None where all that it found are tags, or too few."""
    labels = _labels(name, findings, raises, count)
    if not labels:
        return None
    detail = ",".join(sorted(labels)[:KINDS_NAMED_MAX])
    return _inferred(name, join(*dict.fromkeys(labels.values())), detail)


def _labels(
    name: str, findings: list[Finding], raises: Mapping[str, Label], count: int | None
) -> dict[str, Label]:
    """Return the label that each kind of finding joins, without those that join none."""
    enough = count is not None and len({_said(finding) for finding in findings}) >= count
    own = raises.get(name, raises[FAILED])
    labels: dict[str, Label] = {}
    for finding in findings:
        named = raises.get(f"{name}/{finding.kind}")
        if named is not None:
            labels[finding.kind] = named
        elif enough or (count is None and not finding.tag_only):
            labels[finding.kind] = own
    return labels


def _said(finding: Finding) -> tuple[str, object]:
    """Return what tells a finding from another: its hash, or its place where it has none."""
    return finding.kind, finding.fingerprint or (finding.path, finding.start)


def is_detected(signal: Signal) -> bool:
    """Is this what a detector said?"""
    return signal.source.startswith(DETECTOR)


def _inferred(detector: str, label: Label, detail: str) -> Signal:
    return Signal(f"{DETECTOR}{detector}", label, Trust.INFERRED, detail=detail)


def _bound(
    caller: Caller, claim: tuple[RepoClaim, ...], registry: RepoRegistry, vocabulary: Vocabulary
) -> list[Signal]:
    """Return what the key binds: its own label, and the repositories or the chosen one."""
    written = (caller.label, *caller.floors) if caller.label is not None else caller.floors
    found = [
        Signal("key", _written(text, vocabulary), Trust.AUTHENTICATED, base=True)
        for text in dict.fromkeys(written)
    ]
    known = [registry.repos[repo] for repo in caller.repos if repo in registry.repos]
    if len(known) < len(caller.repos):
        # INVARIANT: a binding to a repository that nobody registered is the strictest label,
        # also when the claim chooses another one.
        found.append(
            Signal("repo", vocabulary.top, Trust.AUTHENTICATED, base=True, detail="unknown")
        )
    trust = Trust.AUTHENTICATED
    chosen = [one.repo for one in claim if one.repo is not None and one.repo in known]
    if caller.selects_repo and chosen:
        known, trust = chosen, Trust.SELECTED
    found += [Signal("repo", repo.label, trust, base=True, detail=repo.id) for repo in known]
    return found


def _written(text: str, vocabulary: Vocabulary) -> Label:
    """Return the key's label; one that this policy does not know counts as the strictest."""
    try:
        return vocabulary.parse(text)
    except UnknownLabelError:
        return vocabulary.top


def _claimed_repo(source: str, claim: RepoClaim, registry: RepoRegistry) -> Signal:
    label = registry.unregistered if claim.repo is None else claim.repo.label
    detail = "unregistered" if claim.repo is None else claim.repo.id
    return Signal(source, label, Trust.CLAIMED, detail=detail)


def _claimed_label(claims: Claims, vocabulary: Vocabulary) -> list[Signal]:
    texts = (
        ("claim:label", claims.label),
        ("claim:path_label", claims.place_label),
        *(("claim:metadata_label", text) for text in claims.told_labels),
    )
    found: list[Signal] = []
    for source, text in texts:
        if text is None:
            continue
        try:
            label = vocabulary.parse(text)
        except UnknownLabelError as error:
            raise Malformed(f"The claimed label cannot be used: {error}.") from None
        found.append(Signal(source, label, Trust.CLAIMED))
    return found
