"""The detectors: what can be found in the strings of a body.

Rule 1: a detector sees the joined buffer and nothing else: not who asks, not what policy says.
Rule 2: it returns kinds and spans, never text; more than its bound is a failure, not a cut.
Rule 3: untrusted text meets Vectorscan first; `re` sees bounded windows alone.
Rule 4: this table is the only place that knows which detectors there are.

What makes text plain before the scan belongs to `join_texts`: it decodes escapes; normal forms and
encoded parts have no step yet.
"""

from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

from gateway.classification.detectors import secrets
from gateway.classification.texts import SEPARATOR, Scanned


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
    """

    rules_file: str
    parse: Callable[[str], Any]
    expressions: Callable[[Any], tuple[bytes, ...]]
    engine: Callable[[], str]
    compile: Callable[[Any], bytes]
    load: Callable[[Any, bytes], Detector]
    probe: bytes


DETECTORS = {
    "secrets": DetectorKind(
        rules_file="gitleaks.toml",
        parse=secrets.parse_rules,
        expressions=secrets.expressions,
        engine=secrets.engine,
        compile=secrets.compile_database,
        load=secrets.SecretScanner,
        probe=SEPARATOR + b"glpat-" + b"Zq8vT3mK5pX1wR7nB2cD" + SEPARATOR,
    ),
}
