"""Where a request comes from: the peer, or what a listed proxy says."""

import pytest

from tests.doubles.ledger_sight import personal_of
from tests.doubles.raw_http import Field, Line
from tests.doubles.serving_house import OPENAI, House

PROXY = "127.0.0.9"
FORWARDED = "x-forwarded-for"


def _address(house: House, source: str, *fields: Field) -> str:
    with Line(house.url, source) as line:
        line.send(house.request(OPENAI, OPENAI.body(), fields=fields))
        heard = line.hear()
    assert heard.status == 200
    return personal_of(house.gateway, heard.record).address


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("198.51.100.1, 203.0.113.5", "203.0.113.5"),
        (f"203.0.113.5, {PROXY}", "203.0.113.5"),
        ("2001:db8::5", "2001:db8::5"),
        ("nonsense", PROXY),
        ("203.0.113.5, nonsense", PROXY),
        ("203.0.113.5:443", PROXY),
        ("", PROXY),
        (", ".join(["203.0.113.5"] * 100), PROXY),
    ],
)
def test_a_listed_proxy_is_believed(narrow, said, address) -> None:
    assert _address(narrow, PROXY, (FORWARDED, said)) == address


def test_a_proxy_that_adds_a_second_header_is_read_to_the_right(narrow) -> None:
    fields = ((FORWARDED, "198.51.100.1"), (FORWARDED, "203.0.113.5"))
    assert _address(narrow, PROXY, *fields) == "203.0.113.5"


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.8"])
def test_adv_03_another_peer_is_not_believed(narrow, source) -> None:
    fields = ((FORWARDED, "203.0.113.5"), ("x-real-ip", "203.0.113.5"))
    assert _address(narrow, source, *fields) == source


def test_adv_03_without_a_list_nobody_is_believed(house) -> None:
    assert _address(house, PROXY, (FORWARDED, "203.0.113.5")) == PROXY


def test_other_headers_of_a_listed_proxy_say_nothing(narrow) -> None:
    fields = (("forwarded", "for=203.0.113.5"), ("x-real-ip", "203.0.113.5"))
    assert _address(narrow, PROXY, *fields) == PROXY
