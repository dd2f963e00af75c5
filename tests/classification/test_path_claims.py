"""What a path, the body's metadata and an agent's folder claim may only raise the label."""

import pytest

from gateway.classification.classify import classify
from gateway.classification.repos import FOLDERED_MAX, Repos, foldered, repos_of
from gateway.classification.signals import signals
from gateway.domain.caller import Caller, Repo, RepoRegistry
from gateway.domain.decision import Classification, Trust
from gateway.domain.errors import Malformed
from gateway.domain.request import Claims
from tests.classification.test_signals import DEFAULT, WORDS

REGISTRY = RepoRegistry(
    {
        "website": Repo("website", WORDS.parse("public"), paths=("**/website",)),
        "payments": Repo(
            "payments",
            WORDS.parse("restricted"),
            frozenset({"git.corp/pay/l-1"}),
            ("/Users/*/src/ledger", "C:/src/ledger"),
        ),
    },
    WORDS.parse("restricted+opaque"),
)
RAISING = [
    (Claims(place_repo="payments"), "claim:path"),
    (Claims(place_label="restricted"), "claim:path_label"),
    (Claims(told_repos=("payments",)), "claim:metadata"),
    (Claims(told_repos=("https://git.corp/pay/l-1.git",)), "claim:metadata"),
    (Claims(told_labels=("restricted",)), "claim:metadata_label"),
    (Claims(folders=("/Users/ada/src/ledger",)), "claim:folder"),
]
LOWER = [
    Claims(place_repo="website"),
    Claims(place_label="public"),
    Claims(told_repos=("website",)),
    Claims(told_labels=("public",)),
    Claims(folders=("/x/website",)),
]


def read(claims: Claims, *repos: str, selects: bool = False) -> Classification:
    caller = Caller("k1", "someone", "team", None, repos, selects)
    return classify(signals(caller, claims, REGISTRY, WORDS, DEFAULT))


@pytest.mark.parametrize(("claims", "source"), RAISING)
def test_a_claim_raises_and_is_known_as_one(claims: Claims, source: str) -> None:
    found = read(claims, "website")
    assert found.label.level.name == "restricted"
    assert source in found.raised_by
    raised = [one for one in found.signals if one.source == source]
    assert [(one.trust, one.base) for one in raised] == [(Trust.CLAIMED, False)]


@pytest.mark.parametrize("claims", LOWER)
@pytest.mark.parametrize("selects", [False, True])
def test_a_claim_never_lowers_what_the_key_binds(claims: Claims, *, selects: bool) -> None:
    found = read(claims, "payments", selects=selects)
    assert str(found.label) == "restricted"
    assert found.raised_by == ()


def test_the_path_chooses_for_a_key_that_may_choose_among_its_own() -> None:
    bound = ("website", "payments")
    assert str(read(Claims(place_repo="website"), *bound, selects=True).label) == "public"
    assert str(read(Claims(place_repo="website"), *bound).label) == "restricted"
    assert str(read(Claims(place_repo="payments"), "website", selects=True).label) == "restricted"


def test_a_header_and_a_path_both_count_whichever_is_lower() -> None:
    bound = ("website", "payments")
    for header, place in (("website", "payments"), ("payments", "website")):
        claims = Claims(repo=header, place_repo=place)
        assert str(read(claims, *bound, selects=True).label) == "restricted"
    claims = Claims(label="public", place_label="restricted")
    assert str(read(claims, "website").label) == "restricted"
    claims = Claims(label="public", told_labels=("internal", "public+secret"))
    assert str(read(claims, "website").label) == "internal+secret"


@pytest.mark.parametrize(
    "claims", [Claims(told_repos=("website",)), Claims(folders=("/x/website",))]
)
def test_metadata_and_folders_choose_nothing(claims: Claims) -> None:
    assert str(read(claims, "website", "payments", selects=True).label) == "restricted"


@pytest.mark.parametrize(
    "claims",
    [
        Claims(place_repo="nowhere"),
        Claims(place_label="cosmic"),
        Claims(told_repos=("nowhere",)),
        Claims(told_repos=("",)),
        Claims(told_repos=("http://git.corp/a/../b",)),
        Claims(told_labels=("cosmic",)),
        Claims(told_labels=("",)),
    ],
)
def test_a_claim_that_names_nothing_is_refused(claims: Claims) -> None:
    with pytest.raises(Malformed):
        read(claims, "website")


def test_a_repository_of_the_metadata_that_is_not_registered_counts_as_such() -> None:
    found = read(Claims(told_repos=("https://git.corp/other/one",)), "website")
    assert str(found.label) == "restricted+opaque"


def test_a_folder_that_no_repository_lists_says_nothing() -> None:
    for folder in ("/Users/ada/src/ledger-199", "/Users/ada/src", "/tmp", "", "\0"):  # noqa: S108
        assert str(read(Claims(folders=(folder,)), "website").label) == "public"


@pytest.mark.parametrize(
    "folder",
    [
        "/Users/ada/src/ledger",
        "/Users/ada/src/ledger/",
        "/Users/ada/src/ledger/a/b",
        "/users/Ada/SRC/Ledger",
        "/Users/ada/./src//ledger",
        "/Users/ada/src/other/../ledger",
        "C:\\src\\ledger\\deep",
    ],
)
def test_a_folder_is_read_as_the_machine_reads_it(folder: str) -> None:
    assert str(read(Claims(folders=(folder,)), "website").label) == "restricted"


def test_a_rule_that_denies_hears_of_every_claim() -> None:
    caller = Caller("k1", "someone", "team", None, ("website",))
    for claims, source in RAISING:
        if "label" not in source:
            found = repos_of(caller, claims, REGISTRY)
            assert found == Repos(frozenset({"website"}), frozenset({"payments"}))


def test_of_many_folders_every_label_counts() -> None:
    repos = {
        f"r{number}": Repo(f"r{number}", WORDS.parse("public"), paths=("**/x",))
        for number in range(100)
    }
    last = Repo("last", WORDS.parse("restricted"), paths=("/x",))
    found = foldered(Claims(folders=("/x",)), RepoRegistry({**repos, "last": last}, DEFAULT))
    assert len(found) == FOLDERED_MAX
    assert last in {claim.repo for claim in found}
