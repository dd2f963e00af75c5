"""Secrets: keys, tokens and passwords by the formats of their vendors.

Rule 1: Vectorscan reads the whole buffer; `re` sees windows of bounded size around its matches.
Rule 2: a second look may dismiss a match, by entropy, keyword or allow-list; what it cannot see
stands.
Rule 3: nothing here returns, raises or prints the text of a match.
"""

from gateway.classification.detectors.secrets.rules import Rule, RulesError, parse_rules
from gateway.classification.detectors.secrets.scanner import (
    SecretScanner,
    compile_database,
    expressions,
)

__all__ = [
    "Rule",
    "RulesError",
    "SecretScanner",
    "compile_database",
    "expressions",
    "parse_rules",
]
