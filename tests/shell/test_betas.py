"""A beta that the client asks for goes to the engine, or is lost by name; there is no third way."""

import msgspec
import pytest
from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.transport.backend import Telling
from tests.doubles.fleets import an_offering

BETA = "canary-2026-01-01"
OFFERING = replace(an_offering("m", "b", "frontier"), settings={})
WAYS = [
    pytest.param(way, id=f"{name}:{way.dialect.name}:{number}")
    for name, backend in sorted(BACKENDS.items())
    for number, way in enumerate(backend.ways)
]


def sent(way, told: dict[str, str], **settings: str) -> tuple[str, set[str]]:
    telling = Telling(told, OFFERING, "record", settings)
    body, unfit = way.fitted({"model": "m", "messages": []}, telling)
    fields, untold = way.fields(telling)
    return msgspec.json.encode([body, fields]).decode(), {*unfit, *untold}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_on_a_list_is_lost_by_name_at_every_way(way) -> None:
    said, lost = sent(way, {"anthropic-beta": BETA})
    assert BETA not in said
    assert lost == {"anthropic_beta"}


@pytest.mark.parametrize("way", WAYS)
def test_without_one_nothing_is_lost(way) -> None:
    for told in ({}, {"anthropic-beta": " , "}):
        assert sent(way, told)[1] == set()


@pytest.mark.parametrize("way", WAYS)
def test_what_the_operator_allows_is_told_where_anybody_listens(way) -> None:
    said, lost = sent(way, {"anthropic-beta": BETA}, betas=BETA)
    assert (BETA in said) != bool(lost)
