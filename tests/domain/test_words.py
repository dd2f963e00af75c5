import pickle
from datetime import date

import pytest

from gateway.domain.caller import Repo, RepoRegistry
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, Draining, GatewayError, LedgerUnavailable, Problem
from gateway.domain.fleet import Catalogue, Offering
from gateway.domain.label import Label, Level
from gateway.domain.money import Price, Tokens
from gateway.domain.route import Candidate
from gateway.domain.secret import Secret
from gateway.domain.vocabulary import UnknownLabelError, Vocabulary

LABEL = Label(Level(0, "public"))


def test_a_problem_says_file_line_place_and_hint() -> None:
    document = Document("policy.yaml", {}, {"": 1, "/rules": 4, "/rules/0": 5})
    assert str(document.problem("/rules/0/when", "no condition", "write any: true")) == (
        "policy.yaml:5: /rules/0/when: no condition (write any: true)"
    )
    assert str(document.problem("", "empty")) == "policy.yaml:1: empty"


def test_a_document_without_lines_points_at_its_first() -> None:
    assert Document("policy.yaml", {}).line("/rules/7/when") == 1
    assert Document("policy.yaml", {}, {"/rules": 3}).line("/rules/7/when") == 3


def test_a_config_error_carries_every_problem() -> None:
    error = ConfigError((Problem("a", 1, "", "x"), Problem("b", 2, "/y", "z")))
    assert len(error.problems) == 2
    assert str(error) == "a:1: x\nb:2: /y: z"


def test_an_error_has_the_retry_of_its_kind_unless_told_otherwise() -> None:
    assert Draining("full").retry_after_s == 2
    assert LedgerUnavailable("disk", retry_after_s=30).retry_after_s == 30
    assert GatewayError("x", hint="for the operator").hint == "for the operator"


def test_a_repository_is_found_by_exactly_its_address() -> None:
    repo = Repo("payments", LABEL, frozenset({"git.corp/pay/ledger-1"}))
    registry = RepoRegistry({"payments": repo}, LABEL)
    assert registry.by_address("git.corp/pay/ledger-1") == (repo,)
    assert registry.by_address("git.corp/pay/ledger-199") == ()


def test_a_secret_never_prints_itself() -> None:
    secret = Secret("sk-hidden")
    assert str(secret) == repr(secret) == f"{secret}" == "Secret(***)"
    assert secret.reveal() == "sk-hidden"
    assert secret == Secret("sk-hidden")
    assert secret != Secret("sk-other")
    assert secret != "sk-hidden"
    assert len({secret, Secret("sk-hidden")}) == 1
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_cost_is_rounded_up_to_a_whole_micro_dollar() -> None:
    price = Price(4_000_000, 20_000_000, "a page", date(2026, 11, 20), 200_000, 5_000_000)
    assert price.cost_microusd(Tokens()) == 0
    assert price.cost_microusd(Tokens(1, 1, 1, 1)) == 30
    assert price.cost_microusd(Tokens(cache_read_tokens=1)) == 1


def test_a_vocabulary_knows_its_own_levels_alone() -> None:
    words = Vocabulary(("public", "restricted"))
    assert words.level("restricted") == Level(1, "restricted")
    assert words.top == Label(Level(1, "restricted"))
    with pytest.raises(UnknownLabelError):
        words.level("secret")


def test_a_catalogue_names_each_model_once_and_a_candidate_its_zone() -> None:
    price = Price(0, 0, "own hardware", date(2026, 11, 20))
    one = Offering("m@a", "m", "a", "home", "m", 1, 1, frozenset(), price)
    two = Offering("m@b", "m", "b", "cloud", "m", 1, 1, frozenset(), price)
    assert Catalogue((one, two), {}, {}).models == ("m",)
    assert Candidate(two).zone == "cloud"
