"""Documents become a program, or a list of everything that is wrong with them."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from gateway.domain.caller import RepoRegistry
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, Problem
from gateway.domain.label import Label
from gateway.domain.vocabulary import Vocabulary
from gateway.domain.zone import Zone
from gateway.policy.invariants import Invariant, read_invariants
from gateway.policy.language import PASSES_MAX, RETENTION_FLOOR_DAYS, Detector, PolicyFile
from gateway.policy.places import read_registry, read_zones
from gateway.policy.program import Program
from gateway.policy.reading import Reading, step
from gateway.policy.rules import read_rules
from gateway.policy.words import Known, Words, read_vocabulary

__all__ = ["Compiled", "Known", "Program", "compile_bundle"]

DOCUMENTS = ("policy", "zones", "repos", "invariants")
FAILED = "failed"
DEFAULT_RANK_MIN = 1
NOTHING_KNOWN = Known()
_UNUSABLE = Vocabulary(("unusable",))


class Compiled(Struct, frozen=True):
    """A bundle as it came out of the compiler.

    INVARIANT: with problems, the program has no clause and no zone, so it permits nothing.
    """

    program: Program
    vocabulary: Vocabulary
    registry: RepoRegistry
    zones: dict[str, Zone]
    invariants: tuple[Invariant, ...]
    problems: tuple[Problem, ...]

    def require(self) -> "Compiled":
        """Return itself when the bundle can be used; otherwise ConfigError with all problems."""
        if self.problems:
            raise ConfigError(self.problems)
        return self


def compile_bundle(
    documents: Mapping[str, Document], digest: str, known: Known = NOTHING_KNOWN
) -> Compiled:
    """Compile the documents `policy`, `zones`, `repos` and `invariants` of one bundle.

    `digest` names them. `known` holds names from outside the bundle that conditions may use.
    """
    missing = [name for name in DOCUMENTS if name not in documents]
    if missing:
        return unusable(tuple(Problem(f"{name}.yaml", 1, "", "missing") for name in missing))
    readings = {name: Reading(documents[name]) for name in DOCUMENTS}
    policy = readings["policy"]
    parts = policy.parts("", policy.document.value, PolicyFile)
    vocabulary = read_vocabulary(policy, parts)
    words = Words(vocabulary, known=known)
    zones = read_zones(readings["zones"], words)
    top = (vocabulary or _UNUSABLE).top
    registry = read_registry(readings["repos"], words, top)
    named = {name: _keys(readings[name], name) for name in ("zones", "repos")}
    words = Words(vocabulary, named["zones"], named["repos"], known)
    rules = read_rules(policy, parts.get("rules"), words, zones)
    default = _default(policy, parts, words) or top
    detectors, raises = _detectors(policy, parts, words, top)
    invariants = read_invariants(readings["invariants"], words)
    program = Program(
        digest=digest,
        promises=invariants,
        clauses=rules.clauses,
        duties=rules.duties,
        shadows=rules.shadows,
        asks=rules.asks,
        zones=zones,
        vocabulary=vocabulary or _UNUSABLE,
        default=default,
        raises=raises,
        on_loss=parts.get("on_loss", "record"),
        retention_floor_days=parts.get("retention_floor_days", RETENTION_FLOOR_DAYS),
        passes=_passes(policy, parts.get("passes", {}), words),
        unseen_assistant=words.label(policy, "/unseen_assistant", parts.get("unseen_assistant")),
        counts={
            name: one.count_min for name, one in detectors.items() if isinstance(one.count_min, int)
        },
        replies={name: one.replies for name, one in detectors.items()},
        restores_tools="tool_arguments" in parts.get("restores", ()),
        restores_addresses="addresses" in parts.get("restores", ()),
    )
    problems = tuple(problem for name in DOCUMENTS for problem in readings[name].problems)
    if problems:
        return unusable(problems)
    return Compiled(program, program.vocabulary, registry, zones, invariants, ())


def unusable(problems: tuple[Problem, ...]) -> Compiled:
    """Return a bundle that permits nothing and says why."""
    top = _UNUSABLE.top
    program = Program("", (), {}, _UNUSABLE, top, {FAILED: top}, "refuse")
    return Compiled(program, _UNUSABLE, RepoRegistry({}, top), {}, (), problems)


def _keys(reading: Reading, name: str) -> frozenset[str] | None:
    """Return the names that a document lists, also of entries that are wrong; None if unclear."""
    value = reading.document.value
    entries = value.get(name, {}) if isinstance(value, dict) else None
    if not isinstance(entries, dict) or not all(isinstance(key, str) for key in entries):
        return None
    return frozenset(entries)


def _default(reading: Reading, parts: dict[str, Any], words: Words) -> Label | None:
    label = words.label(reading, "/default", parts.get("default"))
    if label is not None and words.levels and label.level.rank < DEFAULT_RANK_MIN:
        second = words.levels[DEFAULT_RANK_MIN]
        reading.complain(
            "/default", "what nobody labelled is not of the lowest level", f"at least {second}"
        )
    return label


def _passes(reading: Reading, listed: dict[str, Any], words: Words) -> dict[str, frozenset[str]]:
    """Return what may go to each zone; a name that no dialect knows is a problem."""
    found: dict[str, frozenset[str]] = {}
    for zone, names in listed.items():
        pointer = step("/passes", zone)
        if words.zones is not None:
            reading.known(pointer, "zone", zone, words.zones)
        if len(names) > PASSES_MAX:
            reading.complain(pointer, f"more than {PASSES_MAX} names")
        for at, name in enumerate(names):
            if words.known.passable is not None:
                reading.known(step(pointer, at), "name", name, words.known.passable)
        found[zone] = frozenset(names)
    return found


def _detectors(
    reading: Reading, parts: dict[str, Any], words: Words, top: Label
) -> tuple[dict[str, Detector], dict[str, Label]]:
    """Return what is said of each detector, and the labels; a failure joins the strictest one."""
    said: dict[str, Detector] = {}
    raises: dict[str, Label] = {FAILED: top}
    for name, raw in parts.get("detectors", {}).items():
        pointer = step("/detectors", name)
        if words.known.detectors is not None:
            reading.known(pointer, "detector", name, words.known.detectors | {FAILED})
        entry = reading.entry(pointer, raw, Detector)
        if entry is None:
            continue
        said[name] = entry
        raises[name] = words.label(reading, f"{pointer}/raise", entry.raises) or top
        for kind, text in entry.kinds.items():
            if words.known.findings is not None:
                reading.known(step(f"{pointer}/kinds", kind), "kind", kind, words.known.findings)
            label = words.label(reading, step(f"{pointer}/kinds", kind), text)
            raises[f"{name}/{kind}"] = label or top
    return said, raises
