"""Evidence, its join, and what policy makes of it."""

from datetime import datetime
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType

from gateway.domain.label import Label


class Trust(StrEnum):
    """How a signal is known."""

    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    CLAIMED = "claimed"
    INFERRED = "inferred"
    CONFIGURED = "configured"
    REMEMBERED = "remembered"


class Finding(Struct, frozen=True):
    """One hit of a detector: kind, place and span, never the text.

    `path` is a JSON pointer into the body, `start` and `end` count characters of that string.
    `fingerprint` is a keyed hash of the matched text: the same text has the same one in every
    request. With `tag_only` it is recorded and raises no label: the rule behind it is too coarse.
    `allowed` says that a steward allowed it; then it raises nothing either.
    """

    detector: str
    kind: str
    path: str
    start: int
    end: int
    fingerprint: str = ""
    tag_only: bool = False
    allowed: bool = False


class Scan(Struct, frozen=True):
    """What the detectors found, and which of them failed."""

    findings: tuple[Finding, ...] = ()
    failed: tuple[str, ...] = ()


class Sizes(Struct, frozen=True, omit_defaults=True):
    """Of how many parts a request is made; `files` are documents, sound and films.

    WHY: they are counted from the form of the body alone, and what is none is left out.
    """

    parts: int = 0
    images: int = 0
    files: int = 0
    tools: int = 0


class Signal(Struct, frozen=True):
    """One piece of evidence of how sensitive a request is."""

    source: str
    label: Label
    trust: Trust
    base: bool = False
    detail: str = ""


class Classification(Struct, frozen=True):
    """The join of all signals, and the sources of those that raised it."""

    label: Label
    signals: tuple[Signal, ...]
    raised_by: tuple[str, ...]


class Effect(StrEnum):
    """What became of a request: permitted, denied by policy, or refused before policy spoke."""

    PERMIT = "permit"
    DENY = "deny"
    REFUSED = "refused"


class Facts(Struct, frozen=True):
    """All that a rule may ask about; every field has a value, absence included.

    `repos` are registry ids that the key binds; `claimed_repos` those that only the client names.
    A permit asks `repos`, and a claim can only take it away; a deny asks both.
    `key`, `client` and `finding_counts` (different findings by kind) are there only where a rule of
    the policy asks for them: a record holds no more of a caller than policy was told. `paths` are
    the patterns that cover a path of a tool call, and no path.
    """

    label: Label
    team: str
    surface: str
    model: str
    task: str | None = None
    repos: frozenset[str] = frozenset()
    findings: frozenset[str] = frozenset()
    claimed_repos: frozenset[str] = frozenset()
    # WHY: left out where there is none: what an older record holds must be written as it was.
    key: str | UnsetType = UNSET
    client: str | UnsetType = UNSET
    finding_counts: dict[str, int] | UnsetType = UNSET
    paths: frozenset[str] | UnsetType = UNSET


class Decision(Struct, frozen=True):
    """Policy's answer: the effect, the boundary, and the rules that made it.

    `boundary` is the set of zones that the request may reach; it is empty unless permitted.
    `reason` is a code: permitted, no_rule_matched, denied_by_rule, no_zone_cleared,
    no_lawful_place, rule_error, redact_first, cannot_redact, `granted` where persons opened a zone
    of it, or the code of the error that refused the request.
    `obligations` are words of `domain.obligation`.
    """

    effect: Effect
    boundary: frozenset[str]
    because: tuple[str, ...]
    reason: str
    policy: str
    decided_at: datetime
    message: str = ""
    obligations: tuple[str, ...] = ()


class Shadow(Struct, frozen=True):
    """What the shadow rules would have made of a request; nothing of it was enforced.

    `rules` are the ids of those that match, `broken` of those that could not be evaluated.
    `effect`, `boundary` and `obligations` are the decision's, had the matching ones been in force.
    """

    rules: tuple[str, ...]
    effect: Effect
    boundary: frozenset[str]
    broken: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()


class Redaction(Struct, frozen=True):
    """What was decided before a body was redacted, and what came of that.

    `found` are the signals of the detectors in the body that came, `findings` and `finding_counts`
    the facts that they gave; with those of the final decision in their place, `decision` is made
    again. `replaced` counts what was taken out, by kind; `failed` says why it could not be.
    """

    label: Label
    found: tuple[Signal, ...]
    findings: frozenset[str]
    decision: Decision
    finding_counts: dict[str, int] | UnsetType = UNSET
    replaced: dict[str, int] | UnsetType = UNSET
    failed: str | UnsetType = UNSET
