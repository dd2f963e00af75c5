"""The secrets detector with all its rules, compiled once for all tests."""

from functools import cache
from pathlib import Path

from gateway.classification import detectors
from gateway.classification.detectors.secrets import (
    Rule,
    SecretScanner,
    compile_database,
    parse_rules,
)

DATA = Path(detectors.__file__).parent / "data"


@cache
def all_rules() -> tuple[Rule, ...]:
    return parse_rules((DATA / "gitleaks.toml").read_text(encoding="utf-8"))


@cache
def all_database() -> bytes:
    return compile_database(all_rules())


@cache
def all_secrets() -> SecretScanner:
    return SecretScanner(all_rules(), all_database())
