"""Patterns of addresses are anchored, part by part, and no regular expressions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.caller import Repo, RepoRegistry
from gateway.domain.label import Label, Level
from gateway.domain.repo_address import canonical
from gateway.domain.repo_pattern import canonical_pattern, matches

LABEL = Label(Level(0, "public"))


@pytest.mark.parametrize(
    ("pattern", "address", "fits"),
    [
        ("https://git.corp/payments/*", "git.corp/payments/ledger-1", True),
        ("https://git.corp/payments/*", "git.corp/payments/a/b", False),
        ("https://git.corp/payments/*", "git.corp/payments", False),
        ("https://git.corp/payments/*", "git.corp/payments-2/x", False),
        ("https://git.corp/payments/*", "git.corp.evil/payments/x", False),
        ("https://git.corp/payments/*", "evil/git.corp/payments/x", False),
        ("https://git.corp/payments/*", "git.corp:8443/payments/x", False),
        ("ssh://git@GIT.corp/payments/*.git", "git.corp/payments/x", True),
        ("git.corp/payments/ledger-*", "git.corp/payments/ledger-199", True),
        ("git.corp/payments/ledger-1*", "git.corp/payments/ledger-2", False),
        ("git.corp/pay*/x", "git.corp/payments/x", True),
        ("git.corp/*/x", "git.corp/a/x", True),
        ("git.corp/*/x", "git.corp/a/xx", False),
        ("git.corp/*/x", "git.corp/a/y", False),
        ("git.corp/a*b*c", "git.corp/aXbYc", True),
        ("git.corp/a*b*c", "git.corp/abc", True),
        ("git.corp/a*b*c", "git.corp/ac", False),
        ("git.corp/a*b*c", "git.corp/acb", False),
        ("git.corp/a*a", "git.corp/a", False),
        ("git.corp/payments/**", "git.corp/payments/a", True),
        ("git.corp/payments/**", "git.corp/payments/a/b/c", True),
        ("git.corp/payments/**", "git.corp/payments", False),
        ("git.corp/payments/**", "git.corp/payments2/a", False),
        ("git.corp/**", "git.corp/a", True),
        ("git.corp/a.c", "git.corp/abc", False),
        ("git.corp/a+", "git.corp/aa", False),
    ],
)
def test_adv_06_a_pattern_is_matched_part_by_part(pattern, address, fits) -> None:
    assert matches(canonical_pattern(pattern), address.lower()) is fits


@pytest.mark.parametrize(
    "text",
    [
        "https://*/payments/x",
        "https://*.corp/payments/x",
        "https://git.corp",
        "https://git.corp/**/x",
        "https://git.corp/a**",
        "https://git.corp/***",
        "https://git.corp/*/../x",
        "https://git.corp/%2e%2e/*",
        "https://git.corp/[a-z]*",
        "https://git.corp/a?",
        "https://git.corp/(a|b)^",
        "https://git.corp/!/x",
        "https://git.corp./*",
        "https://g\u0456t.corp/*",
        "https://git.corp/*a*b*c*d*",
        "",
    ],
)
def test_adv_05_what_is_no_pattern_is_refused(text) -> None:
    with pytest.raises(ValueError, match=r"pattern|URL"):
        canonical_pattern(text)


names = st.text("abc-1", min_size=1, max_size=4)


@given(st.lists(names, min_size=1, max_size=3))
def test_an_address_is_the_pattern_of_itself_alone(parts) -> None:
    address = canonical("git.corp/" + "/".join(parts))
    assert canonical_pattern(address) == address
    assert matches(address, address)
    assert not matches(address, address + "x")
    assert not matches(address, f"{address}/x")


@given(names, names, names)
def test_a_star_stands_for_any_text_between(before, middle, after) -> None:
    pattern = canonical_pattern(f"git.corp/{before}*{after}")
    assert matches(pattern, f"git.corp/{before}{middle}{after}")
    assert matches(pattern, f"git.corp/{before}{after}")


def test_every_entry_of_an_address_counts() -> None:
    one = Repo("one", LABEL, frozenset({"git.corp/pay/x"}))
    many = Repo("many", LABEL, patterns=("git.corp/pay/*",))
    registry = RepoRegistry({"one": one, "many": many}, LABEL)
    assert registry.by_address("git.corp/pay/x") == (one, many)
    assert registry.by_address("git.corp/pay/y") == (many,)
    assert registry.by_address("git.corp/web/y") == ()


@given(st.lists(names, min_size=1, max_size=3), st.integers(0, 2))
def test_a_pattern_is_found_wherever_its_first_star_stands(parts, at) -> None:
    address = canonical("git.corp/" + "/".join(parts))
    wanted = list(address.split("/"))
    wanted[min(at + 1, len(wanted) - 1)] = "*"
    repo = Repo("many", LABEL, patterns=(canonical_pattern("/".join(wanted)), "git.corp/**"))
    assert RepoRegistry({"many": repo}, LABEL).by_address(address) == (repo,)
