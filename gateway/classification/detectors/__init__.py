"""The detectors: what can be found in the strings of a body.

Rule 1: a detector sees the joined buffer and nothing else: not who asks, not what policy says.
Rule 2: it returns kinds and spans, never text; more than its bound is a failure, not a cut.
Rule 3: untrusted text meets Vectorscan first; `re` sees bounded windows alone.
Rule 4: this table is the only place that knows which detectors there are.

What makes text plain before the scan belongs to `join_texts`: it decodes escapes; normal forms and
encoded parts have no step yet.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from msgspec import Struct

from gateway.classification import patterns
from gateway.classification.detectors import contacts, personal, secrets
from gateway.classification.detectors.dictionary import DictionaryScanner
from gateway.classification.matching import engine
from gateway.classification.parts import SEPARATOR
from gateway.classification.patterns import Check
from gateway.classification.texts import Scanned
from gateway.classification.unfolding import unfolder
from gateway.classification.unfolding.unfolder import Unfolder


class Detector(Protocol):
    """One loaded detector; several threads may use it at once."""

    @property
    def name(self) -> str:
        """The name by which policy and records know it."""

    def scan(self, buffer: bytes) -> Scanned:
        """Return the hits in a joined buffer."""


class DetectorKind(Struct, frozen=True, kw_only=True):
    """How a detector is made from data: a record of functions.

    rules_file: its rules, in the folder `data` beside this file.
    parse(text) -> rules; ValueError when they cannot be used.
    expressions(rules) -> what a compiled database depends on.
    engine() -> the version of whatever compiles.
    compile(rules) -> database bytes.
    load(rules, database) -> the detector; the bytes must be authentic.
    probe: a joined buffer in which a loaded detector must find something.
    names_kinds: do its findings have the names of its rules?
    """

    rules_file: str
    parse: Callable[[str], Any]
    expressions: Callable[[Any], tuple[bytes, ...]]
    engine: Callable[[], str]
    compile: Callable[[Any], bytes]
    load: Callable[[Any, bytes], Detector]
    probe: bytes
    names_kinds: bool = True


def _of_patterns(name: str, checks: Mapping[str, Check], probe: bytes) -> DetectorKind:
    """Return a detector whose rules are patterns in `<name>.toml`, with checks of our own."""
    return DetectorKind(
        rules_file=f"{name}.toml",
        parse=patterns.parse_rules,
        expressions=patterns.expressions,
        engine=engine,
        compile=patterns.compile_database,
        load=partial(_scanner, name, checks),
        probe=SEPARATOR + probe + SEPARATOR,
    )


def _scanner(
    name: str, checks: Mapping[str, Check], rules: tuple[patterns.PatternRule, ...], database: bytes
) -> patterns.PatternScanner:
    return patterns.PatternScanner(name, rules, database, checks)


NO_CHECKS: Mapping[str, Check] = {}

DETECTORS = {
    "secrets": DetectorKind(
        rules_file="gitleaks.toml",
        parse=secrets.parse_rules,
        expressions=secrets.expressions,
        engine=engine,
        compile=secrets.compile_database,
        load=secrets.SecretScanner,
        probe=SEPARATOR + b"glpat-" + b"Zq8vT3mK5pX1wR7nB2cD" + SEPARATOR,
    ),
    "personal": _of_patterns("personal", personal.CHECKS, b"5425 2334 3010 9903"),
    "markings": _of_patterns("markings", NO_CHECKS, b"TLP:RED"),
    "exports": _of_patterns("exports", NO_CHECKS, b"ECCN 5D002"),
    Unfolder.name: DetectorKind(
        rules_file="unfolding.toml",
        parse=patterns.parse_rules,
        expressions=patterns.expressions,
        engine=engine,
        compile=unfolder.compile_database,
        load=Unfolder,
        names_kinds=False,
        probe=SEPARATOR + b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ" + SEPARATOR,
    ),
    "contacts": _of_patterns("contacts", contacts.CHECKS, b"somebody@perimeter.eu"),
}

# Also that which is made of no table: words of the customer's own.
DETECTOR_NAMES = frozenset((*DETECTORS, DictionaryScanner.name))
