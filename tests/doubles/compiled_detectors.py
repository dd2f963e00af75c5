"""Every detector of the table, compiled once for all tests."""

from functools import cache
from typing import Any

from gateway.classification.detectors import DETECTORS, Detector
from gateway.classification.texts import join_texts
from tests.doubles.compiled_secrets import DATA, all_secrets


@cache
def a_detector(name: str) -> Detector:
    if name == "secrets":
        return all_secrets()
    kind = DETECTORS[name]
    rules = kind.parse((DATA / kind.rules_file).read_text(encoding="utf-8"))
    return kind.load(rules, kind.compile(rules))


@cache
def all_detectors() -> tuple[Detector, ...]:
    return tuple(a_detector(name) for name in DETECTORS)


def hits_of(name: str, *texts: Any) -> list[tuple[str, str]]:
    """Return kind and text of every hit; tests may look at what a detector never shows."""
    buffer = join_texts({"x": list(texts)}).buffer
    hits = a_detector(name).scan(buffer).hits
    return [(hit.kind, buffer[hit.start : hit.end].decode()) for hit in hits]
