"""Bundles, programs and facts to build tests with: real documents through the real compiler."""

from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.config.files import load
from gateway.domain.decision import Facts
from gateway.domain.document import Document
from gateway.domain.label import Label
from gateway.policy.compile import Compiled, compile_bundle
from gateway.policy.program import Clause, Program

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
POLICIES = Path(__file__).resolve().parents[2] / "policies"
NAMES = ("policy", "zones", "repos", "invariants")

HOME = {
    "level": "restricted",
    "caveats": ["pii", "secret"],
    "processing_regions": "DE",
    "storage_regions": "DE",
    "operator": "self",
    "operator_jurisdiction": "DE",
    "retention_days": 0,
    "premises": True,
    "addresses": ["127.0.1.0/24"],
}
CLOUD = {
    "level": "internal",
    "processing_regions": "world",
    "storage_regions": "world",
    "operator": "a cloud",
    "operator_jurisdiction": "US",
    "retention_days": 30,
    "addresses": ["127.0.2.0/24"],
}
ANYWHERE = {"id": "anywhere", "effect": "permit", "when": {"any": True}, "zones": ["home", "cloud"]}


def values(**changes: Any) -> dict[str, Any]:
    """A small bundle as plain data; `policy__levels=...` changes one key, None removes it."""
    bundle: dict[str, Any] = {
        "policy": {
            "version": 1,
            "levels": ["public", "internal", "restricted"],
            "caveats": ["pii", "secret"],
            "region_sets": {"EU": ["DE", "FR", "IE"], "NORDIC": ["SE", "NO", "DK"]},
            "default": "internal",
            "detectors": {"secrets": {"raise": "restricted+secret"}},
            "rules": [ANYWHERE],
        },
        "zones": {"version": 1, "zones": {"home": HOME, "cloud": CLOUD}},
        "repos": {
            "version": 1,
            "unregistered": "restricted",
            "repos": {
                "website": {"label": "public", "urls": ["https://git.example.com/web/site"]},
                "payments": {
                    "label": "restricted",
                    "urls": ["https://git.example.com/payments/ledger-1"],
                },
            },
        },
        "invariants": {"version": 1, "invariants": []},
    }
    bundle = deepcopy(bundle)
    for name, value in changes.items():
        document, _, key = name.partition("__")
        if key and value is None:
            del bundle[document][key]
        elif key:
            bundle[document][key] = value
        else:
            bundle[document] = value
    return bundle


def documents(bundle: dict[str, Any]) -> dict[str, Document]:
    """Plain data as documents, without line numbers."""
    return {name: Document(f"{name}.yaml", value) for name, value in bundle.items()}


def compiled(**changes: Any) -> Compiled:
    """The small bundle, changed, through the compiler."""
    return compile_bundle(documents(values(**changes)), "sha256:test")


def problems(**changes: Any) -> list[str]:
    """What the compiler says about the small bundle, changed."""
    return [str(problem) for problem in compiled(**changes).problems]


def a_program(*rules: dict[str, Any], **changes: Any) -> Program:
    """The program of the small bundle with these rules."""
    if rules:
        changes["policy__rules"] = list(rules)
    return compiled(**changes).require().program


def some_facts(program: Program, label: str = "internal", **changes: Any) -> Facts:
    """Facts of a request with that label."""
    said = {"team": "team", "surface": "messages", "model": "claude-opus", **changes}
    written: Label = program.vocabulary.parse(label)
    return Facts(label=written, **said)


def broken_clause(clause_id: str, *, permits: bool = True) -> Clause:
    """A rule that cannot be evaluated."""

    def fail(_: object) -> bool:
        raise KeyError("a value that no message may repeat")

    return Clause(clause_id, permits, frozenset({"home"}), fail, fail, conditional=False)


def shipped(name: str) -> dict[str, Document]:
    """The documents of a policy that ships with the product."""
    return {part: load(POLICIES / name / f"{part}.yaml") for part in NAMES}
