import pytest

from gateway.classification.repos import REPO_ID_MAX, claimed, repos_of
from gateway.domain.caller import Caller, Repo, RepoRegistry
from gateway.domain.errors import Malformed
from gateway.domain.label import Label, Level
from gateway.domain.request import Claims

PUBLIC, RESTRICTED = Label(Level(0, "public")), Label(Level(1, "restricted"))
WEBSITE = Repo("website", PUBLIC, frozenset({"git.corp/web/site"}))
PAYMENTS = Repo("payments", RESTRICTED, frozenset({"git.corp/payments/ledger-1"}))
REGISTRY = RepoRegistry({"website": WEBSITE, "payments": PAYMENTS}, RESTRICTED)


def a_caller(*repos: str, selects: bool = False) -> Caller:
    return Caller("k1", "someone", "team", repos=repos, selects_repo=selects)


def test_no_claim_is_no_claim() -> None:
    assert claimed(Claims(), REGISTRY) == ()


@pytest.mark.parametrize(
    "text", ["payments", "https://git.corp/payments/ledger-1", "git@git.corp:payments/ledger-1.git"]
)
def test_a_claim_by_id_or_by_url_finds_the_registered_repository(text: str) -> None:
    (found,) = claimed(Claims(repo=text), REGISTRY)
    assert found.repo is PAYMENTS


@pytest.mark.parametrize(
    "text", ["https://git.corp/payments/ledger-199", "https://git.corp@evil/payments/ledger-1"]
)
def test_adv_06_a_claim_of_another_url_is_an_unregistered_repository(text: str) -> None:
    (found,) = claimed(Claims(repo=text), REGISTRY)
    assert found.repo is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ledger",
        "Payments",
        "payments ",
        "payments\x00",
        "p\u0430yments",
        "payments\u200d",
        "../payments",
        "https://git.corp/payments/%2e%2e/web/site",
        "x" * (REPO_ID_MAX + 1),
    ],
)
def test_adv_05_a_claim_that_names_nothing_exactly_is_malformed(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        claimed(Claims(repo=text), REGISTRY)
    assert not text or text not in caught.value.what


def test_the_key_binds_repositories_and_a_claim_only_adds_to_them() -> None:
    caller = a_caller("website")
    found = repos_of(caller, Claims(repo="payments"), REGISTRY)
    assert (found.known, found.claimed) == ({"website"}, {"payments"})
    assert repos_of(caller, Claims(), REGISTRY).known == {"website"}
    assert repos_of(caller, Claims(repo="website"), REGISTRY).known == {"website"}
    stranger = repos_of(caller, Claims(repo="https://git.corp/a/b"), REGISTRY)
    assert (stranger.known, stranger.claimed) == ({"website"}, frozenset())


def test_only_a_key_that_selects_lets_a_claim_choose_among_its_own() -> None:
    claim = Claims(repo="website")
    both = ("website", "payments")
    assert repos_of(a_caller(*both), claim, REGISTRY).known == set(both)
    assert repos_of(a_caller(*both, selects=True), claim, REGISTRY).known == {"website"}
    outside = repos_of(a_caller("payments", selects=True), claim, REGISTRY)
    assert (outside.known, outside.claimed) == ({"payments"}, {"website"})
