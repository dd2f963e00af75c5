"""The rules of the secrets detector, read from data."""

import tomllib
from typing import Any

from msgspec import Struct

RULES_MAX = 1_000
RULES_CHARS_MAX = 1024 * 1024

# WHY: this rule guesses by the name in front of any random-looking value; it is recorded and
# raises nothing, or every prompt about code would.
TAG_ONLY = frozenset({"generic-api-key"})

_RULE_KEYS = frozenset(
    {"id", "description", "regex", "entropy", "keywords", "allowlists", "path", "secretGroup"}
)
_ALLOW_KEYS = frozenset(
    {"description", "regexes", "stopwords", "paths", "commits", "condition", "regexTarget"}
)


class RulesError(ValueError):
    """The rule data cannot be used."""


class Allow(Struct, frozen=True):
    """What excuses a match: patterns on the secret, the match or its line, and stop words.

    `whole` says that a pattern must cover the secret from end to end.
    """

    patterns: tuple[str, ...] = ()
    target: str = "secret"
    stopwords: tuple[str, ...] = ()
    whole: bool = False


class Rule(Struct, frozen=True):
    """One kind of secret: an RE2 pattern, and what must also hold for a match to count.

    `entropy` is a floor in bits per byte, 0 for none. `keywords` are lower case; one of them must
    stand in the same text. `group` is the group that holds the secret, 0 for the first that
    matched.
    """

    id: str
    regex: str
    keywords: tuple[str, ...] = ()
    entropy: float = 0.0
    group: int = 0
    allows: tuple[Allow, ...] = ()
    tag_only: bool = False


def parse_rules(toml_text: str) -> tuple[Rule, ...]:
    """Return the rules of a gitleaks configuration that look at content; RulesError.

    Rules and allow-lists that look at a path alone are left out: a prompt has no path.
    """
    if len(toml_text) > RULES_CHARS_MAX:
        raise RulesError("the rules are too long")
    try:
        data = tomllib.loads(toml_text)
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"the rules are not TOML: {error}") from None
    entries = data.get("rules", [])
    if len(entries) > RULES_MAX:
        raise RulesError(f"more than {RULES_MAX} rules")
    common = _allows([data["allowlist"]], whole=True) if "allowlist" in data else ()
    rules = tuple(_rule(entry, common) for entry in entries if "regex" in entry)
    if not rules or len({rule.id for rule in rules}) != len(rules):
        raise RulesError("no rule, or one id twice")
    return rules


def _rule(entry: dict[str, Any], common: tuple[Allow, ...]) -> Rule:
    unknown = entry.keys() - _RULE_KEYS
    if unknown:
        raise RulesError(f"rule {entry.get('id')}: unknown {', '.join(sorted(unknown))}")
    return Rule(
        id=entry["id"],
        regex=entry["regex"],
        keywords=tuple(word.lower() for word in entry.get("keywords", ())),
        entropy=float(entry.get("entropy", 0)),
        group=entry.get("secretGroup", 0),
        allows=(*_allows(entry.get("allowlists", []), whole=False), *common),
        tag_only=entry["id"] in TAG_ONLY,
    )


def _allows(entries: list[dict[str, Any]], *, whole: bool) -> tuple[Allow, ...]:
    """Return what the entries say about content.

    WHY: the common list is anchored as a whole. Upstream's `^true|false|null$` would excuse every
    secret that contains `false`.
    """
    allows: list[Allow] = []
    for entry in entries:
        unknown = entry.keys() - _ALLOW_KEYS
        if unknown:
            raise RulesError(f"allow-list: unknown {', '.join(sorted(unknown))}")
        allow = Allow(
            patterns=tuple(entry.get("regexes", ())),
            target=entry.get("regexTarget", "secret"),
            stopwords=tuple(word.lower() for word in entry.get("stopwords", ())),
            whole=whole,
        )
        if _speaks_of_content(entry, allow):
            allows.append(allow)
    return tuple(allows)


def _speaks_of_content(entry: dict[str, Any], allow: Allow) -> bool:
    """Can the entry hold without a path or commit? With condition AND it cannot."""
    needs_more = entry.get("condition") == "AND" and ("paths" in entry or "commits" in entry)
    return bool(allow.patterns or allow.stopwords) and not needs_more
