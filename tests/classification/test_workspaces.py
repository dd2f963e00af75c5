"""What a client's tool tells of its workspaces: it raises, it never chooses and never refuses."""

import pytest

from gateway.classification.classify import classify
from gateway.classification.repos import Repos, hinted, repos_of
from gateway.classification.signals import signals
from gateway.domain.caller import Caller, Repo, RepoRegistry
from gateway.domain.label import Label, Level
from gateway.domain.request import Claims
from gateway.domain.vocabulary import Vocabulary

PUBLIC, INTERNAL, RESTRICTED = (
    Label(Level(at, name)) for at, name in enumerate(("public", "internal", "restricted"))
)
VOCABULARY = Vocabulary(("public", "internal", "restricted"), frozenset(), {})
WEBSITE = Repo("website", PUBLIC, frozenset({"git.corp/web/site"}))
PAYMENTS = Repo("payments", RESTRICTED, frozenset({"git.corp/payments/ledger-1"}))
REGISTRY = RepoRegistry({"website": WEBSITE, "payments": PAYMENTS}, INTERNAL)
SITE, LEDGER = "git@git.corp:web/site.git", "https://git.corp/payments/ledger-1"


def a_caller(*repos: str, selects: bool = False) -> Caller:
    return Caller("k1", "someone", "team", repos=repos, selects_repo=selects)


def label_of(caller: Caller, *workspaces: str, repo: str | None = None) -> str:
    claims = Claims(repo=repo, workspaces=workspaces)
    return str(classify(signals(caller, claims, REGISTRY, VOCABULARY, PUBLIC)).label)


@pytest.mark.parametrize(
    ("workspaces", "label"),
    [
        ((), "public"),
        ((SITE,), "public"),
        ((LEDGER,), "restricted"),
        ((SITE, LEDGER), "restricted"),
        (("git@git.corp:other/thing.git",), "internal"),
        (("/srv/git/ledger.git",), "internal"),
        (("",), "internal"),
        (("https://git.corp/payments/%2e%2e/web/site",), "internal"),
    ],
)
def test_every_workspace_raises_the_label_and_an_unclear_one_is_unregistered(
    workspaces: tuple[str, ...], label: str
) -> None:
    assert label_of(a_caller("website"), *workspaces) == label


def test_a_workspace_lowers_nothing_and_chooses_nothing() -> None:
    assert label_of(a_caller("payments"), SITE) == "restricted"
    both = a_caller("website", "payments", selects=True)
    assert label_of(both, SITE) == "restricted"
    assert label_of(both, SITE, repo="website") == "public"
    assert label_of(both, LEDGER, repo="website") == "restricted"


def test_two_hints_of_one_repository_are_one_signal() -> None:
    claims = Claims(workspaces=(LEDGER, "git@git.corp:payments/ledger-1.git"))
    told = signals(a_caller("website"), claims, REGISTRY, VOCABULARY, PUBLIC)
    assert [(s.source, s.detail) for s in told] == [
        ("repo", "website"),
        ("claim:workspace", "payments"),
    ]


def test_a_rule_that_denies_hears_of_every_workspace() -> None:
    claims = Claims(workspaces=(SITE, LEDGER, "/srv/x"))
    assert repos_of(a_caller("website"), claims, REGISTRY) == Repos(
        frozenset({"website"}), frozenset({"payments"}), strange=True
    )
    chosen = Claims(repo="website", workspaces=(LEDGER,))
    both = a_caller("website", "payments", selects=True)
    assert repos_of(both, chosen, REGISTRY) == Repos(
        frozenset({"website"}), frozenset({"payments"})
    )
    assert [hint.repo for hint in hinted(claims, REGISTRY)] == [WEBSITE, PAYMENTS, None]
