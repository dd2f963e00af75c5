"""What a running gateway says of itself in its ledger."""

import pytest

from gateway import __version__
from gateway.audit.record import Admin, Decided
from gateway.ledger.documents import load
from gateway.ledger.paths import LedgerFolder
from tests.doubles.ledger_sight import records
from tests.doubles.serving_house import FORMS, House


@pytest.fixture
def told(house: House) -> list:
    heard = house.ask(FORMS[0], FORMS[0].body(), "website", ())
    house.record(heard.record)
    return records(house.gateway)


def test_each_start_says_with_which_version_documents_and_keys_it_runs(house, told) -> None:
    (found,) = [one for one in told if isinstance(one, Admin) and one.what == "configured"]
    facts = found.facts
    assert facts["gateway"] == __version__
    assert {"policy", "catalogue", "detectors", "node"} < facts.keys()
    assert all(str(facts[name]).startswith("sha256:") for name in ("node", "detectors"))
    assert set(facts["key_ids"]) >= {"web", "pay"}
    assert facts["keys"] == len(facts["key_ids"])


def test_each_decision_names_the_rules_of_the_detectors_by_digest(house, told) -> None:
    decided = [one for one in told if isinstance(one, Decided)][-1]
    assert decided.documents.keys() == {"policy", "catalogue", "detectors"}
    rules = load(LedgerFolder(house.gateway.ledger), decided.documents["detectors"])
    assert set(rules["rules"]) >= {"secrets", "personal"}
    assert all(len(digest) == 64 for digest in rules["rules"].values())
